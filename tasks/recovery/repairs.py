"""Repairs findings as their rules say, by the state machine, and keeps a record of it.

Every repair asks once more, in the same step that changes something, whether it is still needed:
so several may repair at the same time, and a finding that is out of date does nothing. Findings
that need the same fix are repaired together, in few round trips; a process that is killed in the
middle leaves some repaired, and the next pass finds the others.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.decide import Action
from tasks.models import Status, TranscodeJob, stored
from tasks.models.batches import batches
from tasks.models.clock import now
from tasks.models.repair import Repair
from tasks.queue import messages
from tasks.recovery.survey import UNITS, Finding, strays_of
from tasks.recovery.verdict import Fix, QueueState, Rule

log = logging.getLogger(__name__)

#: Repairs after which a message may be queued that its row waits for no more.
_LEAVE_MESSAGES = frozenset({Fix.cancel, Fix.advance})
#: The actor in records and histories where no person asked.
RECONCILER = "reconciler"
#: Findings that are repaired together, where their fix can be.
TOGETHER = 500
_TOGETHER = frozenset({Fix.send, Fix.take_back, Fix.cancel, Fix.advance, Fix.drop})

#: For each finding what was done, as a sentence; None where there was nothing to do any more.
Done = list[str | None]


class Made(NamedTuple):
    """A repair to be kept: ``done`` is a sentence, the rest as of a finding or an orphan."""

    rule: Rule
    kind: str
    ref: str
    transcode_id: str | None
    done: str


def grouped(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """The findings in the order of their repair, those in one list for one ``repair``.

    Rows come first and messages that are left over last.
    """
    in_order = sorted(findings, key=lambda finding: _ORDER[finding.rule.fix])
    for (fix, _), same in groupby(in_order, lambda finding: (finding.rule.fix, finding.kind)):
        yield from batches(same, TOGETHER if fix in _TOGETHER else 1)


def repair(findings: Sequence[Finding], who: str = RECONCILER) -> Done:
    """Repairs one of ``grouped``. Raises redis.RedisError, PyMongoError, StorageFailed."""
    if not findings:
        return []
    done = _FIXES[findings[0].rule.fix](findings, who)
    made = [(finding, what) for finding, what in zip(findings, done, strict=True) if what]
    for finding, what in made[:1]:
        more = f" And {len(made) - 1:,} more." if len(made) > 1 else ""
        log.info("%s: %s %s%s", finding.ref, finding.rule.sentence, what, more)
    return done


def clear_up(repaired: Sequence[Finding]) -> None:
    """Takes out the messages that repairs have left behind, since no row waits for them.

    Raises redis.RedisError, PyMongoError.
    """
    # Those by which lost workers came.
    former = {
        finding.message_id
        for finding in repaired
        if finding.rule.fix is Fix.take_back
        and finding.situation.queue is QueueState.held
        and finding.message_id is not None
    }
    left = (message for message in messages.look_up(former) if not message.fetched)
    for batch in batches(left, messages.DROPPED_AT_ONCE):
        messages.drop(batch)
    # Those of whatever belonged to what ended.
    _take_out_strays_of({f.ref for f in repaired if f.rule.fix in _LEAVE_MESSAGES})


def _take_out_strays_of(refs: set[str]) -> None:
    for strays in grouped(strays_of(refs)) if refs else ():
        _drop(strays, RECONCILER)


def _send(findings: Sequence[Finding], _who: str) -> Done:
    instead_of = {finding.ref: finding.message_id for finding in findings}
    rows, sent = lifecycle.replace_messages(UNITS[findings[0].kind], instead_of)
    # What was not sent is found lost again.
    refs = {row["job_id"] for row in rows} if sent else set()
    return ["A new message was sent." if finding.ref in refs else None for finding in findings]


def _take_back(findings: Sequence[Finding], _who: str) -> Done:
    leases = {finding.ref: finding.lease for finding in findings}
    rows = lifecycle.take_from_lost_workers(UNITS[findings[0].kind], leases)
    taken = {row["job_id"]: row for row in rows}
    failed = [row for row in taken.values() if row["status"] == Status.failed]
    parents = {row["transcode_id"] for row in failed if row.get("transcode_id")}
    advance(*parents)
    # Other parts of theirs had just been sent.
    _take_out_strays_of(parents)
    done: Done = []
    for finding in findings:
        row = taken.get(finding.ref)
        if row is not None and row["status"] == Status.failed:
            done.append(row.get("error_message") or "It has failed.")
        elif row is not None:
            done.append(f"It was taken from {finding.worker or 'nobody'} and waits again.")
        else:
            done.append(None)
    return done


def _cancel(findings: Sequence[Finding], who: str) -> Done:
    cancelled: set[str] = set()
    for rule in {finding.rule.id: finding.rule for finding in findings}.values():
        refs = [finding.ref for finding in findings if finding.rule is rule]
        rows = lifecycle.cancel_many(UNITS[findings[0].kind], refs, who, rule.sentence)
        cancelled.update(row["job_id"] for row in rows)
    return ["It was cancelled." if finding.ref in cancelled else None for finding in findings]


def _advance(findings: Sequence[Finding], _who: str) -> Done:
    # Without anything due it still takes notes back that asked for a look.
    first = advance(*(finding.ref for finding in findings))
    return [
        f"Done: {words(actions)}." if (actions := first.get(finding.ref)) else None
        for finding in findings
    ]


def words(actions: Sequence[Action]) -> str:
    """Actions as people say them: ``create step, enqueue (4)``."""
    counts: dict[str, int] = {}
    for action in actions:
        name = type(action).__name__
        spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        counts[spaced.strip()] = counts.get(spaced.strip(), 0) + 1
    return ", ".join(name if n == 1 else f"{name} ({n})" for name, n in counts.items())


def _drop(findings: Sequence[Finding], _who: str) -> Done:
    gone = messages.drop([finding.message for finding in findings if finding.message])
    return [
        f"The message was taken out of {finding.message.queue_name}."
        if finding.message and finding.message.key in gone
        else None
        for finding in findings
    ]


def _nothing(findings: Sequence[Finding], _who: str) -> Done:
    return [None for _ in findings]


_FIXES: dict[Fix, Callable[[Sequence[Finding], str], Done]] = {
    # In this order. What a lost worker did is not to wait for a hundred thousand messages.
    Fix.take_back: _take_back,
    Fix.send: _send,
    Fix.cancel: _cancel,
    Fix.advance: _advance,
    Fix.drop: _drop,
    Fix.nothing: _nothing,
}
_ORDER = {fix: number for number, fix in enumerate(_FIXES)}


def record(repaired: Sequence[Made], who: str) -> None:
    """Keeps repairs for people to see."""
    if not repaired:
        return
    ids = {made.transcode_id for made in repaired if made.transcode_id is not None}
    jobs = stored.collection(TranscodeJob).find(
        {"job_id": {"$in": list(ids)}}, {"job_id": 1, "name": 1}
    )
    names = {job["job_id"]: job.get("name") for job in jobs}
    moment = now()
    lines = []
    for made in repaired:
        line = {
            "at": moment,
            "who": who,
            "rule": made.rule.id,
            "kind": made.kind,
            "ref": made.ref,
            "transcode_id": made.transcode_id,
            "name": names.get(made.transcode_id or ""),
            "done": made.done,
        }
        lines.append({name: value for name, value in line.items() if value is not None})
    stored.collection(Repair).insert_many(lines, ordered=False)


def latest(count: int) -> list[Repair]:
    """The last repairs, newest first."""
    return list(Repair.objects.order_by("-at").limit(count))
