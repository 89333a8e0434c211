"""`docs/api.md` is run, line by line, with bash and curl against the real web server."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest
from flask import Flask

from tasks.infra.database import connect
from tasks.infra.redis_client import get_redis
from tasks.infra.storage import get_storage
from tasks.queue.workers import Presence, worker_name
from tests.recovery.waiting import until
from tests.webapp.api_lines import PAGE, Line, lines, value_at
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.pages import rows
from webapp.app import create_app
from webapp.auth import api_tokens
from webapp.openapi.document import document
from webapp.openapi.documentation import documentation_of
from webapp.openapi.families import PAGES

#: What people see of curl is the answer; the test wants to know whether it was refused.
#: A machine that is busy may answer 503 once: it says when to try again, and curl does.
CURLRC = "silent\nshow-error\nfail-with-body\nmax-time = 120\nretry = 5\n"


@pytest.fixture
def worker() -> Iterator[None]:
    """This process, alive as a worker."""
    presence = Presence()
    presence.start()
    until(lambda: get_redis().exists(f"dailies:worker:{worker_name()}"), "a sign of life")
    yield
    presence.stop()


@pytest.fixture
def variables(web: Gunicorn, worker: None, tmp_path: Path) -> dict[str, str]:
    """What a reader has set before the first line, in a folder with the files that lines name."""
    connect()
    (tmp_path / ".curlrc").write_text(CURLRC)
    (tmp_path / "film.mp4").write_bytes(b"not looked at before a worker has it")
    (tmp_path / "film.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nTides.\n")
    stream = rows.media(playable=True)
    get_storage().put_bytes(str(stream.master_key), b"#EXTM3U\n", "application/vnd.apple.mpegurl")
    token = api_tokens.issue("reader", "admin")
    return {
        "URL": web.url,
        "TOKEN": token,
        "AUTH": f"Authorization: Bearer {token}",
        "JSON": "Content-Type: application/json",
        "STREAM": str(stream.media_id),
    }


def run(line: Line, variables: dict[str, str], folder: Path) -> str:
    """What the command says. Fails where it was refused."""
    done = subprocess.run(
        ["bash", "-euc", line.command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, f"{line.command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_line_is_answered(variables: dict[str, str], tmp_path: Path, web: Gunicorn) -> None:
    for line in lines(PAGE.read_text()):
        said = run(line, variables, tmp_path)
        for name, place in line.names.items():
            variables[name] = value_at(json.loads(said), place)
    assert "Traceback" not in web.log


def called(app: Flask, line: Line) -> str:
    """The family of the route that a line calls."""
    words = shlex.split(line.command)
    address = next(word for word in words if word.startswith("$URL"))
    path = Template(address.partition("?")[0]).substitute(_Anything(URL=""))
    sends = any(word in ("-d", "-F") for word in words)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if sends else "GET"
    endpoint, _ = app.url_map.bind("localhost").match(path, method)
    said = documentation_of(app.view_functions[endpoint])
    assert said is not None, line.command
    return said.tag


class _Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x"


def test_every_family_is_shown(clean: object) -> None:
    app, page = create_app(), PAGE.read_text()
    shown = {called(app, line) for line in lines(page)}
    families = [tag["name"] for tag in document(app)["tags"] if tag["name"] != PAGES]
    assert [family for family in families if family not in shown] == []
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert [family for family in families if family not in titles] == []


def test_no_line_of_curl_is_left_out() -> None:
    page = PAGE.read_text()
    assert page.count("curl -") + page.count('curl "') == len(list(lines(page)))
