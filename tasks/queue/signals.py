"""Workers that hear of a message at once, where Dramatiq's would find it when they look again.

An idle consumer of Dramatiq looks into its queue about once a second. A job is a chain of steps, so
on average it would stand still for half a second between any two of them, and a worker with long
chunks between any two chunks. Here, who queues a message also publishes its queue's name, and who
acknowledges one looks for the next at once. A consumer that hears nothing looks once a second all
the same: what is published is lost where nobody listens.
"""

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

from tasks.queue.fetch_slots import FetchSlots

log = logging.getLogger(__name__)

#: Where the names of queues are published that have got a message.
CHANNEL = "dailies:wake"
#: Seconds until a listener that lost its Redis tries again.
AGAIN_SECONDS = 1.0


class PromptBroker(RedisBroker):
    """A RedisBroker that wakes consumers, in whatever process they are."""

    def __init__(self, *, behind: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.bells = QueueSignals(self.client)
        #: What may be fetched at once; ``tasks.actors.boot`` says how many threads there are.
        self.room = FetchSlots(self.bells.ring, behind or {})
        #: Queues from which this process fetches nothing now; ``tasks.actors.gate`` says which.
        self.shut: frozenset[str] = frozenset()

    @property
    def consumer_class(self) -> type["PromptConsumer"]:
        """What Dramatiq makes for each queue of a worker."""
        return PromptConsumer

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Queues a message and tells who waits for one. Raises redis.RedisError if not queued."""
        queued: Message[Any] = super().enqueue(message, delay=delay)
        if delay is None:
            try:
                self.client.publish(CHANNEL, message.queue_name)
            except redis.RedisError as error:
                log.info("%s is found when looked for: %s", message.message_id, error)
        return queued

    def enqueue_many(self, messages: Sequence[Message[Any]]) -> None:
        """Queues messages in one round trip, and tells who waits for one.

        Raises redis.RedisError: then nobody knows which are queued.
        """
        if not messages:
            return
        # What Dramatiq's script does for one message, done for all: a hash of messages, and a list
        # of their keys. At once, or a message in the hash alone would count as fetched.
        pipe = self.client.pipeline(transaction=True)
        of_queue: dict[str, dict[Any, Any]] = {}
        for message in messages:
            key = str(uuid.uuid4())
            data = message.copy(options={"redis_message_id": key}).encode()
            of_queue.setdefault(message.queue_name, {})[key] = data
        for queue_name, encoded in of_queue.items():
            name = f"{self.namespace}:{queue_name}"
            pipe.hset(f"{name}.msgs", mapping=encoded)
            pipe.rpush(name, *encoded)
            pipe.publish(CHANNEL, queue_name)
        pipe.execute()


class PromptConsumer(_RedisConsumer):
    """Waits for its bell where Dramatiq's sleeps; for ``timeout`` milliseconds at most."""

    def __init__(self, broker: PromptBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        # Its own sleep after a look in vain becomes a millisecond.
        super().__init__(broker, queue_name, prefetch, 1)
        self._seconds = timeout / 1000
        # What waits for its time takes no thread, and goes back into its queue then.
        self._room = None if queue_name.endswith(".DQ") else broker.room
        self._bell = broker.bells.of(queue_name)

    def __next__(self) -> MessageProxy | None:
        # Cleared before looking: what comes after the look rings for the wait.
        self._bell.clear()
        message: MessageProxy | None = None
        if self.queue_name not in self.broker.shut or self.message_cache:
            message = self._fetch()
        if message is None:
            self._bell.wait(self._seconds)
        return message

    def _fetch(self) -> MessageProxy | None:
        if self._room is None:
            return self._next()
        if not self._room.enter(self.queue_name):
            return None
        message: MessageProxy | None = None
        try:
            message = self._next()
        finally:
            self._room.settle(self.queue_name, message.message_id if message is not None else None)
        return message

    def _next(self) -> MessageProxy | None:
        message: MessageProxy | None = super().__next__()
        return message

    def _leave(self, message: MessageProxy) -> None:
        if self._room is not None:
            self._room.leave(message.message_id)
        self._bell.set()

    def ack(self, message: MessageProxy) -> None:
        """The message is done, and there is room for another."""
        super().ack(message)
        self._leave(message)

    def nack(self, message: MessageProxy) -> None:
        """The message is given up, and there is room for another."""
        super().nack(message)
        self._leave(message)


class QueueSignals:
    """An event for each queue that is consumed in this process, and the thread that sets them."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._bells: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self, queue_name: str) -> None:
        """Lets a queue's consumer in this process look at once."""
        with self._lock:
            bell = self._bells.get(queue_name)
        if bell is not None:
            bell.set()

    def of(self, queue_name: str) -> threading.Event:
        """The bell of a queue. Listening begins with the first."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="wake", daemon=True)
                self._thread.start()
            return self._bells.setdefault(queue_name, threading.Event())

    def _listen(self) -> None:
        pause = threading.Event()
        while True:
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(CHANNEL)
                    for heard in channel.listen():
                        self.ring(heard["data"].decode(errors="replace"))
            except redis.RedisError as error:
                log.info("not listening for messages, again in %g s: %s", AGAIN_SECONDS, error)
            pause.wait(AGAIN_SECONDS)
