"""Where this copy of Dailies lies, and the environment that its processes need to run from it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def process_environment(environment: Mapping[str, str], data: Path) -> dict[str, str]:
    """``environment`` for a process started in ROOT.

    The interpreter that runs now comes first on PATH, imports find ROOT, and the data folder's
    path is absolute, because the process starts in another folder than its caller.
    """
    path = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
    imports = [str(ROOT), environment.get("PYTHONPATH", "")]
    return {
        **environment,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join(part for part in imports if part),
        "PYTHONUNBUFFERED": "1",
        "DAILIES_DATA": str(data.resolve()),
    }
