"""Whether retries of uploads can come to anything, and what they wait for."""

from collections.abc import Sequence

from tasks.jobs.lifecycle import Conflict
from tasks.jobs.transition import Row
from tasks.models import Status, Step, StepKind, TranscodeJob, stored
from tasks.subtitles.tracks import stand_in

_DELETED = "Its transcode job was deleted: there is nothing left that it could put."
_COMPLETED_WITHOUT = (
    "Its transcode job is completed without it: there is nothing to retry. Sync compares the job "
    "with the bucket."
)
_FILES_FIRST = "Waits until its transcode job has made its files again."
_AGAIN = "Waits to be done again."


def foretell(uploads: Sequence[Row]) -> dict[str, str | Conflict]:
    """By upload id the sentence about its retry, or the Conflict where it would come to nothing.

    ``uploads`` have ``job_id, transcode_id, upload_type``.
    """
    parents = {upload["transcode_id"] for upload in uploads}
    found = stored.collection(TranscodeJob).find(
        {"job_id": {"$in": list(parents)}}, {"job_id": 1, "status": 1}
    )
    status = {row["job_id"]: row["status"] for row in found}
    for job_id in parents - status.keys():
        if stand_in(job_id) is not None:
            status[job_id] = Status.completed.value
    unfinished = [job_id for job_id in status if status[job_id] != Status.completed]
    merged: set[str] = set()
    if unfinished:
        merge = {"kind": StepKind.MERGE.value, "status": Status.completed.value}
        query = {"transcode_id": {"$in": unfinished}, **merge}
        merged = set(stored.collection(Step).distinct("transcode_id", query))
    return {
        upload["job_id"]: _foretold(upload, status.get(upload["transcode_id"]), merged)
        for upload in uploads
    }


def _foretold(upload: Row, status: str | None, merged: set[str]) -> str | Conflict:
    if status is None:
        return Conflict(_DELETED)
    if status != Status.completed:
        return _AGAIN if upload["transcode_id"] in merged else _FILES_FIRST
    return Conflict(_COMPLETED_WITHOUT) if upload.get("upload_type") == "hls" else _AGAIN
