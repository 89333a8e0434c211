"""Does what a rule says about a finding, by the state machine, and keeps a record of it.

Every repair asks once more, in the same step that changes something, whether it is still needed:
so several may repair at the same time, and a finding that is out of date does nothing.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from tasks import advance, lifecycle, messages
from tasks.decide import Action
from tasks.models import Status, TranscodeJob
from tasks.models.clock import now
from tasks.models.repair import Repair
from tasks.survey import UNITS, Finding
from tasks.verdict import Fix, Rule

log = logging.getLogger(__name__)

#: Repairs after which a message may be queued that its row waits for no more.
LEAVE_MESSAGES = frozenset({Fix.take_back, Fix.cancel, Fix.advance})
#: What the record and a unit's history say where nobody asked.
RECONCILER = "reconciler"


def repair(finding: Finding, who: str = RECONCILER) -> str | None:
    """What was done, as a sentence; None where there was nothing to do any more.

    Raises redis.RedisError, PyMongoError, StorageFailed.
    """
    done = _FIXES[finding.rule.fix](finding, who)
    if done is not None:
        log.info("%s: %s %s", finding.ref, finding.rule.sentence, done)
    return done


def _send(finding: Finding, _who: str) -> str | None:
    assert finding.row is not None
    lost = finding.row.get("message_id")
    sent = lifecycle.enqueue(UNITS[finding.kind], finding.ref, instead_of=lost)
    return "A new message was sent." if sent else None


def _take_back(finding: Finding, _who: str) -> str | None:
    unit = UNITS[finding.kind].objects(job_id=finding.ref, status=Status.active.value).first()
    assert finding.row is not None
    lease = finding.row.get("lease") or {}
    if unit is None or (unit.lease.token if unit.lease else None) != lease.get("token"):
        return None
    taken = lifecycle.take_from_lost_worker(unit)
    if taken is None:
        return None
    if taken.parent_id is not None:
        advance.advance(taken.parent_id)
    elif taken.status == Status.waiting:
        lifecycle.enqueue(type(taken), taken.job_id)
    if taken.status == Status.failed:
        return taken.error_message or "It has failed."
    return f"It was taken from {lease.get('worker') or 'nobody'} and waits again."


def _cancel(finding: Finding, who: str) -> str | None:
    try:
        lifecycle.cancel(UNITS[finding.kind], finding.ref, who, why=finding.rule.sentence)
    except (lifecycle.Conflict, lifecycle.NotFound):
        return None
    return "It was cancelled."


def _advance(finding: Finding, _who: str) -> str | None:
    actions = advance.due(finding.ref)
    # Without anything due it still takes notes back that asked for a look.
    advance.advance(finding.ref)
    if not actions:
        return None
    return f"Done: {words(actions)}."


def words(actions: Sequence[Action]) -> str:
    """Actions as people say them: ``create step, enqueue (4)``."""
    counts: dict[str, int] = {}
    for action in actions:
        name = type(action).__name__
        spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        counts[spaced.strip()] = counts.get(spaced.strip(), 0) + 1
    return ", ".join(name if n == 1 else f"{name} ({n})" for name, n in counts.items())


def _drop(finding: Finding, _who: str) -> str | None:
    assert finding.message is not None
    if not messages.drop(finding.message):
        return None
    return f"The message was taken out of {finding.message.queue_name}."


def _nothing(_finding: Finding, _who: str) -> str | None:
    return None


_FIXES: dict[Fix, Callable[[Finding, str], str | None]] = {
    Fix.send: _send,
    Fix.take_back: _take_back,
    Fix.cancel: _cancel,
    Fix.advance: _advance,
    Fix.drop: _drop,
    Fix.nothing: _nothing,
    Fix.sync: _nothing,
}


def record(
    rule: Rule, kind: str, ref: str, done: str, who: str, transcode_id: str | None = None
) -> None:
    """Keeps a repair for people to see."""
    job: Any = TranscodeJob.objects(job_id=transcode_id).only("name").first()
    Repair(
        at=now(),
        who=who,
        rule=rule.id,
        kind=kind,
        ref=ref,
        transcode_id=transcode_id,
        name=job.name if job is not None else None,
        done=done,
    ).save()


def latest(count: int) -> list[Repair]:
    """The last repairs, newest first."""
    return list(Repair.objects.order_by("-at").limit(count))
