"""Units begin to wait, and get the message that lets a worker take them."""

from collections.abc import Sequence

from pymongo.errors import BulkWriteError

from tasks.feed.announce import announce
from tasks.infra.database import server_time
from tasks.jobs.transition import Change, Unit, apply, literal
from tasks.listing import facets, search_terms
from tasks.models import Status, Step, TranscodeJob, UploadJob, WorkUnit
from tasks.queue import broker

#: MongoDB's code for a key that is there already.
_DUPLICATE = 11000


def create(units: Sequence[WorkUnit], *, who: str, why: str, send: bool = False) -> None:
    """Inserts rows that wait. A row that is there already is left alone.

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
        units[0]._get_collection().insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != _DUPLICATE for problem in error.details["writeErrors"]):
            raise
        there = {problem["index"] for problem in error.details["writeErrors"]}
    for number, unit in enumerate(units):
        if number in there:
            continue
        if not isinstance(unit, Step):
            announce(unit, "jobCreated")
    if send:
        made = [unit for number, unit in enumerate(units) if number not in there]
        broker.send_many([(unit.queue_name, unit.job_id, unit.message_id) for unit in made])


def enqueuing(job_id: str, message_id: str, instead_of: str | None = None) -> Change:
    """A waiting unit is given a message."""
    return Change(
        {"job_id": job_id, "status": Status.waiting.value, "message_id": instead_of},
        {"message_id": message_id, "enqueued_at": "$$NOW", "waits_for": None},
    )


def enqueue(unit_cls: type[Unit], job_id: str, *, instead_of: str | None = None) -> bool:
    """Gives a waiting unit a message of its own and sends it.

    ``instead_of`` is the message that it replaces. False where somebody else was first.
    """
    message_id = broker.new_message_id()
    change = enqueuing(job_id, message_id, instead_of)
    unit = apply(unit_cls, change.query, change.fields)
    if unit is None:
        return False
    broker.send(unit.queue_name, unit.job_id, message_id)
    return True


def say_why_it_waits(unit_cls: type[Unit], job_id: str, why: str) -> Unit | None:
    """Writes why a unit that has no message yet waits; None where it waits for that no more."""
    unit = apply(
        unit_cls,
        {"job_id": job_id, "status": Status.waiting.value, "message_id": None},
        {"waits_for": literal(why)},
    )
    if unit is not None:
        announce(unit, "jobChanged", reason=why)
    return unit
