"""What people may do to a job in each state, and what it comes to."""

import itertools

import pytest

from tasks import keys
from tasks.control.actions import act, find
from tasks.errors import EncoderFailed
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import ALLOWED, Action, ActionState, refusal
from tasks.models import Kind, Media, Status, Step, StepKind, TranscodeJob, UploadJob
from tasks.models.audit_entry import AuditEntry
from tasks.queue import broker
from tests.servers import Servers
from tests.tasks.rows import a_job, a_media, a_step, an_upload, claimed, stream_key

pytestmark = pytest.mark.usefixtures("database")

EDITOR = "editor@studio"


def in_state(kind: Kind, status: Status) -> TranscodeJob | UploadJob:
    """A job of a kind that has come to a status as jobs do."""
    job = a_job()
    if kind is Kind.transcode:
        if status is not Status.waiting:
            lifecycle.activate(job.job_id)
        if status is Status.completed:
            lifecycle.complete_job(job.job_id, {})
        elif status is Status.failed:
            lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
        elif status is Status.cancelled:
            lifecycle.cancel(TranscodeJob, job.job_id, EDITOR)
        return find(kind, job.job_id)
    upload = an_upload(job)
    if status is Status.cancelled:
        lifecycle.cancel(UploadJob, upload.job_id, EDITOR)
    elif status is not Status.waiting:
        unit = claimed(upload)
        if status is Status.completed:
            lifecycle.complete(unit)
        elif status is Status.failed:
            lifecycle.fail(unit, EncoderFailed("It stumbled."))
    if status in (Status.completed, Status.failed, Status.cancelled):
        lifecycle.activate(job.job_id)
        lifecycle.fail_jobs({job.job_id: EncoderFailed("A part failed.")})
    return find(kind, upload.job_id)


@pytest.mark.parametrize(
    ("kind", "action", "status"), list(itertools.product(Kind, Action, Status))
)
def test_each_action_does_or_refuses_what_the_table_says(
    kind: Kind, action: Action, status: Status
) -> None:
    job = in_state(kind, status)
    assert job.status == status
    if status in ALLOWED[action]:
        act(kind, action, job.job_id, EDITOR)
        result = "done"
    else:
        with pytest.raises(lifecycle.Conflict, match=f"is {status.value}: only"):
            act(kind, action, job.job_id, EDITOR)
        assert find(kind, job.job_id).status == status
        result = "refused"
    entry = AuditEntry.objects(target=job.job_id).get()
    assert (entry.who, entry.action, entry.kind, entry.result) == (
        EDITOR,
        action.value,
        kind.value,
        result,
    )


def test_a_job_that_may_not_be_cancelled_says_so() -> None:
    assert refusal(Action.cancel, ActionState(Status.active, can_cancel=False)) is not None
    assert refusal(Action.cancel, ActionState(Status.active)) is None


def test_an_unknown_job_is_refused_and_written_down() -> None:
    with pytest.raises(lifecycle.NotFound, match="no-such-job"):
        act(Kind.upload, Action.retry, "no-such-job", EDITOR)
    assert AuditEntry.objects(target="no-such-job", result="refused").count() == 1


def test_retrying_one_upload_resumes_its_job_and_leaves_other_failures_alone() -> None:
    job = a_job(plan={"chunks": [{}]}, renditions=[{"name": "720p"}, {"name": "360p"}])
    lifecycle.activate(job.job_id)
    for kind in (StepKind.SPLIT, StepKind.CHUNK, StepKind.MERGE):
        lifecycle.complete(claimed(a_step(job, kind)))
    uploads = [an_upload(job, name) for name in ("720p", "360p")]
    for upload in uploads:
        lifecycle.fail(claimed(upload), EncoderFailed("It stumbled."))
    lifecycle.fail_jobs({job.job_id: EncoderFailed("A part failed.")})

    act(Kind.upload, Action.retry, uploads[0].job_id, EDITOR)

    again = find(Kind.upload, uploads[0].job_id)
    assert (again.status, again.history[-1].who) == (Status.waiting, EDITOR)
    assert again.message_id in {m for m, _ in broker.held_messages(broker.UPLOAD_HLS)}
    assert find(Kind.upload, uploads[1].job_id).status == Status.failed
    assert find(Kind.transcode, job.job_id).status in (Status.waiting, Status.active)


def test_a_retried_job_keeps_its_finished_chunks() -> None:
    job = a_job(plan={"chunks": [{}, {}]})
    lifecycle.activate(job.job_id)
    lifecycle.complete(claimed(a_step(job, StepKind.SPLIT)))
    done = lifecycle.complete(claimed(a_step(job, index=0)))
    lifecycle.fail(claimed(a_step(job, index=1)), EncoderFailed("It stumbled."))
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})

    act(Kind.transcode, Action.retry, job.job_id, EDITOR)

    assert done is not None
    chunks = Step.objects(transcode_id=job.job_id, kind="chunk").order_by("index")
    assert [chunk.status for chunk in chunks] == [Status.completed, Status.waiting]
    assert chunks[0].attempt == 1


