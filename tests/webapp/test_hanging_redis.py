"""A Redis that hangs, which is worse than one that is gone: every call to it waits."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from redis.connection import AbstractConnection

from tasks.infra import redis_hanging
from tasks.infra.redis_client import get_brief_redis, get_redis
from tasks.models import Status, Step, TranscodeJob
from tasks.queue import broker
from tasks.recovery.reconciler import reconcile
from tasks.recovery.survey import reading
from tests.servers import Servers


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls to Redis, one entry each, that ended by a time-out."""
    counted: list[str] = []
    real = AbstractConnection.read_response

    def read_response(connection: AbstractConnection, *args: Any, **options: Any) -> Any:
        try:
            return real(connection, *args, **options)
        except redis.TimeoutError as error:
            counted.append(str(error))
            raise

    monkeypatch.setattr(AbstractConnection, "read_response", read_response)
    return counted


@pytest.fixture
def frozen(clean: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Has Redis hang, until the test's end at the latest; nobody asks it again by itself."""
    monkeypatch.setattr(redis_hanging, "PAUSE_SECONDS", 600.0)
    yield clean.redis.freeze
    thaw(clean)


def thaw(servers: Servers) -> None:
    """Redis goes on, and the pause is over."""
    servers.redis.thaw()
    for client in (get_redis(), get_brief_redis()):
        client.connection_pool.connection_class.hanging.answered()
        client.ping()


def video(number: int) -> dict[str, Any]:
    return {"video": (io.BytesIO(b"film %d" % number), f"{number}.mp4")}


def test_requests_wait_once_and_lose_nothing(
    editor: FlaskClient,
    clean: Servers,
    frozen: Callable[[], None],
    waits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert editor.get("/api/titles").status_code == 200
    frozen()
    for number in range(3):
        answer = editor.post("/api/upload/v1/upload", data=video(number))
        assert answer.status_code == 202
        answer = editor.post("/api/upload/module", data=video(number))
        assert answer.status_code == 201
    # For each: the limits, the message of each job, and the events of each row.
    assert len(waits) == 1, waits

    thaw(clean)
    assert len(TranscodeJob.objects) == Step.objects(status=Status.waiting).count() == 6
    assert broker.depths()[broker.SPLIT] == broker.depths()[broker.ANALYSE] == 0
    # Rows that have only just changed are left alone.
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)
    reconcile()
    assert broker.depths()[broker.SPLIT] == 6
    assert broker.depths()[broker.ANALYSE] == 3


def test_what_needs_redis_is_503_at_once(
    editor: FlaskClient, frozen: Callable[[], None], waits: list[str]
) -> None:
    frozen()
    asked = [
        editor.post("/api/feed-tickets"),
        editor.get("/v1/studio/workers"),
        editor.get("/v1/studio/queues"),
        editor.get("/v1/studio/cloudwatch"),
    ]
    for answer in asked:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json is not None
        assert answer.json["error"] == "The queue is away. Try again in a few seconds."
    assert len(waits) == 1, waits


def test_it_is_told_once_and_asked_again(
    clean: Servers,
    frozen: Callable[[], None],
    waits: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, redis_hanging.__name__)
    frozen()
    monkeypatch.setattr(redis_hanging, "PAUSE_SECONDS", 0.0)
    for _ in range(2):
        with pytest.raises(redis.TimeoutError):
            get_brief_redis().ping()
    assert len(waits) == 2
    clean.redis.thaw()
    assert get_brief_redis().ping()
    told = [record.getMessage() for record in caplog.records]
    assert [words.partition(":")[0] for words in told] == ["Redis hangs", "Redis answers again"]


def test_a_second_is_too_short_to_speak_for_the_patient(
    clean: Servers, frozen: Callable[[], None], waits: list[str]
) -> None:
    frozen()
    with pytest.raises(redis.TimeoutError):
        get_brief_redis().ping()
    clean.redis.thaw()
    assert get_redis().ping()
    assert len(waits) == 1
