"""Deleting finished jobs' rows, and if wanted what the jobs made.

The files go first and the row last: what was begun and not ended can be begun again. A stream that
is complete is retired, so that nobody who watches it is cut off, and goes by the rule
``stream-expired``.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks import keys, streams
from tasks.errors import StorageFailed
from tasks.infra.storage import get_storage
from tasks.jobs import attach, lifecycle
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import JobLogLine, Subtitle, TranscodeJob
from tasks.records import job_log
from tasks.records.job_log_text import INFO, JOB, Line
from tasks.removal.emptying import THREADS, Emptied, empty
from tasks.removal.held import Answers, Jobs, hold, let_go
from tasks.removal.parts import remove_parts
from tasks.removal.removed import Removed
from tasks.removal.streams import needed, parts_of_complete_streams, unfinished_paths

_LAST_LINE = Line(JOB, INFO, "Its row was deleted; the audit log says by whom.")
_NEEDED = "Its transcode job is not finished and needs this upload."
_PART = (
    "Its files are part of a complete stream: delete the transcode job with its outputs instead."
)


def delete_many(model: Jobs, ids: Sequence[str], who: str, word: str, *, outputs: bool) -> Answers:
    """Removes jobs' rows; with a transcode job's its parts' and its work area. The answers by id.

    A stream that a job began and did not complete goes with it. ``word`` is the hold token.
    ``outputs``: of a transcode job its complete stream is retired, and where that was live the
    media is only a source again; of an upload its files, and of a subtitle's the subtitle. A
    Conflict where a job that is not finished or a complete stream needs them.
    """
    held, answers = hold(model, Action.delete, ids, word)
    refused = _refusals(model, held, outputs)
    answers |= {job_id: lifecycle.Conflict(sentence) for job_id, sentence in refused.items()}
    free = [row for row in held if row["job_id"] not in refused]
    answers |= (
        _empty_transcodes(free, outputs)
        if model is TranscodeJob
        else _empty_uploads(free, who, outputs)
    )
    emptied = [row for row in free if isinstance(answers[row["job_id"]], Removed)]
    gone = lifecycle.remove(model, emptied, word)
    left = {row["job_id"] for row in emptied}.difference(gone)
    answers |= lifecycle.why_not(model, Action.delete, sorted(left))
    parts = remove_parts(gone) if model is TranscodeJob else {}
    for job_id, answer in answers.items():
        if isinstance(answer, Removed):
            answer.rows += 1 + parts.get(job_id, 0)
    if model is TranscodeJob:
        job_log.note_many(gone, _LAST_LINE)
    let_go(model, answers, word)
    return answers


def finish_many(job_ids: Collection[str]) -> None:
    """Completes the deletion of transcode jobs whose rows were gone when the worker was lost."""
    remove_parts(job_ids)
    lines = JobLogLine.objects(job_id__in=list(job_ids), message=_LAST_LINE.message)
    noted = lines.scalar("job_id")
    job_log.note_many(set(job_ids).difference(noted), _LAST_LINE)


def _refusals(model: Jobs, rows: Sequence[Row], outputs: bool) -> dict[str, str]:
    """Why jobs cannot be deleted although they are finished."""
    if model is TranscodeJob:
        return {}
    refused = dict.fromkeys(parts_of_complete_streams(rows), _PART) if outputs else {}
    parents = needed(rows)
    return refused | {row["job_id"]: _NEEDED for row in rows if row["transcode_id"] in parents}


def _empty_transcodes(jobs: Sequence[Row], outputs: bool) -> Emptied:
    ids = [job["job_id"] for job in jobs]
    begun = streams.abandon(ids)
    emptied = empty(
        {
            job_id: [
                keys.work(job_id),
                *streams.own_prefixes(one for one in begun if one.job_id == job_id),
            ]
            for job_id in ids
        }
    )
    medias = {job["media_id"] for job in jobs}
    for stream in streams.completed_by(ids, medias) if outputs else ():
        removed = emptied[stream.job_id]
        if isinstance(removed, Removed):
            try:
                streams.unpublish([stream.media_id], only=[stream.stream_id])
            except StorageFailed as error:
                emptied[stream.job_id] = error
            else:
                removed.retired += 1
    return emptied


def _empty_uploads(uploads: Sequence[Row], who: str, outputs: bool) -> Emptied:
    free = unfinished_paths(row for row in uploads if outputs and not row.get("subtitle_id"))
    emptied = empty({upload["job_id"]: free.get(upload["job_id"], []) for upload in uploads})
    subtitles = [upload for upload in uploads if outputs and upload.get("subtitle_id")]
    if subtitles:
        with ThreadPoolExecutor(THREADS) as threads:
            removed = threads.map(lambda upload: _remove_subtitle(upload, who), subtitles)
            ids = [upload["job_id"] for upload in subtitles]
            emptied |= dict(zip(ids, removed, strict=True))
    return emptied


def _remove_subtitle(upload: Row, who: str) -> Removed | StorageFailed:
    """The master forgets the subtitle before its files go, so that none names what is not there."""
    subtitle = Subtitle.objects(subtitle_id=upload["subtitle_id"], removed_at=None).first()
    removed = Removed()
    if subtitle is None:
        return removed
    try:
        if subtitle.folder:
            found = get_storage().list(keys.video(subtitle.media_id, subtitle.folder, ""))
            removed.files += len(found)
            removed.size += sum(info.size for info in found.values())
        attach.remove(subtitle.media_id, subtitle.subtitle_id, who)
    except StorageFailed as error:
        return error
    except lifecycle.NotFound:
        return Removed()
    return removed
