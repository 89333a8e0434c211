"""Messages start at once, by whichever process they are queued; and none is missed for that."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker

from tasks.queue import broker
from tests.recovery.waiting import until
from tests.servers import Servers

pytestmark = pytest.mark.usefixtures("database")

#: A consumer that isn't woken looks again only after these milliseconds: never, in a test.
PATIENCE_MS = 600_000
#: Seconds in which a busy machine has brought the message too.
SOON = 60.0


class Taker:
    """A thread that takes messages of the queue of chunks, as a worker's consumer does."""

    def __init__(self, patience_ms: int = PATIENCE_MS) -> None:
        self.consumer: Consumer = broker.get_broker().consume(
            broker.CHUNKS, prefetch=1, timeout=patience_ms
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

    def has(self, count: int, seconds: float = SOON) -> bool:
        with self.came:
            return self.came.wait_for(lambda: len(self.taken) >= count, seconds)

    def stop(self) -> None:
        self.over = True
        # Again and again: it may be about to wait, and must not take what later tests send.
        while self.thread.is_alive():
            broker.get_broker().bells.ring(broker.CHUNKS)
            self.thread.join(0.05)


@pytest.fixture
def taker(database: Servers) -> Iterator[Taker]:
    taker = Taker()
    # Not before it listens and has looked in vain: then only being woken brings the message.
    until(lambda: listens(database), "somebody who listens")
    until(lambda: taker.consumer.misses, "a look in vain")  # type: ignore[attr-defined]
    yield taker
    taker.stop()


def listens(database: Servers) -> bool:
    return bool(database.redis_client.pubsub_numsub("dailies:wake")[0][1])


def test_a_message_wakes_an_idle_consumer(taker: Taker) -> None:
    broker.send(broker.CHUNKS, "job-1", "message-1")
    assert taker.has(1)


def test_a_message_of_another_process_wakes_it_too(taker: Taker) -> None:
    send = "from tasks.queue import broker as queue; queue.send(queue.CHUNKS, 'job-1', 'message-1')"
    subprocess.run([sys.executable, "-c", send], check=True)
    assert taker.has(1)


def test_the_next_message_follows_as_soon_as_one_is_acknowledged(taker: Taker) -> None:
    broker.send(broker.CHUNKS, "job-1", "message-1")
    broker.send(broker.CHUNKS, "job-2", "message-2")
    assert taker.has(1)
    assert not taker.has(2, 0.5), "more fetched than it may hold"
    taker.consumer.ack(taker.message)
    assert taker.has(2)


def test_messages_are_found_without_being_woken(database: Servers) -> None:
    taker = Taker(patience_ms=200)
    # Nobody hears of this one: it is queued as Dramatiq alone does.
    RedisBroker.enqueue(
        broker.get_broker(),
        dramatiq.Message(
            queue_name=broker.CHUNKS,
            actor_name=broker.ACTORS[broker.CHUNKS],
            args=("job-1", "message-1"),
            kwargs={},
            options={},
        ),
    )
    assert taker.has(1)
    taker.stop()


def test_it_listens_again_after_redis_was_away(database: Servers, taker: Taker) -> None:
    database.redis.kill()
    database.redis.start()
    until(lambda: listens(database), "somebody who listens again", SOON)
