"""``/v1/studio/…-jobs``: what seed document 001 asks for, the same for both kinds."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.errors import EncoderFailed
from tasks.infra.database import connect
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.jobs.uploads import make_rendition_uploads, make_subtitle_upload
from tasks.models import Kind, Status, Subtitle, TranscodeJob, UploadJob
from tasks.models.bulk_operation import BulkOperation
from tests.tasks.rows import a_job, an_upload, claimed, written

PATHS = {Kind.transcode: "/v1/studio/transcoding-jobs", Kind.upload: "/v1/studio/upload-jobs"}


@pytest.fixture
def editor(app: Flask, as_program: Callable[[str], FlaskClient]) -> FlaskClient:
    connect()
    return as_program("editor")


def failed_upload(**fields: object) -> UploadJob:
    job = a_job()
    upload = an_upload(job)
    written(upload, **fields)
    lifecycle.fail(claimed(upload), EncoderFailed("It stumbled.", log="frame 7"))
    lifecycle.activate(job.job_id)
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    return lifecycle.find(UploadJob, upload.job_id)


def carry_out(operation_id: str) -> BulkOperation:
    """Does a bulk operation as a worker does."""
    # The actors connect to the queue as they are imported.
    from tasks.actors.bulk import run_bulk
    from tasks.actors.heartbeat import Heartbeat

    row = lifecycle.find(BulkOperation, operation_id)
    unit = lifecycle.claim(BulkOperation, row.job_id, row.message_id, "worker:1")
    assert unit is not None
    with Heartbeat(unit) as beat:
        fields = run_bulk(unit, beat)
    assert lifecycle.complete(unit, fields) is not None
    return lifecycle.find(BulkOperation, operation_id)


def test_a_list_has_the_seeds_fields_and_says_what_may_be_done(editor: FlaskClient) -> None:
    upload = failed_upload(label="HD", resource_type="film", content_type="video")
    body = editor.get(PATHS[Kind.upload]).get_json()
    assert (body["total"], body["after"]) == (1, None)
    (job,) = body["jobs"]
    assert (job["jobId"], job["status"], job["failedReason"], job["errorMessage"]) == (
        upload.job_id,
        "failed",
        "encoder",
        "It stumbled.",
    )
    assert (job["uploadType"], job["label"], job["canCancel"]) == ("hls", "HD", True)
    assert job["actions"]["retry"] is None
    assert "only a waiting or active job" in job["actions"]["cancel"]
    whole = editor.get(f"{PATHS[Kind.upload]}/{upload.job_id}").get_json()
    assert (whole["errorLog"], whole["history"][-1]["status"]) == ("frame 7", "failed")


@pytest.mark.parametrize(
    "query",
    [
        "status=failed",
        "type=film",
        "uploadType=hls",
        "contentType=video",
        "label=HD",
        "resourceId=r1",
        "mediaId={media}",
        "from=2020-01-01",
        "to=2100-01-01",
        "q=harb",
        "status=failed&label=HD&q=harbour",
    ],
)
def test_each_filter_keeps_what_it_names(editor: FlaskClient, query: str) -> None:
    wanted = failed_upload(
        label="HD",
        resource_type="film",
        content_type="video",
        resource_id="r1",
        terms=["harbour", "lights"],
    )
    other = an_upload(a_job())
    made_at = datetime(2019 if query.startswith("from") else 2101, 6, 1, tzinfo=UTC)
    written(other, upload_type="subtitle", created_at=made_at)
    body = editor.get(f"{PATHS[Kind.upload]}?{query.format(media=wanted.media_id)}").get_json()
    assert [job["jobId"] for job in body["jobs"]] == [wanted.job_id]
    assert (body["total"], body["totalIsExact"]) == (1, True)


def test_pages_follow_one_another(editor: FlaskClient) -> None:
    made = {a_job().job_id for _ in range(5)}
    seen: list[str] = []
    after = ""
    while after is not None:
        query = f"limit=2&after={after}" if after else "limit=2"
        body = editor.get(f"{PATHS[Kind.transcode]}?{query}").get_json()
        assert body["total"] == 5
        seen += [job["jobId"] for job in body["jobs"]]
        after = body["after"]
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    ("query", "word"),
    [("status=odd", "status"), ("limit=0", "limit"), ("from=yesterday", "from"), ("x=1", "x")],
)
def test_a_wrong_parameter_is_named(editor: FlaskClient, query: str, word: str) -> None:
    answer = editor.get(f"{PATHS[Kind.upload]}?{query}")
    assert answer.status_code == 422
    assert word in answer.get_json()["error"].lower()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("label=8K", "label: must be 'SD', 'HD', 'FHD' or 'UHD', and is '8K'."),
        ("limit=900", "limit: must be less than or equal to 200, and is '900'."),
        ("uploadType=", "uploadType: must be 'hls', 'master_playlist', 'subtitle' or 'video', "
         "and is ''."),
        ("to=soon", "to: must be a date or time such as 2026-11-20 or 2026-11-20T09:30:00Z, "
         "and is 'soon'."),
        ("page=2", "page: is not known here."),
        ("status=failed&status=active", "status: give it once, not several times."),
    ],
)  # fmt: skip
def test_a_refusal_names_parameter_and_values_as_they_are_written(
    editor: FlaskClient, query: str, sentence: str
) -> None:
    answer = editor.get(f"{PATHS[Kind.upload]}?{query}")
    assert (answer.status_code, answer.get_json()["error"]) == (422, sentence)


@pytest.mark.parametrize("kind", list(Kind))
def test_actions_answer_with_the_job_and_refuse_with_its_state(
    editor: FlaskClient, kind: Kind
) -> None:
    upload = failed_upload()
    job_id = upload.job_id if kind is Kind.upload else upload.transcode_id
    path = f"{PATHS[kind]}/{job_id}"

    refused = editor.post(f"{path}/cancel")
    assert refused.status_code == 409
    assert "This job is failed" in refused.get_json()["error"]

    cleaned = editor.post(f"{path}/cleanup").get_json()
    assert (cleaned["jobId"], cleaned["job"]["status"]) == (job_id, "failed")
    assert "files" in cleaned

    synced = editor.post(f"{path}/sync").get_json()
    assert {"before", "after", "changes"} <= set(synced)

    if kind is Kind.transcode:
        assert editor.post(f"{path}/retry").get_json()["job"]["status"] == "waiting"
        assert editor.post(f"{path}/cancel").get_json()["job"]["status"] == "cancelled"
    assert editor.delete(path).get_json()["job"] is None
    assert editor.get(path).status_code == 404


def test_clear_deletes_one_finished_status_or_all(editor: FlaskClient) -> None:
    cancelled = a_job()
    lifecycle.cancel(TranscodeJob, cancelled.job_id, "editor@studio")
    failed = a_job()
    lifecycle.activate(failed.job_id)
    lifecycle.fail_jobs({failed.job_id: EncoderFailed("It stumbled.")})
    running = a_job()

    answer = editor.post(f"{PATHS[Kind.transcode]}/clear", json={"status": "failed"})
    assert answer.status_code == 202
    done = carry_out(answer.get_json()["operationId"])
    assert (done.total, done.done, done.skipped) == (1, 1, 0)
    assert {job.job_id for job in TranscodeJob.objects} == {cancelled.job_id, running.job_id}

    answer = editor.post(f"{PATHS[Kind.transcode]}/clear", json={"status": "all"})
    carry_out(answer.get_json()["operationId"])
    assert [job.job_id for job in TranscodeJob.objects] == [running.job_id]
    wrong = editor.post(f"{PATHS[Kind.transcode]}/clear", json={"status": "waiting"})
    assert wrong.status_code == 422


def test_a_bulk_action_tells_done_from_skipped_with_the_reason(editor: FlaskClient) -> None:
    jobs = [a_job() for _ in range(3)]
    lifecycle.cancel(TranscodeJob, jobs[0].job_id, "editor@studio")
    asked = {"action": "cancel", "ids": [job.job_id for job in jobs] + [str(uuid.uuid4())]}
    answer = editor.post(f"{PATHS[Kind.transcode]}/bulk", json=asked)
    assert (answer.status_code, answer.get_json()["total"]) == (202, 4)

    carry_out(answer.get_json()["operationId"])

    told = editor.get(answer.get_json()["statusUrl"]).get_json()
    assert (told["status"], told["done"], told["skipped"], told["failed"]) == ("completed", 2, 2, 0)
    reasons = {result["jobId"]: result["reason"] for result in told["results"]}
    assert "is cancelled" in reasons[jobs[0].job_id]


def test_operations_are_listed_page_by_page_and_one_is_cancelled(editor: FlaskClient) -> None:
    asked = {"action": "cancel", "filter": {}}
    path = f"{PATHS[Kind.transcode]}/bulk"
    ids = [editor.post(path, json=asked).get_json()["operationId"] for _ in range(3)]

    first = editor.get("/v1/studio/operations?limit=2").get_json()
    rest = editor.get(f"/v1/studio/operations?limit=2&after={first['after']}").get_json()
    listed = [row["operationId"] for row in first["operations"] + rest["operations"]]
    assert (listed, rest["after"]) == (ids[::-1], None)
    assert "results" not in first["operations"][0]
    assert editor.get("/v1/studio/operations?after=nonsense").status_code == 400
    assert editor.get("/v1/studio/operations?limit=0").status_code == 422

    one = f"/v1/studio/operations/{ids[0]}"
    assert editor.post(f"{one}/cancel").get_json()["status"] == "cancelled"
    again = editor.post(f"{one}/cancel")
    assert again.status_code == 409
    assert "This operation is cancelled" in again.get_json()["detail"]
    assert editor.post("/v1/studio/operations/none/cancel").status_code == 404


def test_a_filter_reaches_what_matched_when_it_was_asked(editor: FlaskClient) -> None:
    old = a_job(resource_type="film")
    asked = {"action": "cancel", "filter": {"type": "film"}}
    answer = editor.post(f"{PATHS[Kind.transcode]}/bulk", json=asked)
    new = a_job(resource_type="film")
    episode = a_job(resource_type="episode")
    carry_out(answer.get_json()["operationId"])
    status = {job.job_id: job.status for job in TranscodeJob.objects}
    assert status == {
        old.job_id: Status.cancelled,
        new.job_id: Status.waiting,
        episode.job_id: Status.waiting,
    }


def test_a_bulk_action_goes_on_where_its_worker_was_killed(editor: FlaskClient) -> None:
    jobs = sorted(a_job().job_id for _ in range(4))
    asked = {"action": Action.cancel.value, "filter": {}}
    operation_id = editor.post(f"{PATHS[Kind.transcode]}/bulk", json=asked).get_json()[
        "operationId"
    ]
    lifecycle.cancel(TranscodeJob, jobs[0], "editor@studio")
    BulkOperation.objects(job_id=operation_id).update(position=jobs[1], done=2)
    finished = carry_out(operation_id)
    assert (finished.done, finished.skipped) == (4, 0)
    assert lifecycle.find(TranscodeJob, jobs[1]).status == Status.waiting


def test_fix_stuck_lists_first_and_fixes_then(editor: FlaskClient) -> None:
    upload = an_upload(a_job())
    unit = claimed(upload)
    UploadJob._get_collection().update_one(
        {"job_id": unit.job_id},
        [
            {
                "$set": {
                    "lease.expires_at": {"$subtract": ["$$NOW", 600_000]},
                    "updated_at": {"$subtract": ["$$NOW", 600_000]},
                }
            }
        ],
    )
    path = f"{PATHS[Kind.upload]}/fix-stuck"
    shown = editor.post(path, json={"dryRun": True}).get_json()
    assert [job["jobId"] for job in shown["jobs"]] == [upload.job_id]
    assert lifecycle.find(UploadJob, upload.job_id).status == Status.active
    fixed = editor.post(path).get_json()
    assert fixed["jobs"][0]["jobId"] == upload.job_id
    assert lifecycle.find(UploadJob, upload.job_id).status == Status.waiting


def test_the_audit_log_says_who_did_what(
    editor: FlaskClient, as_program: Callable[[str], FlaskClient]
) -> None:
    job = a_job()
    editor.post(f"{PATHS[Kind.transcode]}/{job.job_id}/cancel")
    editor.post(f"{PATHS[Kind.transcode]}/{job.job_id}/cancel")
    entries = as_program("admin").get(f"/v1/studio/audit?target={job.job_id}").get_json()["entries"]
    assert [(e["action"], e["result"]) for e in entries] == [
        ("cancel", "refused"),
        ("cancel", "done"),
    ]
    assert entries[0]["who"].startswith("token ")


def test_a_search_without_a_word_in_it_is_answered(editor: FlaskClient) -> None:
    a_job()
    body = editor.get(f"{PATHS[Kind.transcode]}?q=%2B%2B").get_json()
    assert (body["total"], body["jobs"]) == (0, [])


def test_a_transcode_job_is_found_by_its_own_id_as_its_uploads_are(editor: FlaskClient) -> None:
    job, _other = a_job(), a_job()
    upload = an_upload(job)
    for kind, found in ((Kind.transcode, job.job_id), (Kind.upload, upload.job_id)):
        body = editor.get(f"{PATHS[kind]}?transcodeId={job.job_id}").get_json()
        assert [one["jobId"] for one in body["jobs"]] == [found]
        assert body["total"] == 1


def test_an_upload_of_subtitles_is_found_by_its_own_file(editor: FlaskClient) -> None:
    job = a_job(terms=["fog", "film"])
    of = Subtitle(subtitle_id="s", media_id=job.media_id, filename="Broken-Words.srt", size=9)
    upload = make_subtitle_upload(job, of)
    lifecycle.create([upload], who="ada", why="")
    an_upload(job)
    for text in ("broken", "broken-words.srt fog"):
        body = editor.get(f"{PATHS[Kind.upload]}", query_string={"q": text}).get_json()
        assert [one["jobId"] for one in body["jobs"]] == [upload.job_id], text


@pytest.mark.usefixtures("editor")
def test_the_upload_of_sound_has_no_label_of_a_resolution() -> None:
    rungs = [{"name": "720p", "label": "HD"}, {"name": "audio", "label": "AAC"}]
    labels = {
        upload.rendition: upload.label for upload in make_rendition_uploads(a_job(renditions=rungs))
    }
    assert labels == {"720p": "HD", "audio": None}
