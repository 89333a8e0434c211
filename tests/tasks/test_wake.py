"""Messages start at once, by whichever process they are queued; and none is missed for that."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker

from tasks import queue
from tests.servers import Servers

pytestmark = pytest.mark.usefixtures("database")

#: A consumer that isn't woken looks again only after these milliseconds.
PATIENCE_MS = 20_000
AT_ONCE_SECONDS = 3.0


class Taker:
    """A thread that takes messages of the queue of chunks, as a worker's consumer does."""

    def __init__(self, patience_ms: int = PATIENCE_MS) -> None:
        self.consumer: Consumer = queue.get_broker().consume(
            queue.CHUNKS, prefetch=1, timeout=patience_ms
        )
        self.taken: list[str] = []
        self.came = threading.Condition()
        self.over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.over:
            message = next(self.consumer)
            if message is not None:
                with self.came:
                    self.taken.append(message.message_id)
                    self.message = message
                    self.came.notify_all()

    def has(self, count: int, seconds: float) -> bool:
        with self.came:
            return self.came.wait_for(lambda: len(self.taken) >= count, seconds)


@pytest.fixture
def taker(database: Servers) -> Iterator[Taker]:
    taker = Taker()
    # Not before it listens and has looked in vain: then only being woken brings the message soon.
    until = time.monotonic() + 10
    while not database.redis_client.pubsub_numsub("dailies:wake")[0][1]:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.1)
    yield taker
    taker.over = True
    queue.get_broker().bells.of(queue.CHUNKS).set()
    taker.thread.join(5)


def test_a_message_wakes_an_idle_consumer(taker: Taker) -> None:
    queue.send(queue.CHUNKS, "job-1", "message-1")
    assert taker.has(1, AT_ONCE_SECONDS)


def test_a_message_of_another_process_wakes_it_too(taker: Taker) -> None:
    send = "from tasks import queue; queue.send(queue.CHUNKS, 'job-1', 'message-1')"
    subprocess.run([sys.executable, "-c", send], check=True, timeout=30)
    assert taker.has(1, AT_ONCE_SECONDS)


def test_the_next_message_follows_as_soon_as_one_is_acknowledged(taker: Taker) -> None:
    queue.send(queue.CHUNKS, "job-1", "message-1")
    queue.send(queue.CHUNKS, "job-2", "message-2")
    assert taker.has(1, AT_ONCE_SECONDS)
    assert not taker.has(2, 0.5), "more fetched than it may hold"
    taker.consumer.ack(taker.message)
    assert taker.has(2, AT_ONCE_SECONDS)


def test_messages_are_found_without_being_woken(database: Servers) -> None:
    taker = Taker(patience_ms=200)
    # Nobody hears of this one: it is queued as Dramatiq alone does.
    RedisBroker.enqueue(
        queue.get_broker(),
        dramatiq.Message(
            queue_name=queue.CHUNKS,
            actor_name=queue.ACTORS[queue.CHUNKS],
            args=("job-1", "message-1"),
            kwargs={},
            options={},
        ),
    )
    assert taker.has(1, 5)
    taker.over = True
    taker.thread.join(5)


def test_it_listens_again_after_redis_was_away(database: Servers, taker: Taker) -> None:
    database.redis.kill()
    database.redis.start()
    until = time.monotonic() + 15
    while not database.redis_client.pubsub_numsub("dailies:wake")[0][1]:
        assert time.monotonic() < until, "nobody listens any more"
        time.sleep(0.05)
