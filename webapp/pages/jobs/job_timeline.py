"""The history of a unit by attempts: how long each waited and worked, and how it ended."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tasks.models import FINISHED, Status, WorkUnit
from webapp import format as say
from webapp.pages.history import HistoryLine

#: The width of the longest attempt's bar; the others are to its scale.
WIDTH = 1000.0
#: The least of a stretch that is drawn where there is any, and the mark at the end.
SLIVER, MARK = 6.0, 10.0

_NUMBER = re.compile(r"^attempt (\d+)$")
_ENDS = {
    Status.waiting: "Waits for another attempt",
    Status.completed: "Completed",
    Status.failed: "Failed",
    Status.cancelled: "Cancelled",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt. Times are UTC, ``waited`` and ``worked`` in seconds (``worked`` is None where
    nobody began); ``end`` is a status' name, ``waits`` and ``works`` are widths of the bar."""

    number: int
    began: datetime
    waited: float
    worked: float | None
    end: str
    end_words: str
    why: str
    who: str
    lines: Sequence[HistoryLine]
    waits: float = 0.0
    works: float = 0.0

    @property
    def words(self) -> str:
        """The bar in words."""
        said = [f"waited {say.duration(max(1, self.waited))}"] if self.waited >= 1 else []
        if self.worked is not None:
            said.append(f"worked {say.duration(max(1, self.worked))}")
        return ", ".join(said)

    @property
    def mark(self) -> float:
        """Where the mark of the end begins."""
        return self.waits + self.works


def attempts_of(
    unit: WorkUnit, lines: Sequence[HistoryLine], now: datetime | None = None
) -> list[Attempt]:
    """The attempts of a unit, oldest first. ``lines`` are all that is told of it, by time: each
    belongs to the attempt during which it was written."""
    now = now or datetime.now(UTC)
    rounds: list[list[HistoryLine]] = []
    own = [HistoryLine(say.utc(t.at), "", t.status, t.why or "", t.who) for t in unit.history or []]
    for line in own:
        # A line that leaves the status is about what came after an attempt: a clean-up.
        if not rounds or (line.status == Status.waiting and _begun(rounds[-1])):
            rounds.append([])
        rounds[-1].append(line)
    begins = [group[0].at for group in rounds]
    attempts: list[Attempt] = []
    for index, group in enumerate(rounds):
        upto = begins[index + 1] if index + 1 < len(rounds) else None
        told = [
            line
            for line in lines
            if (index == 0 or say.utc(line.at) >= begins[index])
            and (upto is None or say.utc(line.at) < upto)
        ]
        following = rounds[index + 1][0] if upto is not None else None
        least = attempts[-1].number + 1 if attempts else 1
        attempts.append(_attempt(least, group, following, told, now))
    return _drawn(attempts)


def _begun(group: Sequence[HistoryLine]) -> bool:
    return any(line.status != Status.waiting for line in group)


def _attempt(
    least: int,
    group: Sequence[HistoryLine],
    following: HistoryLine | None,
    told: Sequence[HistoryLine],
    now: datetime,
) -> Attempt:
    active = next((line for line in group if line.status == Status.active), None)
    finished = [line for line in group if line.status in FINISHED]
    # Completed may turn out not to be; a clean-up leaves the status, and is no end.
    turned = [line for line in finished if line.status != finished[0].status]
    over = next(iter(turned or finished), following)
    ended = next(iter(finished), following)
    until = ended.at if ended else now
    number = _NUMBER.match(active.why) if active else None
    if over is not None:
        end, words = over.status, _ENDS[Status(over.status)]
    else:
        end = Status.active.value if active else Status.waiting.value
        words = "Goes on" if active else "Waits"
    return Attempt(
        # An upload counts anew after a retry; the first of a long history may be gone.
        number=max(int(number.group(1)) if number else 0, least),
        began=group[0].at,
        waited=max(0.0, ((active.at if active else until) - group[0].at).total_seconds()),
        worked=max(0.0, (until - active.at).total_seconds()) if active else None,
        end=end,
        end_words=words,
        why=over.why if over else "",
        who=over.who if over else "",
        lines=told,
    )


def _drawn(attempts: Sequence[Attempt]) -> list[Attempt]:
    longest = max((a.waited + (a.worked or 0.0) for a in attempts), default=0.0) or 1.0
    scale = (WIDTH - MARK - 2 * SLIVER) / longest

    def width(seconds: float) -> float:
        return round(max(SLIVER, seconds * scale), 1) if seconds > 0 else 0.0

    return [replace(a, waits=width(a.waited), works=width(a.worked or 0.0)) for a in attempts]
