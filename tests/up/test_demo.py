"""`dailies demo` in a second terminal: a clip goes in and becomes a stream."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from tests.up.running import RunningUp, dailies, eventually

_TOKEN = "a bootstrap token of the tests"


def _status(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {_TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        status: dict[str, Any] = json.load(answer)
        return status


def test_the_demo_clip_becomes_a_stream(tmp_path: Path) -> None:
    up = RunningUp(tmp_path, procfile=None, DAILIES_API_TOKEN=_TOKEN)
    try:
        up.wait_for("Stop      Ctrl-C")
        data = ("--data", str(up.data))
        result = dailies("demo", *data)
        assert result.returncode == 0, result.stderr
        page = re.search(r"http://\S+/jobs/of/(\S+)", result.stdout)
        assert page

        address = f"http://127.0.0.1:{up.port}/api/upload/status/{page[1]}"
        assert eventually(lambda: _status(address)["status"] != "processing", timeout=90)
        assert _status(address)["status"] == "completed", up.output
        # The token that it made for itself is gone again.
        assert len(dailies("token", *data, "list").stdout.splitlines()) == 1
    finally:
        up.stop()


def test_without_a_dashboard_the_demo_says_what_to_start(tmp_path: Path) -> None:
    result = dailies("demo", "--data", str(tmp_path))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "dailies up" in result.stderr
