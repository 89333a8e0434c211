"""One job and many: every action in every state comes to the same by a click as by a bulk
operation."""

import itertools
import json
import uuid
from typing import Any

import pytest

from tasks.control.actions import act, act_many
from tasks.control.request import Request, Result
from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import (
    FINISHED_VALUES,
    AuditEntry,
    Kind,
    Media,
    Status,
    Step,
    StepKind,
    TranscodeJob,
    UploadJob,
    WorkUnit,
)
from tasks.models.clock import now
from tasks.queue import broker
from tasks.recovery.survey import reading

pytestmark = pytest.mark.usefixtures("database")

WHO = "ada@example.com"
OPERATION = "an operation"
#: States of an upload's transcode job; the last has a stream that can be watched all the same.
PARENTS = ["waiting", "active", "failed", "cancelled", "completed", "deleted", "replaced"]
#: Fields that differ each time.
_OWN = {
    "_id",
    "client_id",
    "last_op",
    "stream_id",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "enqueued_at",
    "cancelled_at",
    "cleaning_until",
    "cleaning_by",
    "day",
}


def _insert(unit: WorkUnit, status: str) -> None:
    """A unit that has come to a status, without the way there."""
    document = unit.to_mongo().to_dict()
    moment = now()
    document |= {
        "status": status,
        "created_at": moment,
        "updated_at": moment,
        "history": [{"at": moment, "status": status, "who": "test", "why": ""}],
    }
    if status in FINISHED_VALUES:
        document["finished_at"] = moment
    if status == Status.failed:
        document |= {"failed_reason": "encoder", "error_message": "It stumbled."}
    unit._get_collection().insert_one(document)


def made(kind: Kind, status: str, parent: str) -> str:
    """The id of a job of the kind and status, an upload's job being in the state ``parent``."""
    job_id = str(uuid.uuid4())
    media_id = f"media-{job_id}"
    master = "hls/x/master.m3u8" if parent in ("completed", "replaced") else None
    Media(
        media_id=media_id,
        filename="film.mp4",
        source_key=f"sources/{media_id}",
        size=1,
        created_at=now(),
        master_key=master,
    ).save()
    state = status if kind is Kind.transcode else parent
    if state in set(Status):
        job = TranscodeJob(
            job_id=job_id,
            media_id=media_id,
            name="Film",
            phase="uploading",
            plan={"chunks": [{"index": 0}], "audio": None},
            renditions=[{"name": "720p"}, {"name": "360p"}],
        )
        _insert(job, state)
    for step in (StepKind.SPLIT, StepKind.CHUNK, StepKind.MERGE):
        row = Step(job_id=f"{job_id}.{step.value}", transcode_id=job_id, kind=step.value)
        _insert(row, Status.completed.value)
    own = status if kind is Kind.upload else state
    _insert(_upload(job_id, media_id, "720p"), own)
    _insert(_upload(job_id, media_id, "360p"), Status.completed.value)
    return job_id if kind is Kind.transcode else f"{job_id}.upload.720p"


def _upload(job_id: str, media_id: str, name: str) -> UploadJob:
    return UploadJob(
        job_id=f"{job_id}.upload.{name}",
        transcode_id=job_id,
        media_id=media_id,
        job_type=broker.UPLOAD_HLS,
        queue_name=broker.UPLOAD_HLS,
        upload_type="hls",
        rendition=name,
        upload_path=f"hls/{media_id}/{name}/",
    )


def _traces(before: str) -> dict[str, Any]:
    """Rows, messages, audit entries, and events after one, of everything."""
    rows = [
        (model.unit_kind, {k: v for k, v in row.items() if k not in _OWN})
        for model in (TranscodeJob, Step, UploadJob)
        for row in model._get_collection().find({}).sort("job_id", 1)
    ]
    for _, row in rows:
        row["message_id"] = row.get("message_id") is not None
        for line in row["history"]:
            line.pop("at")
    return {
        "rows": rows,
        "queued": sorted((q, ref) for q in broker.ACTORS for _, ref in broker.held_messages(q)),
        "audit": [
            [
                *(entry.target, entry.who, entry.action, entry.kind, entry.result, entry.detail),
                {k: v for k, v in entry.data.items() if k != "operation"},
            ]
            for entry in AuditEntry.objects.order_by("target")
        ],
        "events": [
            (event.name, {k: v for k, v in event.data.items() if k != "clientId"})
            for event in events.between(before, events.last_id(), 5_000)[1]
        ],
    }


