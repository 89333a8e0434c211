"""Clean up: what failed or cancelled jobs left behind goes, and a retry starts from the source.

Files go first and rows afterwards, so that what was begun and not ended can be begun again.
"""

from collections.abc import Sequence
from typing import Any

from tasks import keys
from tasks.infra.source_cache import forget
from tasks.jobs import lifecycle_many
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import Media, Phase, TranscodeJob, UploadJob
from tasks.removal.emptying import Emptied, empty
from tasks.removal.held import Answers, Jobs, hold, let_go, new_hold_token, the_one
from tasks.removal.parts import remove_parts
from tasks.removal.removed import Removed
from tasks.removal.streams import watched
from tasks.subtitles.changes import unpublish_all

_UNPLANNED: dict[str, Any] = {
    "plan": {},
    "phases": {},
    "phase": Phase.splitting.value,
    "chunks_done": 0,
    "chunks_total": 0,
    "renditions": [],
    "detail": "",
}
_UNSENT: dict[str, Any] = {
    "files_done": 0,
    "bytes_done": 0,
    "current_file": None,
    "speed": None,
}


def clean_up(job: TranscodeJob | UploadJob, who: str) -> Removed:
    """Removes temporary files, work area and half uploads.

    Raises NotFound, Conflict, StorageFailed.
    """
    why = f"Cleaned up by {who}"
    return the_one(clean_up_many(type(job), [job.job_id], who, why, new_hold_token()))


def clean_up_many(model: Jobs, ids: Sequence[str], who: str, why: str, word: str) -> Answers:
    """``clean_up`` for each of many jobs, held by the ``word``; ``why`` begins a line of each
    one's history."""
    held, answers = hold(model, Action.cleanup, ids, word)
    clean, fields = (
        (_clean_transcodes, _UNPLANNED) if model is TranscodeJob else (_clean_uploads, _UNSENT)
    )
    answers |= clean(held)
    cleaned = [row for row in held if isinstance(answers[row["job_id"]], Removed)]
    whys = {
        job_id: f"{why}: {answer.sentence()}"
        for job_id, answer in answers.items()
        if isinstance(answer, Removed)
    }
    lifecycle_many.end_cleanup(model, cleaned, word, who, whys, fields)
    let_go(model, answers, word)
    return answers


def _clean_transcodes(jobs: Sequence[Row]) -> Emptied:
    published = watched(jobs)
    unseen = {job["job_id"]: job["media_id"] for job in jobs if job["media_id"] not in published}
    emptied = empty(
        {
            job["job_id"]: [
                keys.work(job["job_id"]),
                *([keys.stream(job["media_id"])] if job["job_id"] in unseen else []),
            ]
            for job in jobs
        }
    )
    done = {job_id: removed for job_id, removed in emptied.items() if isinstance(removed, Removed)}
    medias = sorted({unseen[job_id] for job_id in done if job_id in unseen})
    unpublish_all(medias)
    Media.objects(media_id__in=medias).update(unset__poster_key=True, unset__storyboard_key=True)
    for job_id, rows in remove_parts(done).items():
        done[job_id].rows += rows
    for job in jobs:
        forget(job["media_id"])
    return emptied


def _clean_uploads(uploads: Sequence[Row]) -> Emptied:
    # What players can see by now belongs to the stream and not to this upload.
    published = watched(uploads)
    return empty(
        {
            upload["job_id"]: [upload["upload_path"]]
            if upload.get("upload_path") and upload["media_id"] not in published
            else []
            for upload in uploads
        }
    )
