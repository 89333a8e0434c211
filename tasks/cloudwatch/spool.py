"""What is to be logged, kept in Redis until it is: a kill loses none of it.

``dailies:cloudwatch:spool`` is a stream of entries, oldest first; ``dailies:cloudwatch`` a hash of
the place in the event feed up to which the spool has everything, and of how the shipping goes.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.cloudwatch.entry import Entry
from tasks.infra.redis_client import get_redis

SPOOL = "dailies:cloudwatch:spool"
STATE = "dailies:cloudwatch"
#: Entries kept while CloudWatch is away: some megabytes. The oldest are dropped first.
KEPT = 20_000


@dataclass(frozen=True)
class SpoolState:
    """How the shipping goes. ``waiting``, ``sent`` and ``dropped`` count entries; ``gaps`` counts
    how often the feed had forgotten events before they were read. ``error`` is None since the last
    success."""

    waiting: int
    sent: int
    dropped: int
    gaps: int
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None

    @property
    def error(self) -> str | None:
        """What is wrong now, in a sentence."""
        failed, done = self.last_error_at, self.last_success_at
        return self.last_error if failed and (done is None or failed > done) else None


def position() -> str | None:
    """The id of the last event that was collected. Raises redis.RedisError, as all of these."""
    kept: Any = get_redis().hget(STATE, "position")
    return kept


def collect(entries: Sequence[Entry], upto: str) -> None:
    """Adds entries and moves the place on, both or neither."""
    pipe = get_redis().pipeline(transaction=True)
    for entry in entries:
        pipe.xadd(SPOOL, {"entry": json.dumps(asdict(entry))})
    pipe.hset(STATE, "position", upto)
    pipe.xlen(SPOOL)
    if pipe.execute()[-1] > KEPT:
        note_dropped(int(get_redis().xtrim(SPOOL, maxlen=KEPT, approximate=False)))


def oldest(count: int) -> list[tuple[str, Entry]]:
    """The entries that have waited longest, with their ids."""
    found: Any = get_redis().xrange(SPOOL, count=count)
    return [(entry_id, Entry(**json.loads(fields["entry"]))) for entry_id, fields in found]


def remove(ids: Sequence[str]) -> None:
    """Forgets entries."""
    if ids:
        get_redis().xdel(SPOOL, *ids)


def note_sent(count: int) -> None:
    """CloudWatch took so many."""
    pipe = get_redis().pipeline(transaction=True)
    pipe.hincrby(STATE, "sent", count)
    pipe.hset(STATE, "last_success_at", _now_ms())
    pipe.execute()


def note_dropped(count: int) -> None:
    """So many will never be logged."""
    if count:
        get_redis().hincrby(STATE, "dropped", count)


def note_gap() -> None:
    """Events were forgotten before they were read."""
    get_redis().hincrby(STATE, "gaps", 1)


def note_error(sentence: str) -> None:
    """CloudWatch did not take what it was given."""
    get_redis().hset(STATE, mapping={"last_error": sentence, "last_error_at": _now_ms()})


def state() -> SpoolState:
    """How it goes."""
    pipe = get_redis().pipeline(transaction=True)
    pipe.hgetall(STATE)
    pipe.xlen(SPOOL)
    kept, waiting = pipe.execute()
    return SpoolState(
        waiting=waiting,
        sent=int(kept.get("sent", 0)),
        dropped=int(kept.get("dropped", 0)),
        gaps=int(kept.get("gaps", 0)),
        last_success_at=_time(kept.get("last_success_at")),
        last_error=kept.get("last_error"),
        last_error_at=_time(kept.get("last_error_at")),
    )


def _now_ms() -> int:
    return int(time.time() * 1000)


def _time(kept: str | None) -> datetime | None:
    return None if kept is None else datetime.fromtimestamp(int(kept) / 1000, UTC)
