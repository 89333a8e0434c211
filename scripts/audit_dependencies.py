"""`python -m scripts.audit_dependencies`: known faults of what requirements.txt pins, by pip-audit.

Ends with 1 where a fault is known, and with 0, saying so, where nobody could be asked.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120


def main() -> int:
    """Prints each fault; the exit status."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
        *("--no-deps", "--disable-pip", "--timeout", "10"),
        *("--requirement", str(ROOT / "requirements.txt")),
    ]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        packages = json.loads(asked.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        sys.stdout.write("Dependencies are not audited: nobody could be asked for known faults.\n")
        return 0
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in"
        f" {', '.join(fault['fix_versions']) or 'no release yet'}"
        for package in packages
        for fault in package.get("vulns", [])
    ]
    found = "\n".join(faults) or f"No known faults in {len(packages)} packages."
    sys.stdout.write(f"{found}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
