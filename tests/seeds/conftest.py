"""An installation of real processes for each document, and one film that goes through it."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tasks.cloudwatch import spool
from tasks.feed import events
from tasks.infra.database import connect
from tasks.media.tools import Tools, find_tools
from tasks.migrations import indexes
from tests.cloudwatch_server import KEYS, CloudWatchServer
from tests.media.clips import X264, ffmpeg
from tests.recovery.processes import Dailies, Worker
from tests.recovery.waiting import answers, until
from tests.servers import Servers
from webapp import models as people
from webapp.auth import api_tokens
from webapp.cli.up.servers import free_port

LOG_GROUP = "/video-encoding/progress"
FILM_SECONDS = 6
#: Times real time at which films are encoded: an encoding lasts long enough to be seen.
PACE = 3.0


@dataclass
class Installation:
    """Dailies on a port, asked by a program that may do everything."""

    servers: Servers
    dailies: Dailies
    port: int
    cloudwatch: CloudWatchServer
    token: str = ""
    workers: list[Worker] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, request: str, **options: Any) -> requests.Response:
        """``ask("GET /api/upload/jobs")``, with what ``requests`` takes."""
        method, path = request.split(" ", 1)
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **options)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON of what is there. Fails where it is anything but 200."""
        answer = self.ask(f"GET {path}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def start_worker(self) -> None:
        """Until then nothing is worked on."""
        self.workers.append(self.dailies.worker(pace=PACE, threads=4))

    def follow(
        self, path: str, ended: Callable[[Mapping[str, Any]], object], seconds: float = 120.0
    ) -> list[dict[str, Any]]:
        """What was answered there, each answer that differs from the one before, up to an end."""
        seen: list[dict[str, Any]] = []

        def look() -> bool:
            body = self.get(path)
            if not seen or seen[-1] != body:
                seen.append(body)
            return bool(ended(body))

        until(look, f"the end of {path}", seconds)
        return seen


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


@pytest.fixture(scope="session")
def film(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short film in 720p, with sound."""
    path = tmp_path_factory.mktemp("film") / "tides.mp4"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=10:duration={FILM_SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=frequency=300:duration={FILM_SECONDS}"),
        *("-c:a", "aac", "-b:a", "64k", *X264, path),
    )
    return path


@pytest.fixture(scope="module")
def installation(
    request: pytest.FixtureRequest,
    _servers_of_session: Servers,
    tools: Tools,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Web and reconciler over empty servers; the worker is started later. With CloudWatch Logs
    where the document is about them (``CLOUDWATCH`` of its module)."""
    servers = _servers_of_session
    servers.start()
    servers.clean()
    connect()
    indexes.ensure()
    people.ensure_indexes()
    folder = tmp_path_factory.mktemp("installation")
    cloudwatch = CloudWatchServer(folder / "moto.log")
    port = free_port()
    settings = {"PORT": str(port)}
    logs = getattr(request.module, "CLOUDWATCH", False)
    if logs:
        settings |= {
            "CLOUDWATCH_LOG_GROUP": LOG_GROUP,
            "AWS_ENDPOINT_URL_LOGS": cloudwatch.url,
            **KEYS,
        }
    dailies = Dailies(servers, folder, tools.ffmpeg, settings)
    installation = Installation(servers, dailies, port, cloudwatch)
    installation.token = api_tokens.issue("seeds", "admin")
    dailies.start("web")
    dailies.start("reconciler")
    if logs:
        cloudwatch.start()

    until(lambda: answers(f"{installation.url}/healthz"), "an answer of the web process")
    yield installation
    sys.stdout.write(dailies.said())
    dailies.close()
    cloudwatch.stop()
    log = (folder / "web.log").read_text(errors="replace")
    assert "Traceback" not in log, log


def shipped() -> None:
    """Returns when all that the feed has told until now is in CloudWatch."""
    last = events.place(events.last_id())

    def done() -> bool:
        collected = spool.position()
        return bool(collected and events.place(collected) >= last and not spool.state().waiting)

    until(done, "CloudWatch to have what the feed told", 60)
