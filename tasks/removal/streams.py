"""What of streams uploads may take away, and what stands in the way."""

from collections.abc import Iterable
from typing import Any

from tasks.jobs.transition import Row
from tasks.models import UNFINISHED_VALUES, Stream, StreamState, Subtitle, TranscodeJob
from tasks.streams import own_prefixes, prefix


def unfinished_paths(uploads: Iterable[Row]) -> dict[str, list[str]]:
    """By upload id the prefixes below which no player is given anything of it.

    That is a rendition of a stream that its own job builds, or a subtitle that no master may list.
    A master is never among them.
    """
    uploads = list(uploads)
    building = {
        stream.job_id: own_prefixes([stream])
        for stream in _of_jobs(uploads).filter(state=StreamState.building.value)
    }
    unlisted = set(
        Subtitle.objects(
            subtitle_id__in=[row["subtitle_id"] for row in uploads if row.get("subtitle_id")],
            published_at=None,
        ).scalar("subtitle_id")
    )
    free: dict[str, list[str]] = {}
    for row in uploads:
        path = row.get("upload_path")
        if not path or not path.endswith("/"):
            continue
        own = building.get(row["transcode_id"], [])
        if row.get("subtitle_id") in unlisted or any(path.startswith(one) for one in own):
            free[row["job_id"]] = [path]
    return free


def parts_of_complete_streams(uploads: Iterable[Row]) -> set[str]:
    """Ids of uploads of renditions whose job has completed its stream."""
    uploads = [row for row in uploads if row.get("upload_path") and not row.get("subtitle_id")]
    kept = [StreamState.live.value, StreamState.retired.value]
    complete = [prefix(stream) for stream in _of_jobs(uploads).filter(state__in=kept)]
    return {
        row["job_id"]
        for row in uploads
        if any(row["upload_path"].startswith(one) for one in complete)
    }


def _of_jobs(uploads: Iterable[Row]) -> Any:
    """The streams of the uploads' jobs."""
    return Stream.objects(job_id__in=list({row["transcode_id"] for row in uploads}))


def needed(uploads: Iterable[Row]) -> set[str]:
    """Ids of the uploads' jobs that are not finished."""
    ids = {upload["transcode_id"] for upload in uploads}
    jobs = TranscodeJob.objects(job_id__in=list(ids), status__in=UNFINISHED_VALUES)
    return set(jobs.scalar("job_id"))
