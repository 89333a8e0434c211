"""Refreshes static/vendor from the npm registry, through the `npm pack` client.

Run it from anywhere after changing a version below: `python scripts/vendor.py`. What it writes is
committed, so neither running nor building Dailies needs npm.
"""

import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"

# A map is as large as its file and only a debugger asks for it: without one, that is a 404.
SOURCE_MAP = re.compile(rb"\n?(//|/\*)# sourceMappingURL=\S+?( ?\*/)?\s*$")


@dataclass(frozen=True)
class Package:
    """A package at one version; ``files`` maps a path in it to a file name of ours."""

    name: str
    version: str
    licence: str
    purpose: str
    files: dict[str, str]
    #: A file of the package, or the text itself where the package ships none.
    licence_text: str


PACKAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        "0BSD",
        "requests and swaps of partials, and WebSocket panels",
        {"dist/htmx.min.js": "htmx.min.js", "dist/ext/hx-ws.min.js": "hx-ws.min.js"},
        "LICENSE",
    ),
    Package(
        "@tabler/core",
        "1.6.1",
        "MIT",
        "look and components",
        {"dist/css/tabler.min.css": "tabler.min.css"},
        "Copyright (c) 2018-2026 The Tabler Authors and codecalm.net Paweł Kuna\n"
        "Licensed under the MIT licence. The package ships no licence file; "
        "it names the licence in package.json and in the head of each file.\n",
    ),
    Package(
        "media-chrome",
        "4.19.4",
        "MIT",
        "controls of the player",
        {"dist/iife/all.js": "media-chrome.js"},
        "LICENSE",
    ),
    Package(
        "hls.js",
        "1.7.4",
        "Apache-2.0",
        "adaptive playback",
        {"dist/hls.min.js": "hls.min.js"},
        "LICENSE",
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "charts of the overview",
        {"dist/uPlot.iife.min.js": "uplot.min.js", "dist/uPlot.min.css": "uplot.min.css"},
        "LICENSE",
    ),
)


def fetch(package: Package, folder: Path) -> tarfile.TarFile:
    """The package's archive. Raises CalledProcessError where npm cannot get it."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return tarfile.open(folder / packed.stdout.strip().splitlines()[-1])


def member(archive: tarfile.TarFile, path: str) -> bytes:
    """One file of an archive. Raises KeyError where it has none of that name."""
    stream = archive.extractfile(f"package/{path}")
    if stream is None:
        raise KeyError(path)
    return stream.read()


def main() -> None:
    """Write every file, its licence, and the table in README.md."""
    if VENDOR.exists():
        shutil.rmtree(VENDOR)
    VENDOR.mkdir(parents=True)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            licence_file = f"{package.name.replace('@', '').replace('/', '-')}.LICENSE"
            with fetch(package, Path(scratch)) as archive:
                if package.licence_text == "LICENSE":
                    licence = member(archive, "LICENSE")
                else:
                    licence = package.licence_text.encode()
                (VENDOR / licence_file).write_bytes(licence)
                for path, name in package.files.items():
                    data = SOURCE_MAP.sub(b"\n", member(archive, path))
                    (VENDOR / name).write_bytes(data)
                    rows.append(
                        f"| `{name}` | {package.name} {package.version} | `{path}` "
                        f"| [{package.licence}]({licence_file}) | {package.purpose} "
                        f"| `{hashlib.sha256(data).hexdigest()[:16]}` |"
                    )
    (VENDOR / "README.md").write_text(
        "# Vendored front end\n\n"
        "Written by `scripts/vendor.py`: change a version there and run it; edit nothing here.\n"
        "Files are as published, without the line that names a source map.\n\n"
        "| file | package | path in it | licence | for | sha-256 |\n"
        "| --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    main()
