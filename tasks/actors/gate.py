"""Keeps this worker from starting what is held: paused queues, or everything while it drains.

The gate looks once a second, and stops the consumers of held queues from fetching. What slips
through between two looks is turned away by ``perform`` before it is claimed.
"""

import logging
import threading

import redis
from pymongo.errors import PyMongoError

from tasks.control import pausing
from tasks.queue.signals import PromptBroker
from tasks.queue.workers import worker_name

log = logging.getLogger(__name__)

#: Seconds between two looks.
LOOK_SECONDS = 1.0


class Gate:
    """The gate of this process's worker, in a thread of its own."""

    def __init__(self, broker: PromptBroker) -> None:
        self._broker = broker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._is_new = True

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what is fetched and not started is Dramatiq's to give back now."""
        self._stop.set()
        # Where the database is away, a look outlasts it, and then changes nothing any more.
        self._thread.join(2 * LOOK_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except (PyMongoError, redis.RedisError) as error:
                log.warning("not known what is held, as before: %s", error)
            self._stop.wait(LOOK_SECONDS)

    def _look(self) -> None:
        if self._is_new:
            # Of an earlier worker with the same process number: a drain ends with its worker.
            pausing.forget_drain(worker_name())
            self._is_new = False
        shut = pausing.holds().shut(worker_name())
        opened, self._broker.shut = self._broker.shut - shut, shut
        for queue_name in opened:
            self._broker.bells.ring(queue_name)
