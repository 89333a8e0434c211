"""ffmpeg and ffprobe are found, or it is said what to do."""

from pathlib import Path

import pytest

from tasks.media.tools import ToolMissing, Tools, find_tools, version_of


def program(path: Path, banner: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{banner}'\n")
    path.chmod(0o755)
    return str(path)


def test_the_tools_of_this_machine_are_new_enough(tools: Tools) -> None:
    assert version_of(tools.ffmpeg)
    assert version_of(tools.ffprobe)


def test_what_is_set_is_used_before_what_is_on_the_path(tools: Tools, tmp_path: Path) -> None:
    mine = program(tmp_path / "my-ffmpeg", "ffmpeg version 6.1-mine Copyright")

    assert find_tools(ffmpeg=mine).ffmpeg == mine
    assert version_of(mine) == "6.1-mine"


def test_the_path_comes_before_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = Tools(
        ffmpeg=program(tmp_path / "ffmpeg", "ffmpeg version 5.1.9-0+deb12u1 Copyright"),
        ffprobe=program(tmp_path / "ffprobe", "ffprobe version 5.1.9-0+deb12u1 Copyright"),
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert find_tools() == on_path


@pytest.mark.parametrize("version", ["5.1", "n9.0.2-17-g2a571b6068", "N-112345-gdeadbeef", "10.0"])
def test_versions_that_will_do(tmp_path: Path, version: str) -> None:
    mine = program(tmp_path / "ffprobe", f"ffprobe version {version} Copyright (c)")

    assert find_tools(ffprobe=mine).ffprobe == mine


@pytest.mark.parametrize("version", ["4.4.2", "5.0.1", "n3.4"])
def test_versions_that_are_too_old(tmp_path: Path, version: str) -> None:
    old = program(tmp_path / "ffmpeg", f"ffmpeg version {version} Copyright (c)")

    with pytest.raises(ToolMissing, match=rf"is version {version}, and at least 5\.1 is needed"):
        find_tools(ffmpeg=old)


def test_a_path_that_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"FFPROBE=/no/such/thing is not a program"):
        find_tools(ffprobe="/no/such/thing")


def test_a_program_that_is_something_else(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"is not ffmpeg: it says 'hello"):
        find_tools(ffmpeg=program(tmp_path / "ffmpeg", "hello"))


def test_nothing_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tasks.media.tools._wheel_ffmpeg", lambda: None)

    with pytest.raises(ToolMissing, match=r"ffmpeg was not found\..*or set FFMPEG to its path"):
        find_tools()
