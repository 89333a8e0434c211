"""Pausing a queue and draining a worker: what runs goes on, nothing new of it starts.

What is held is written in MongoDB, so that it outlives Redis and every process. A worker asks
before each claim, and its gate (``tasks.actors.gate``) stops fetching within a second. Messages
stay in their queue meanwhile, and their rows wait.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from mongoengine import NotUniqueError

from tasks.jobs.lifecycle import Conflict, NotFound
from tasks.models.clock import now
from tasks.models.hold import Hold
from tasks.queue import broker, workers
from tasks.records import audit

#: How long the drain of a worker that is gone is kept: it may only be cut off from Redis.
GONE = timedelta(days=1)


@dataclass(frozen=True)
class Held:
    """Since when and by whom."""

    who: str
    at: datetime


@dataclass(frozen=True)
class Holds:
    """Paused queues and draining workers by name."""

    queues: dict[str, Held]
    workers: dict[str, Held]

    def shut(self, worker: str) -> frozenset[str]:
        """The queues of which a worker may start nothing."""
        if worker in self.workers:
            return frozenset(broker.ACTORS)
        return frozenset(name for name in broker.ACTORS if self.of(name) is not None)

    def of(self, queue_name: str) -> Held | None:
        """The pause of a queue, or of the one that it goes before: who pauses the chunks means
        the first chunks too."""
        return next((self.queues[name] for name in _stops(queue_name) if name in self.queues), None)


def holds() -> Holds:
    """All that is held now."""
    found: dict[str, dict[str, Held]] = {"queue": {}, "worker": {}}
    for hold in Hold.objects.order_by("at"):
        found[hold.kind][hold.name] = Held(hold.who, hold.at)
    return Holds(found["queue"], found["worker"])


def may_start(queue_name: str, worker: str) -> bool:
    """Whether a worker may start something of a queue at this moment."""
    either = [*(_key("queue", name) for name in _stops(queue_name)), _key("worker", worker)]
    return Hold.objects(key__in=either).only("key").first() is None


def _stops(queue_name: str) -> list[str]:
    """The queues whose pause stops this one."""
    return [queue_name, *(behind for behind, first in broker.BEHIND.items() if first == queue_name)]


def pause(queue_name: str, who: str) -> str:
    """Nothing new of a queue starts. A sentence of what was done. Raises NotFound, Conflict."""

    def do() -> str:
        _known_queue(queue_name)
        if not _hold("queue", queue_name, who):
            raise Conflict(f"The queue {queue_name} is paused already.")
        return f"Paused {queue_name}: what runs is finished, nothing new starts."

    return _recorded(do, who, "pause", "queue", queue_name)


def resume(queue_name: str, who: str) -> str:
    """A paused queue goes on. Raises NotFound, Conflict."""

    def do() -> str:
        _known_queue(queue_name)
        if not Hold.objects(key=_key("queue", queue_name)).delete():
            raise Conflict(f"The queue {queue_name} is not paused.")
        return f"Resumed {queue_name}."

    return _recorded(do, who, "resume", "queue", queue_name)


def drain(worker: str, who: str) -> str:
    """A worker finishes what it does and takes nothing new. Raises NotFound, Conflict,
    redis.RedisError."""

    def do() -> str:
        live = _known_worker(worker)
        Hold.objects(kind="worker", name__nin=list(live), at__lt=now() - GONE).delete()
        if not _hold("worker", worker, who):
            raise Conflict(f"The worker {worker} is draining already.")
        return f"Draining {worker}: it finishes what it does and takes nothing new."

    return _recorded(do, who, "drain", "worker", worker)


def undrain(worker: str, who: str) -> str:
    """A draining worker takes work again. Raises NotFound, Conflict, redis.RedisError."""

    def do() -> str:
        _known_worker(worker)
        if not forget_drain(worker):
            raise Conflict(f"The worker {worker} is not draining.")
        return f"{worker} takes work again."

    return _recorded(do, who, "undrain", "worker", worker)


def forget_drain(worker: str) -> bool:
    """Ends the drain of a worker; False where there is none."""
    return bool(Hold.objects(key=_key("worker", worker)).delete())


def _key(kind: str, name: str) -> str:
    return f"{kind}:{name}"


def _hold(kind: str, name: str, who: str) -> bool:
    try:
        Hold(key=_key(kind, name), kind=kind, name=name, who=who, at=now()).save(force_insert=True)
    except NotUniqueError:
        return False
    return True


def _known_queue(queue_name: str) -> None:
    if queue_name not in broker.ACTORS:
        raise NotFound(f"There is no queue {queue_name[:100]!r}.")


def _known_worker(worker: str) -> Collection[str]:
    live = {info.name for info in workers.workers()}
    if worker not in live:
        raise NotFound(f"There is no live worker {worker[:100]!r}.")
    return live


def _recorded(do: Callable[[], str], who: str, action: str, kind: str, target: str) -> str:
    try:
        sentence = do()
    except (Conflict, NotFound) as error:
        kept = target[:100]
        audit.record(who, action, kind=kind, target=kept, refused=True, detail=str(error))
        raise
    audit.record(who, action, kind=kind, target=target, detail=sentence)
    return sentence
