"""The document on upload tracking, from top to bottom, through the REST API and the event feed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.recovery.waiting import until
from tests.seeds.conftest import Installation
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.live.feed_client import FeedClient

JOBS = "/v1/studio/upload-jobs"
HLS, MASTER, SUBTITLE = "upload-hls-to-s3", "upload-master-playlist", "upload-subtitle-to-s3"
WORDS = "1\n00:00:01,000 --> 00:00:02,000\nGood morning, how are you today?\n"
#: What the document's model has; ids of the database and relations besides.
FIELDS = {
    *("jobId", "queueName", "jobType", "status", "progress"),
    *("resourceType", "resourceId", "resourceName", "filename"),
    *("uploadType", "contentType", "label"),
    *("hlsDir", "masterPlaylistPath", "subtitlePath", "uploadPath"),
    *("initialMetadata", "subtitleMetadata", "subtitleLanguages"),
    *("bucketName", "clientId"),
    *("canCancel", "cancelledAt", "failedReason", "errorMessage"),
    *("filmId", "episodeId", "seasonId", "createdAt", "updatedAt"),
}


class Film:
    """A film with a subtitle, on its way, and what the feed said of it until now."""

    def __init__(self, installation: Installation, path: Path) -> None:
        self.installation = installation
        self.feed = FeedClient(cast(Gunicorn, installation), token=installation.token)
        self.told: list[dict[str, Any]] = []
        title = installation.ask("POST /api/titles", json={"kind": "film", "name": "Tides"})
        self.title_id = title.json()["id"]
        with path.open("rb") as file:
            video = installation.ask(
                "POST /api/upload/video",
                data={"titleId": self.title_id},
                files={"video": (path.name, file, "video/mp4")},
            ).json()["video"]
        self.media_id = video["id"]
        self.attach(WORDS, "good.srt")
        installation.ask(
            f"POST /api/upload/convert-to-hls/{self.media_id}",
            json={"s3Key": video["s3Key"], "clientId": "my client"},
        )

    def attach(self, text: str, name: str) -> None:
        answer = self.installation.ask(
            f"POST /api/media/{self.media_id}/subtitles", files={"subtitle": (name, text)}
        )
        assert answer.status_code == 201, answer.text

    def jobs(self, query: str = "") -> list[dict[str, Any]]:
        found = self.installation.get(f"{JOBS}?resourceId={self.title_id}&{query}")
        jobs: list[dict[str, Any]] = found["jobs"]
        return jobs

    def one(self, query: str) -> dict[str, Any]:
        """The job that there is, or will be, of the film."""
        return until(lambda: next(iter(self.jobs(query)), None), f"a job with {query}", 120)

    def job(self, job_id: str) -> dict[str, Any]:
        return self.installation.get(f"{JOBS}/{job_id}")

    def ends(self, job_id: str, status: str) -> dict[str, Any]:
        return until(
            lambda: job if (job := self.job(job_id))["status"] == status else None,
            f"{job_id} to be {status}",
            120,
        )

    def hear(self, is_it: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The first message of the feed, from its beginning, that is such a one."""
        for message in self.told:
            if is_it(message):
                return message
        while True:
            message = self.feed.next(120)
            self.told.append(message)
            if is_it(message):
                return message

    def hear_of(self, job_id: str, event: str) -> dict[str, Any]:
        return self.hear(lambda m: (m["event"], m.get("jobId")) == (event, job_id), event)

    def ask(self, job_id: str, action: str) -> dict[str, Any]:
        answer = self.installation.ask(f"POST {JOBS}/{job_id}/{action}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture(scope="module")
def waiting(installation: Installation, film: Path) -> Film:
    """The film is encoded; its renditions are not uploaded, because their queue is paused."""
    assert installation.ask(f"POST /v1/studio/queues/{HLS}/pause").status_code == 200
    tides = Film(installation, film)
    installation.start_worker()
    tides.one("uploadType=hls")
    return tides


@pytest.fixture(scope="module")
def cancelled(waiting: Film) -> dict[str, Any]:
    """Cancel active uploads: one of the renditions."""
    job_id = waiting.one("uploadType=hls&label=HD")["jobId"]
    waiting.ask(job_id, "cancel")
    return waiting.job(job_id)


@pytest.fixture(scope="module")
def retried(installation: Installation, waiting: Film, cancelled: dict[str, Any]) -> dict[str, Any]:
    """The same, tried again, and everything else with it."""
    # Files this small are up in no time; so storage stands still until some progress was told.
    installation.servers.s3.freeze()
    try:
        assert installation.ask(f"POST /v1/studio/queues/{HLS}/resume").status_code == 200
        waiting.hear(lambda m: m["event"] == "uploadProgress", "uploadProgress")
    finally:
        installation.servers.s3.thaw()
    waiting.ask(cancelled["jobId"], "retry")
    now = waiting.job(cancelled["jobId"])
    waiting.ends(cancelled["jobId"], "completed")
    return now


def test_every_upload_is_a_job_of_one_of_three_types(waiting: Film) -> None:
    job = waiting.one("uploadType=hls")
    assert (job["status"], job["jobType"], job["queueName"]) == ("waiting", HLS, HLS)
    assert job["clientId"] == "my client"
    labels = {job["label"] for job in waiting.jobs("uploadType=hls&contentType=video")}
    assert labels == {"SD", "HD"}


def test_cancel(waiting: Film, cancelled: dict[str, Any]) -> None:
    assert cancelled["status"] == "cancelled"
    assert cancelled["cancelledAt"] is not None
    assert waiting.hear_of(cancelled["jobId"], "JobCancelled")["status"] == "cancelled"


def test_retry_keeps_all_that_is_known_and_gives_a_fresh_client_id(
    cancelled: dict[str, Any], retried: dict[str, Any]
) -> None:
    assert retried["status"] in ("waiting", "active", "completed")
    assert retried["clientId"] != cancelled["clientId"]
    kept = ("hlsDir", "uploadPath", "filename", "label", "initialMetadata", "resourceId")
    assert {name: retried[name] for name in kept} == {name: cancelled[name] for name in kept}


@pytest.fixture(scope="module")
def done(waiting: Film, retried: dict[str, Any]) -> list[dict[str, Any]]:
    """Every upload of the film, when all of them are done."""
    waiting.ends(waiting.one("uploadType=master_playlist")["jobId"], "completed")
    return [waiting.job(job["jobId"]) for job in waiting.jobs()]


def test_uploads_of_all_types_are_tracked_to_their_end(done: list[dict[str, Any]]) -> None:
    types = sorted((job["uploadType"], job["jobType"], job["contentType"]) for job in done)
    assert types == [
        ("hls", HLS, "audio"),
        *[("hls", HLS, "video")] * 3,  # 720p, 480p, 360p
        ("master_playlist", MASTER, "playlist"),
        ("subtitle", SUBTITLE, "subtitle"),
    ]
    assert {(job["status"], job["progress"]) for job in done} == {("completed", 100.0)}


def test_a_job_has_the_fields_of_the_model(done: list[dict[str, Any]], waiting: Film) -> None:
    for job in done:
        assert set(job) >= FIELDS
        assert (job["resourceType"], job["resourceName"]) == ("film", "Tides")
        assert job["resourceId"] == job["filmId"] == waiting.title_id
        assert job["uploadPath"].startswith(f"hls/{waiting.media_id}/")
    by_type = {job["uploadType"]: job for job in done}
    master, subtitle = by_type["master_playlist"], by_type["subtitle"]
    assert master["masterPlaylistPath"].endswith("/master.m3u8")
    assert master["subtitleLanguages"] == ["en"]
    assert subtitle["subtitlePath"].endswith(".srt")
    assert subtitle["subtitleMetadata"]["filename"] == "good.srt"
    assert by_type["hls"]["initialMetadata"]["video"]["width"] == 1280
    assert all(job["filesDone"] == job["filesTotal"] > 0 for job in done)


def test_progress_and_ends_are_told_live(done: list[dict[str, Any]], waiting: Film) -> None:
    for job in done:
        end = waiting.hear_of(job["jobId"], "JobCompleted")
        assert (end["kind"], end["status"], end["progress"]) == ("upload", "completed", 100.0)
    progress = waiting.hear(lambda m: m["event"] == "uploadProgress", "uploadProgress")
    assert set(progress) >= {"kind", "jobId", "progress", "status", "mediaId", "clientId"}
    counts = waiting.hear(lambda m: m["event"] == "statsChanged", "statsChanged")
    states = {"total", "waiting", "active", "completed", "failed", "cancelled"}
    assert set(counts["upload"]) == set(counts["transcode"]) == states


def test_filters(installation: Installation, done: list[dict[str, Any]]) -> None:
    for query, count in [
        ("status=completed", len(done)),
        ("status=waiting", 0),
        ("type=film", len(done)),
        ("type=episode", 0),
        ("type=film&status=completed", len(done)),
    ]:
        assert installation.get(f"{JOBS}?{query}")["total"] == count, query
    for query in ("status=sleeping", "type=song"):
        assert installation.ask(f"GET {JOBS}?{query}").status_code == 422


def test_only_what_its_state_allows_is_done(
    installation: Installation, done: list[dict[str, Any]]
) -> None:
    for action in ("retry", "cancel", "cleanup"):
        answer = installation.ask(f"POST {JOBS}/{done[0]['jobId']}/{action}")
        assert answer.status_code == 409
        assert "This job is completed" in answer.json()["error"]


@pytest.fixture(scope="module")
def failed(waiting: Film, done: list[dict[str, Any]]) -> dict[str, Any]:
    """An upload that failed: of a subtitle that is broken."""
    waiting.attach("1\nno times here\n\n2\nnor here\n", "broken.srt")
    return waiting.ends(waiting.one("uploadType=subtitle&sort=newest")["jobId"], "failed")


def test_a_failure_says_why(failed: dict[str, Any], waiting: Film) -> None:
    assert failed["subtitleMetadata"]["filename"] == "broken.srt"
    assert (failed["jobType"], failed["failedReason"]) == (SUBTITLE, "bad_input")
    assert failed["errorMessage"]
    assert [line["status"] for line in failed["history"]] == ["waiting", "active", "failed"]
    told = waiting.hear_of(failed["jobId"], "JobFailed")
    assert told["errorMessage"] == failed["errorMessage"]
    assert waiting.jobs("status=failed")[0]["jobId"] == failed["jobId"]


def test_a_failed_upload_is_retried_cleaned_up_and_deleted(
    installation: Installation, failed: dict[str, Any], waiting: Film
) -> None:
    job_id = failed["jobId"]
    waiting.ask(job_id, "retry")
    retried = waiting.hear_of(job_id, "jobRetried")
    assert retried["clientId"] != failed["clientId"]
    until(lambda: waiting.job(job_id)["history"][3:], "another attempt", 60)
    again = waiting.ends(job_id, "failed")
    assert again["errorMessage"] == failed["errorMessage"]
    assert again["subtitlePath"] == failed["subtitlePath"]
    assert waiting.ask(job_id, "cleanup")["jobId"] == job_id
    assert installation.ask(f"DELETE {JOBS}/{job_id}").status_code == 200
    assert installation.ask(f"GET {JOBS}/{job_id}").status_code == 404


def test_sync_says_what_is(done: list[dict[str, Any]], waiting: Film) -> None:
    synced = waiting.ask(done[0]["jobId"], "sync")
    assert synced["job"]["status"] == "completed"
    assert synced["before"]["status"] == synced["after"]["status"] == "completed"


def test_fix_stuck_finds_nothing_where_nothing_is(
    installation: Installation, done: list[dict[str, Any]]
) -> None:
    for body in ({"dryRun": True}, {}):
        answer = installation.ask(f"POST {JOBS}/fix-stuck", json=body)
        assert (answer.status_code, answer.json()["count"]) == (200, 0)


def test_rates_and_durations_and_the_backlog_are_counted(
    installation: Installation, done: list[dict[str, Any]]
) -> None:
    buckets = installation.get("/v1/studio/statistics?kind=upload&by=hour")["buckets"]
    counted = [bucket for bucket in buckets if bucket["completed"]]
    assert sum(bucket["completed"] for bucket in counted) == len(done)
    assert all(bucket["medianSeconds"] is not None for bucket in counted)
    names = {queue["name"] for queue in installation.get("/v1/studio/queues")["queues"]}
    assert {HLS, MASTER, SUBTITLE} <= names


def test_finished_jobs_are_cleared(
    installation: Installation, done: list[dict[str, Any]], waiting: Film
) -> None:
    for status in ("failed", "cancelled", "completed", "all"):
        answer = installation.ask(f"POST {JOBS}/clear", json={"status": status})
        assert answer.status_code == 202, answer.text
        path = answer.json()["statusUrl"]
        installation.follow(path, lambda body: body["status"] == "completed")
        left = 0 if status in ("completed", "all") else len(done)
        assert installation.get(JOBS)["total"] == left
    refused = installation.ask(f"POST {JOBS}/clear", json={"status": "active"})
    assert refused.status_code == 422
