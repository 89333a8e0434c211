"""What the feed tells, as the log's stages and percentages."""

from typing import Any

import pytest

from tasks.cloudwatch.stages import Stages, percent
from tasks.feed.events import Event
from tasks.models import Phase

NAMES = ("360p", "720p")


class Feed:
    """Events of one job, and what is logged of them."""

    def __init__(self) -> None:
        self.stages = Stages(lambda _: NAMES)
        self.time = 1_704_067_200_000

    def tell(self, name: str, **data: Any) -> list[tuple[str, int]]:
        self.time += 1
        fields = {"kind": "transcode", "mediaId": "m", "transcodeId": "j", "jobId": "j", **data}
        found = self.stages.entries(Event(f"{self.time}-0", name, fields))
        assert all((entry.video_id, entry.at_ms) == ("m", self.time) for entry in found)
        return [(entry.message, entry.progress) for entry in found]

    def progress(self, phase: str, progress: float) -> list[tuple[str, int]]:
        return self.tell("transcodeProgress", status="active", phase=phase, progress=progress)

    def master(self, name: str, status: str, progress: float = 0.0) -> list[tuple[str, int]]:
        return self.tell(
            name, kind="upload", jobId="j.upload.master", status=status, progress=progress
        )


@pytest.mark.parametrize(
    ("progress", "phase", "expected"),
    [
        (0, Phase.splitting, 5),
        (1.5, Phase.splitting, 7),
        (3, Phase.splitting, 10),
        (3, Phase.transcoding, 10),
        (46.5, Phase.transcoding, 40),
        (90, Phase.transcoding, 70),
        (91.5, Phase.merging, 70),
        (93, Phase.uploading, 70),
        (96.5, Phase.uploading, 80),
        (100, Phase.uploading, 90),
        # A job that is tried again has done work of later phases.
        (95, Phase.transcoding, 70),
        (1, Phase.uploading, 70),
        (46.5, None, 40),
        (96.5, None, 80),
        (100.1, None, 90),
    ],
)
def test_percentages(progress: float, phase: Phase | None, expected: int) -> None:
    assert percent(progress, phase) == expected


def test_a_job_from_beginning_to_end() -> None:
    feed = Feed()
    assert feed.tell("jobCreated", status="waiting", progress=0) == []
    assert feed.tell("jobChanged", status="active", progress=0) == [("Video encoding started", 0)]
    assert feed.progress("splitting", 0.0) == [("Downloading video from S3", 5)]
    assert feed.progress("splitting", 1.5) == [("Downloading video from S3", 7)]
    assert feed.progress("transcoding", 3.0) == [
        ("Converting to 360p", 10),
        ("Converting to 720p", 10),
    ]
    assert feed.progress("transcoding", 46.5) == [
        ("Converting to 360p", 40),
        ("Converting to 720p", 40),
    ]
    assert feed.progress("transcoding", 46.6) == []  # not a whole percent further
    assert feed.progress("transcoding", 90.0)[1] == ("Converting to 720p", 70)
    assert feed.progress("merging", 91.0) == []
    assert feed.progress("uploading", 93.0) == [("Uploading HLS files to S3", 70)]
    assert feed.progress("uploading", 96.5) == [("Uploading HLS files to S3", 80)]
    assert feed.master("jobCreated", "waiting") == []
    assert feed.master("jobChanged", "active") == [("Generating master playlist", 90)]
    assert feed.progress("uploading", 99.9) == []  # 90 and more is said of the master alone
    assert feed.master("uploadProgress", "active", 50) == [("Generating master playlist", 95)]
    assert feed.master("uploadProgress", "active", 100) == [("Generating master playlist", 99)]
    assert feed.master("JobCompleted", "completed", 100) == []
    assert feed.tell("JobCompleted", status="completed", progress=100) == [
        ("Video encoding completed successfully", 100)
    ]


def test_failure_and_cancelling_say_how_far_it_was() -> None:
    feed = Feed()
    feed.progress("transcoding", 46.5)
    failed = feed.tell("JobFailed", status="failed", progress=46.5, errorMessage="This is no film.")
    assert failed == [("Video encoding failed: This is no film.", 40)]
    cancelled = Feed().tell("JobCancelled", status="cancelled", progress=46.5)
    assert cancelled == [("Video encoding cancelled", 40)]
    assert Feed().tell("JobFailed", status="failed", progress=0) == [
        ("Video encoding failed: The video could not be encoded.", 0)
    ]


def test_a_job_that_is_tried_again_begins_again() -> None:
    feed = Feed()
    feed.progress("transcoding", 46.5)
    feed.tell("JobFailed", status="failed", progress=46.5)
    assert feed.tell("jobRetried", status="waiting", progress=0) == []
    assert feed.tell("jobChanged", status="active", progress=0) == [("Video encoding started", 0)]
    assert feed.progress("splitting", 0) == [("Downloading video from S3", 5)]


def test_what_is_no_part_of_an_encoding_is_not_logged() -> None:
    feed = Feed()
    told: list[tuple[str, dict[str, object]]] = [
        ("jobChanged", {"kind": "upload", "jobId": "j.upload.master.2-x", "status": "active"}),
        ("uploadProgress", {"kind": "upload", "jobId": "j.upload.720p", "status": "active"}),
        ("JobCompleted", {"kind": "upload", "jobId": "j.upload.720p", "status": "completed"}),
        ("JobFailed", {"kind": "upload", "jobId": "j.upload.master", "status": "failed"}),
        ("JobFailed", {"kind": "step", "jobId": "j.split", "status": "failed"}),
        ("jobDeleted", {"status": "completed"}),
        ("transcodeProgress", {"status": "active", "phase": "dreaming"}),
        ("mediaChanged", {"kind": "media", "transcodeId": None}),
        ("statsChanged", {"mediaId": None}),
        ("", {"kind": None, "mediaId": 7}),
    ]
    for name, data in told:
        assert feed.tell(name, **data) == [], name


def test_without_the_names_of_renditions_it_is_said_in_general() -> None:
    feed = Feed()
    feed.stages = Stages(lambda _: ())
    assert feed.progress("transcoding", 46.5) == [("Converting", 40)]
