"""Two hundred readers of the feed, one of whom sleeps."""

import selectors
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tasks.feed import events
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.live.feed_client import FeedClient
from webapp.auth import api_tokens

SOCKETS = 200
EVENTS = 2_000
BURST = 100
#: Each event is about a kilobyte, so that a megabyte waits for a sleeper before the last.
PADDING = "x" * 1000
MOST_GROWTH = 60 * 2**20


@pytest.fixture
def web(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gunicorn]:
    """A web process that has done nothing yet, and lets one token have a crowd of sockets."""
    monkeypatch.setenv("DAILIES_SOCKETS", str(2 * SOCKETS))
    with Gunicorn(tmp_path / "web.log") as running:
        yield running
    assert "Traceback" not in running.log, running.log
    assert "ERROR" not in running.log, running.log


class Crowd:
    """Sockets that one thread reads, and the numbers of the events that each has got."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.got: dict[FeedClient, list[int]] = {}

    def add(self, client: FeedClient) -> None:
        """From now on reads it too."""
        got = self.got[client] = []

        def keep(message: dict[str, Any]) -> None:
            if "n" in message:
                got.append(message["n"])

        client.on_message = keep
        self._selector.register(client.socket, selectors.EVENT_READ, client)

    def until_all_have(self, count: int, timeout: float = 60) -> None:
        """Reads until everybody has so many. Raises AssertionError where that takes too long."""
        deadline = time.monotonic() + timeout
        while behind := sum(len(got) < count for got in self.got.values()):
            assert time.monotonic() < deadline, f"{behind} have less than {count}"
            for key, _ in self._selector.select(1):
                key.data.read()
                assert key.data.closed is None, key.data.closed


def publish(first: int, last: int) -> None:
    for number in range(first, last):
        events.publish("jobChanged", kind="transcode", jobId="j", n=number, errorMessage=PADDING)


def test_one_that_sleeps_costs_nobody_anything_and_loses_nothing(web: Gunicorn) -> None:
    token = api_tokens.issue("crowd", "viewer")
    crowd = Crowd()
    for _ in range(SOCKETS - 1):
        crowd.add(FeedClient(web, token=token))
    sleeper = FeedClient(web, token=token, reads=False)
    assert sleeper.next()["event"] == "hello"
    publish(0, BURST)
    crowd.until_all_have(BURST)
    before = web.memory

    dropped_at = None
    for first in range(BURST, EVENTS, BURST):
        publish(first, first + BURST)
        crowd.until_all_have(first + BURST)
        if dropped_at is None and "too slow" in web.log:
            dropped_at = first
            heard = wake(sleeper)
    growth = web.memory - before

    assert dropped_at is not None
    assert all(got == list(range(EVENTS)) for got in crowd.got.values())
    assert growth < MOST_GROWTH, f"{growth / 2**20:.0f} MB more"

    assert sleeper.closed is not None
    assert sleeper.closed[0] == 4408
    numbers = [message["n"] for message in heard]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) < dropped_at
    back = FeedClient(web, f"after={heard[-1]['id']}", token=token)
    assert back.next()["event"] == "hello"
    rest = [message["n"] for message in back.events(EVENTS - len(numbers))]
    assert numbers + rest == list(range(EVENTS))
    for client in [*crowd.got, back]:
        client.hang_up()


def wake(sleeper: FeedClient) -> list[dict[str, Any]]:
    """Reads all that was on its way to it."""
    heard: list[dict[str, Any]] = []
    sleeper.on_message = lambda message: heard.append(message) if "n" in message else None
    sleeper.end()
    return heard


def test_a_server_that_goes_away_says_so(app: Flask, tmp_path: Path) -> None:
    token = api_tokens.issue("crowd", "viewer")
    with Gunicorn(tmp_path / "web.log") as web:
        clients = [FeedClient(web, token=token) for _ in range(5)]
        for client in clients:
            assert client.next()["event"] == "hello"
        web.terminate()
        for client in clients:
            code, reason = client.end()
            assert code == 1001
            assert "after=" in reason
    # Nobody had to be waited for, or to be killed.
    assert "graceful timeout" not in web.log
    assert "Traceback" not in web.log, web.log