def _of(traces: dict[str, Any], job_id: str) -> dict[str, list[str]]:
    """What of the traces is about a job."""
    own = job_id.partition(".")[0]
    return {
        name: [text for entry in entries if own in (text := json.dumps(entry, default=str))]
        for name, entries in traces.items()
    }


def _told(what: Any, job_id: str) -> Any:
    """The same in words that are the same for every job."""
    own = job_id.partition(".")[0]
    text = json.dumps(what, default=str, sort_keys=True).replace(own, "JOB")
    return json.loads(text.replace(f" (bulk {OPERATION[:8]})", ""))


@pytest.mark.parametrize(("kind", "action"), list(itertools.product(Kind, Action)))
def test_a_click_and_a_bulk_operation_come_to_the_same(
    kind: Kind, action: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a sync finds is judged at once.
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)
    parents = PARENTS if kind is Kind.upload else ["active"]
    cases = list(itertools.product([status.value for status in Status], parents))
    by_one = {case: made(kind, *case) for case in cases}
    in_bulk = {case: made(kind, *case) for case in cases}
    before = events.last_id()

    answers: dict[tuple[str, str], list[Any]] = {}
    for case, job_id in by_one.items():
        try:
            outcome = act(kind, action, job_id, WHO)
        except (lifecycle.Conflict, StorageFailed) as error:
            answers[case] = [type(error).__name__, str(error), {}]
        else:
            assert outcome.job is None or outcome.job.job_id == job_id
            answers[case] = ["NoneType", outcome.sentence, dict(outcome.data)]
    request = Request(kind, action, WHO, operation=OPERATION)
    outcomes = act_many(request, list(in_bulk.values()))

    traces = _traces(before)
    results = set()
    for case in cases:
        outcome = outcomes[in_bulk[case]]
        results.add(outcome.result)
        answer = [type(outcome.error).__name__, outcome.sentence, dict(outcome.data)]
        assert _told(answer, in_bulk[case]) == _told(answers[case], by_one[case]), case
        one, many = _of(traces, by_one[case]), _of(traces, in_bulk[case])
        assert bool(one["audit"]) is (outcome.result is not Result.failed), case
        assert _told(many, in_bulk[case]) == _told(one, by_one[case]), case
    # Neither of them refuses everything.
    assert Result.done in results


def test_a_bulk_retry_of_uploads_that_can_come_to_nothing_refuses_as_a_click_does() -> None:
    deleted = made(Kind.upload, "failed", "deleted")
    without = made(Kind.upload, "failed", "completed")
    request = Request(Kind.upload, Action.retry, WHO, operation=OPERATION)
    outcomes = act_many(request, [deleted, without])
    assert "was deleted" in outcomes[deleted].reason
    assert "completed without it" in outcomes[without].reason
    for job_id in (deleted, without):
        assert outcomes[job_id].result is Result.skipped
        assert AuditEntry.objects.get(target=job_id).result == "refused"
        assert lifecycle.find(UploadJob, job_id).status == Status.failed


@pytest.mark.parametrize("kind", list(Kind))
def test_a_retry_is_told_in_one_event(kind: Kind) -> None:
    job_id = made(kind, "failed", "failed")
    before = events.last_id()
    act(kind, Action.retry, job_id, WHO)
    told = events.between(before, events.last_id(), 100)[1]
    names = [event.name for event in told if event.data["jobId"] == job_id]
    assert names[0] == "jobRetried"
    assert names.count("jobRetried") == 1
