"""The log of transcode jobs: which lines the pipeline leaves, and that it never hinders work."""

import time
from datetime import timedelta

import pymongo
import pytest

from tasks.control.actions import act
from tasks.errors import EncoderFailed
from tasks.jobs import lifecycle, submit
from tasks.jobs.allowed import Action
from tasks.listing.cursor import BadCursor
from tasks.models import JobLogLine, Kind, Step, TranscodeJob, UploadJob
from tasks.records import job_log, job_log_query
from tasks.settings import get_settings
from tests.servers import Servers
from tests.tasks import rows


def said(job_id: str) -> list[tuple[str, str, str]]:
    return [(n.step, n.level, n.message) for n in job_log_query.latest(job_id, 100)]


def claimed_upload(job: TranscodeJob) -> UploadJob:
    upload = rows.an_upload(job)
    assert lifecycle.enqueue(UploadJob, upload.job_id)
    message = lifecycle.find(UploadJob, upload.job_id).message_id
    claimed = lifecycle.claim(UploadJob, upload.job_id, message, "worker:1")
    assert claimed is not None
    return claimed


def test_a_job_leaves_a_line_for_each_thing_that_happened_to_it(database: Servers) -> None:
    job = rows.a_job()
    step = rows.claimed(rows.a_step(job, index=2))
    lifecycle.activate(job.job_id)
    error = EncoderFailed("The encoder ended with an error.", log="frame 9\n[x264] broken")
    lifecycle.retry_later(step, error, 60)
    Step.objects.update(set__next_attempt_at=None)
    again = lifecycle.find(Step, step.job_id)
    second = lifecycle.claim(Step, again.job_id, again.message_id, "worker:2")
    assert second is not None
    lifecycle.complete(second, {"result": {"sizes": {"720p": {"segments": 4, "size": 2_500_000}}}})
    upload = claimed_upload(job)
    lifecycle.fail(upload, EncoderFailed("Storage said no.", log="503"))
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")

    lines = said(job.job_id)
    assert lines[0] == ("chunk 3", "info", "Attempt 1, by worker:1.")
    assert lines[1] == ("job", "info", "Attempt 1, by dailies.")
    assert lines[2][:2] == ("chunk 3", "warning")
    assert lines[2][2].startswith("The encoder ended with an error. Attempt 2 comes at ")
    assert lines[3] == ("chunk 3", "info", "Attempt 2, by worker:2.")
    assert lines[4] == ("chunk 3", "info", "Done: 100 frames, 720p · 4 segments, 2.5 MB.")
    assert lines[5] == ("upload 720p", "info", "Attempt 1, by worker:1.")
    assert lines[6] == ("upload 720p", "error", "Storage said no.")
    assert lines[7] == ("job", "warning", "Cancelled by ada.")
    assert len(lines) == 8
    details = [line.detail for line in JobLogLine.objects(detail__ne=None).order_by("at")]
    assert details == ["frame 9\n[x264] broken", "503"]


def test_lines_survive_their_row_and_end_with_their_time(database: Servers) -> None:
    media = rows.a_media()
    job = submit.submit(media, who="ada")
    assert said(job.job_id)[0] == ("job", "info", "Asked for by ada: film.mp4, 1.0 kB.")
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    act(Kind.transcode, Action.delete, job.job_id, "ada")
    lines = said(job.job_id)
    assert lines[-1] == ("job", "info", "Its row was deleted; the audit log says by whom.")
    assert ("job", "warning", "Cancelled by ada.") in lines
    line = JobLogLine.objects.first()
    assert line.expires_at - line.at == timedelta(days=get_settings().job_log_days)
    indexes = JobLogLine._get_collection().index_information()
    assert {"expireAfterSeconds": 0}.items() <= indexes["expires_at_1"].items()


def test_pages_and_levels(database: Servers) -> None:
    for number in range(5):
        job_log.note("j", "job", f"${number}", level="error" if number == 3 else "info")
    job_log.note("other", "job", "not of this job")
    first, after = job_log_query.page("j", limit=3)
    rest, end = job_log_query.page("j", limit=3, after=after)
    assert [line.message for line in [*first, *rest]] == ["$0", "$1", "$2", "$3", "$4"]
    assert (after is not None, end) == (True, None)
    errors, _ = job_log_query.page("j", limit=3, level="error")
    assert [line.message for line in errors] == ["$3"]
    for wrong in ("?", "WzEsMl0", "bnVsbA"):
        with pytest.raises(BadCursor):
            job_log_query.page("j", limit=3, after=wrong)
    explained = (
        JobLogLine._get_collection().find({"job_id": "j"}).sort([("at", 1), ("_id", 1)]).explain()
    )
    assert "IXSCAN" in str(explained["queryPlanner"]["winningPlan"])
    assert "SORT" not in str(explained["queryPlanner"]["winningPlan"]).replace("sortPattern", "")


def test_a_job_that_says_too_much_loses_its_oldest_lines(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_log, "LINES_KEPT", 3)
    job = rows.a_job()
    for number in range(5):
        job_log.note(job.job_id, "job", str(number))
        time.sleep(0.002)  # The database's clock tells milliseconds.
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    assert [message for _, _, message in said(job.job_id)] == ["3", "4", "Cancelled by ada."]


def test_a_database_that_is_away_costs_a_moment_once(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Away:
        def bulk_write(self, *_args: object, **_options: object) -> None:
            calls.append(pymongo.timeout)
            raise pymongo.errors.ServerSelectionTimeoutError("away")

    monkeypatch.setattr(job_log, "_hangs_until", 0.0)
    monkeypatch.setattr(JobLogLine, "_get_collection", classmethod(lambda cls: Away()))
    job_log.note("j", "job", "one")
    job_log.note("j", "job", "two")
    assert len(calls) == 1


def test_only_finished_uploads_tell_what_they_put(database: Servers) -> None:
    upload = claimed_upload(rows.a_job())
    lifecycle.complete(upload, {"files_total": 1, "bytes_total": 1_234_567})
    assert said(upload.transcode_id)[-1] == ("upload 720p", "info", "Done: 1 file, 1.2 MB.")
    assert UploadJob.objects.get().status == "completed"
