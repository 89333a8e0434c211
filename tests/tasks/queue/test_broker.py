"""What Redis holds for a unit, wherever its message is at the time."""

import dramatiq
import pytest
import redis
from redis.connection import Connection

from tasks.queue import broker
from tests.servers import Servers

pytestmark = pytest.mark.usefixtures("database")


def held(queue_name: str) -> set[tuple[str, str]]:
    return set(broker.held_messages(queue_name))


def test_a_queued_message_is_held() -> None:
    assert broker.send(broker.CHUNKS, "job-1", "message-1")
    assert held(broker.CHUNKS) == {("message-1", "job-1")}
    assert held(broker.SPLIT) == set()
    assert broker.depths()[broker.CHUNKS] == 1


def test_a_fetched_message_is_held_until_it_is_acknowledged() -> None:
    broker.send(broker.CHUNKS, "job-1", "message-1")
    consumer = broker.get_broker().consume(broker.CHUNKS, prefetch=1, timeout=100)
    message = next(consumer)
    assert message is not None
    assert held(broker.CHUNKS) == {("message-1", "job-1")}
    consumer.ack(message)
    assert held(broker.CHUNKS) == set()


def test_a_message_that_is_to_come_again_later_is_held() -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=broker.CHUNKS,
        actor_name=broker.ACTORS[broker.CHUNKS],
        args=("job-1", "message-1"),
        kwargs={},
        options={},
        message_id="message-1",
    )
    broker.get_broker().enqueue(message, delay=60_000)
    assert held(broker.CHUNKS) == {("message-1", "job-1")}
    assert broker.depths()[broker.CHUNKS] == 1


def test_more_messages_than_one_batch_are_all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "SCAN_BATCH", 10)
    for number in range(600):
        broker.send(broker.SPLIT, f"job-{number}", f"message-{number}")
    assert len(held(broker.SPLIT)) == 600


def test_sending_to_a_redis_that_is_away_says_so(database: Servers) -> None:
    database.redis.kill()
    try:
        assert not broker.send(broker.SPLIT, "job-1", "message-1")
    finally:
        database.redis.start()


def ping(connection: Connection) -> None:
    connection.send_command("PING")
    connection.read_response()


@pytest.mark.parametrize("connected", [True, False])
def test_a_redis_that_hangs_is_one_that_refuses_to_a_consumer(
    database: Servers, connected: bool
) -> None:
    pool = broker.get_broker().client.connection_pool
    connection = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": 0.2})
    if connected:
        connection.connect()
    database.redis.freeze()
    try:
        # What Dramatiq waits out. Of a time-out it would log a traceback for every queue.
        with pytest.raises(redis.ConnectionError, match="Redis hangs"):
            ping(connection)
    finally:
        database.redis.thaw()
