"""The requirements files pin what pyproject.toml asks for, and name no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _asked_for(*extras: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    pins = (re.match(r"([\w.-]+)(?:\[\w+\])?==([\w.]+)$", line) for line in asked)
    return {pin[1].lower(): pin[2] for pin in pins if pin}


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("requirements.txt", ()),
        ("requirements-embedded.txt", ("embedded",)),
        ("requirements-dev.txt", ("embedded", "dev")),
    ],
)
def test_requirements_follow_pyproject(name: str, extras: tuple[str, ...]) -> None:
    lines = (ROOT / name).read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    asked = _asked_for(*extras)
    assert len(asked) > 15
    assert {key: pinned.get(key) for key in asked} == asked, "run `make lock`"
    for line in lines:
        assert re.match(r"$|\s*#|[\w.-]+==\S+$", line), f"not a plain pin: {line}"
