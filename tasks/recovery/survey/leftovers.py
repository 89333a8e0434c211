"""Judges the messages that no unfinished row names."""

from collections.abc import Collection, Iterator
from datetime import timedelta

from tasks.models.batches import batches
from tasks.queue import messages
from tasks.queue.messages import Message
from tasks.recovery.survey import parts
from tasks.recovery.survey.finding import Finding, of_row
from tasks.recovery.survey.reading import IDS, Reading, Row
from tasks.recovery.verdict import Pace, QueueState, RowState, Situation, Subject, judge

#: Age in seconds below which a message without a row is left alone.
YOUNG_SECONDS = 3600.0


def judge_leftovers(reading: Reading, message_ids: Collection[str]) -> Iterator[Finding]:
    """Raises redis.RedisError, PyMongoError."""
    for batch in batches(messages.look_up(message_ids), IDS):
        rows = _rows_of(reading, [message.job_id for message in batch])
        for message in batch:
            kind, row = rows.get(message.job_id, ("message", {}))
            if row and row.get("message_id") == message.message_id:
                continue  # the row was written while others were read
            situation = _situation(reading, message, row)
            rule = judge(situation)
            if rule.drift:
                since = message.sent_at.replace(tzinfo=None)
                row = {**row, "job_id": message.job_id}
                parent = row.get("transcode_id")
                yield of_row(rule, situation, kind, row, parent, since, message)


def _rows_of(reading: Reading, ids: list[str]) -> dict[str, tuple[str, Row]]:
    found: dict[str, tuple[str, Row]] = {}
    for kind, model in parts.UNITS.items():
        for row in reading.find(model, {"job_id": {"$in": ids}}, parts.FIELDS):
            found[row["job_id"]] = (kind, row)
    return found


def _situation(reading: Reading, message: Message, row: Row) -> Situation:
    age = reading.asked_at - message.sent_at.replace(tzinfo=None)
    return Situation(
        Subject.part,
        RowState(row["status"]) if row else RowState.none,
        queue=QueueState.fetched if message.fetched else QueueState.left,
        pace=Pace.still if age > timedelta(seconds=YOUNG_SECONDS) else Pace.resting,
    )