def test_clean_up_removes_work_area_half_uploads_and_parts_and_starts_from_the_source(
    database: Servers,
) -> None:
    media = a_media()
    job = a_job(plan={"chunks": [{}]}, renditions=[{"name": "720p"}], phases={"splitting": 100})
    TranscodeJob.objects(job_id=job.job_id).update(media_id=media.media_id)
    a_step(job, StepKind.SPLIT)
    storage = get_storage()
    storage.put_bytes(media.source_key, b"film")
    storage.put_bytes(keys.work(job.job_id, "chunk", "seg"), b"12345")
    storage.put_bytes(stream_key(job, "720p", "seg"), b"123")
    storage.writer(keys.work(job.job_id, "half"), most=1).write(b"x" * 8 * 1024**2)
    lifecycle.cancel(TranscodeJob, job.job_id, EDITOR)

    outcome = act(Kind.transcode, Action.cleanup, job.job_id, EDITOR)

    assert outcome.data == {
        "files": 2,
        "bytes": 8,
        "halfUploads": 1,
        "rows": 1,
        "retiredStreams": 0,
    }
    assert {*storage.list("")} == {media.source_key, keys.owner_mark()}
    cleaned = find(Kind.transcode, job.job_id)
    assert (cleaned.status, cleaned.plan, cleaned.phases, cleaned.progress) == (
        Status.cancelled,
        {},
        {},
        0.0,
    )
    act(Kind.transcode, Action.retry, job.job_id, EDITOR)
    assert [step.kind for step in Step.objects(transcode_id=job.job_id)] == ["split"]


def test_clean_up_of_a_published_media_keeps_what_people_watch() -> None:
    media = a_media()
    Media.objects(media_id=media.media_id).update(master_key="hls/x/master.m3u8")
    job = a_job()
    TranscodeJob.objects(job_id=job.job_id).update(media_id=media.media_id)
    get_storage().put_bytes(keys.master(media.media_id), b"#EXTM3U")
    lifecycle.cancel(TranscodeJob, job.job_id, EDITOR)
    act(Kind.transcode, Action.cleanup, job.job_id, EDITOR)
    assert get_storage().head(keys.master(media.media_id)) is not None


def test_a_job_being_cleaned_up_is_not_retried_meanwhile() -> None:
    job = in_state(Kind.transcode, Status.failed)
    held = lifecycle.hold(TranscodeJob, [job.job_id], [Status.failed], "a word")
    with pytest.raises(lifecycle.Conflict, match="being cleaned up"):
        act(Kind.transcode, Action.retry, job.job_id, EDITOR)
    with pytest.raises(lifecycle.Conflict, match="being cleaned up"):
        act(Kind.transcode, Action.cleanup, job.job_id, EDITOR)
    with pytest.raises(lifecycle.Conflict, match="being cleaned up"):
        act(Kind.transcode, Action.delete, job.job_id, EDITOR)
    lifecycle.end_cleanup(TranscodeJob, held, "a word", EDITOR, {job.job_id: "Cleaned up."}, {})
    act(Kind.transcode, Action.retry, job.job_id, EDITOR)


def test_deleting_with_outputs_takes_the_stream_and_without_leaves_it() -> None:
    media = a_media()
    Media.objects(media_id=media.media_id).update(master_key="hls/x/master.m3u8")
    master = keys.master(media.media_id)
    get_storage().put_bytes(master, b"#EXTM3U")
    jobs = [in_state(Kind.transcode, Status.completed) for _ in range(2)]
    for job in jobs:
        TranscodeJob.objects(job_id=job.job_id).update(media_id=media.media_id)

    act(Kind.transcode, Action.delete, jobs[0].job_id, EDITOR)
    assert get_storage().head(master) is not None

    act(Kind.transcode, Action.delete, jobs[1].job_id, EDITOR, outputs=True)
    assert get_storage().head(master) is None
    assert Media.objects(media_id=media.media_id).get().master_key is None
    assert len(TranscodeJob.objects) == 0


def test_an_upload_that_its_job_still_needs_is_not_deleted() -> None:
    job = a_job()
    lifecycle.activate(job.job_id)
    upload = an_upload(job)
    lifecycle.complete(claimed(upload))
    with pytest.raises(lifecycle.Conflict, match="needs this upload"):
        act(Kind.upload, Action.delete, upload.job_id, EDITOR)


def test_sync_of_a_job_that_is_right_changes_nothing() -> None:
    job = in_state(Kind.transcode, Status.failed)
    outcome = act(Kind.transcode, Action.sync, job.job_id, EDITOR)
    assert outcome.sentence == "Rows, queue and bucket agree: nothing to do."
    assert outcome.data["before"] == outcome.data["after"]


def test_sync_finds_files_that_are_missing_from_the_bucket_and_says_the_truth() -> None:
    media = a_media()
    job = in_state(Kind.transcode, Status.completed)
    master = keys.master(media.media_id)
    TranscodeJob.objects(job_id=job.job_id).update(media_id=media.media_id)
    Media.objects(media_id=media.media_id).update(master_key=master)
    get_storage().put_bytes(master, b"#EXTM3U\n")
    assert act(Kind.transcode, Action.sync, job.job_id, EDITOR).data["changes"] == []

    # With its base kept in the row, the master alone is no reason to encode anything again.
    get_storage().delete([master])
    outcome = act(Kind.transcode, Action.sync, job.job_id, EDITOR)
    assert "it was written again" in outcome.sentence
    assert get_storage().head(master) is not None
    assert find(Kind.transcode, job.job_id).status == Status.completed
