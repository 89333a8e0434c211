"""Creates waiting units, and gives them the message that lets a worker take them."""

from collections.abc import Mapping, Sequence

from pymongo.errors import BulkWriteError

from tasks.feed.announce import announce_many
from tasks.infra.database import server_time
from tasks.jobs.transition import Change, Row, apply, literal
from tasks.listing import facets, search_terms
from tasks.models import Status, Step, TranscodeJob, UploadJob, WorkUnit, stored
from tasks.queue import broker

#: MongoDB's code for a key that is there already.
_DUPLICATE = 11000


def create(units: Sequence[WorkUnit], *, who: str, why: str, send: bool = False) -> None:
    """Inserts waiting units of one model. A row that is there already is left alone.

    ``send``: each gets its message at once; otherwise ``enqueue`` gives it one when it is due.
    """
    if not units:
        return
    documents = []
    moment = server_time()
    for unit in units:
        unit.status = Status.waiting.value
        unit.created_at = unit.updated_at = moment
        if send:
            unit.message_id, unit.enqueued_at = broker.new_message_id(), moment
        document = unit.to_mongo().to_dict()
        if isinstance(unit, TranscodeJob | UploadJob):
            document |= {"facet": facets.facet(document), "day": facets.day(moment)}
            document |= search_terms.fields(unit.terms)
        document["history"] = [
            {"at": moment, "status": Status.waiting.value, "who": who, "why": why}
        ]
        documents.append(document)
    there: set[int] = set()
    try:
        stored.collection(units[0]).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != _DUPLICATE for problem in error.details["writeErrors"]):
            raise
        there = {problem["index"] for problem in error.details["writeErrors"]}
    made = [document for number, document in enumerate(documents) if number not in there]
    if not isinstance(units[0], Step):
        announce_many(type(units[0]), made, "jobCreated")
    if send:
        send_messages(made)


def enqueue(unit_cls: type[WorkUnit], *job_ids: str) -> list[Row]:
    """Gives waiting units a message of their own and sends it; the rows that got one.

    A unit that has a message already keeps it.
    """
    return replace_messages(unit_cls, dict.fromkeys(job_ids))[0]


def replace_messages(
    unit_cls: type[WorkUnit], instead_of: Mapping[str, str | None]
) -> tuple[list[Row], bool]:
    """Gives waiting units a new message in place of the one that they have, and sends it.

    ``instead_of``: job id → id of the message that is replaced. The rows that got one, and whether
    their messages were sent: where Redis is away nothing is known of that.
    """
    changes = [
        Change(
            {"job_id": job_id, "status": Status.waiting.value, "message_id": message_id},
            {"message_id": broker.new_message_id(), "enqueued_at": "$$NOW", "waits_for": None},
        )
        for job_id, message_id in instead_of.items()
    ]
    rows = apply(unit_cls, changes)
    return rows, send_messages(rows)


def send_messages(rows: Sequence[Row]) -> bool:
    """Sends the messages that rows name; as ``tasks.queue.broker.send_many``."""
    return not rows or broker.send_many(
        [(row["queue_name"], row["job_id"], row["message_id"]) for row in rows]
    )


def say_why_it_waits(unit_cls: type[WorkUnit], whys: Mapping[str, str]) -> None:
    """Writes why units that have no message yet wait; ``whys`` is by job id."""
    waiting = {"status": Status.waiting.value, "message_id": None}
    changes = [
        Change({"job_id": job_id, **waiting}, {"waits_for": literal(why)})
        for job_id, why in whys.items()
    ]
    rows = apply(unit_cls, changes)
    announce_many(unit_cls, rows, "jobChanged", lambda row: {"reason": whys[row["job_id"]]})
