"""Clean up: what failed or cancelled jobs left behind goes, and a retry starts from the source.

Of streams that is what the job itself began and did not complete; the next attempt begins another.

Files go first and rows afterwards, so that what was begun and not ended can be begun again.
"""

from collections.abc import Sequence
from typing import Any

from tasks import keys, streams
from tasks.infra.source_cache import forget
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import Phase, TranscodeJob, UploadJob
from tasks.removal.emptying import Emptied, empty
from tasks.removal.held import Answers, Jobs, hold, let_go, new_hold_token, the_one
from tasks.removal.parts import remove_parts
from tasks.removal.removed import Removed
from tasks.removal.streams import unfinished_paths

_UNPLANNED: dict[str, Any] = {
    "plan": {},
    "phases": {},
    "phase": Phase.splitting.value,
    "chunks_done": 0,
    "chunks_total": 0,
    "renditions": [],
    "detail": "",
    "stream_id": None,
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
    lifecycle.end_cleanup(model, cleaned, word, who, whys, fields)
    let_go(model, answers, word)
    return answers


def _clean_transcodes(jobs: Sequence[Row]) -> Emptied:
    begun = streams.abandon([job["job_id"] for job in jobs])
    emptied = empty(
        {
            job["job_id"]: [
                keys.work(job["job_id"]),
                *streams.own_prefixes(one for one in begun if one.job_id == job["job_id"]),
            ]
            for job in jobs
        }
    )
    done = {job_id: removed for job_id, removed in emptied.items() if isinstance(removed, Removed)}
    for job_id, rows in remove_parts(done).items():
        done[job_id].rows += rows
    for job in jobs:
        forget(job["media_id"])
    return emptied


def _clean_uploads(uploads: Sequence[Row]) -> Emptied:
    free = unfinished_paths(uploads)
    return empty({upload["job_id"]: free.get(upload["job_id"], []) for upload in uploads})
