"""Finds objects in the bucket that belong to no row, and removes them by the rules.

Folders are compared with rows, so that a look costs a listing of folder names and not of files. A
folder's files are listed only where no row names them. Only folders below this installation's
prefix are looked at whose names have the form of an id: others are somebody else's. Whatever
changed within the last hour is left alone: an upload writes its file first and its row afterwards.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from tasks import keys
from tasks.infra.storage import HalfUpload, get_storage
from tasks.jobs.lifecycle import Conflict
from tasks.models import Media, TranscodeJob, stored
from tasks.models.batches import batches
from tasks.models.clock import aware, now
from tasks.recovery import repairs, stream_files
from tasks.recovery.orphan import Orphan
from tasks.recovery.verdict import (
    Fix,
    Pace,
    RowState,
    Situation,
    Subject,
    judge,
)
from tasks.removal.cleanup import clean_up

log = logging.getLogger(__name__)

#: Age in seconds below which nothing is touched.
YOUNG_SECONDS = 3600.0
#: Seconds for which the work area of a failed or cancelled job is kept for a retry: a week.
WORK_KEPT_SECONDS = 7 * 24 * 3600.0
#: Seconds for which an unfinished multipart upload may take: a day.
HALF_SECONDS = 24 * 3600.0
#: Folders held against rows at a time.
BATCH = 1_000


Seen = Callable[[Collection[str]], None]


def _unseen(_folders: Collection[str]) -> None:
    return


def find_orphans(seen: Seen = _unseen) -> Iterator[Orphan]:
    """Everything in the bucket that a rule calls drift.

    ``seen`` is called with each batch of folder names that was listed, orphans or not. Raises
    StorageFailed, PyMongoError.
    """
    storage = get_storage()
    yield from _work_areas(_own(storage.folders(keys.work_areas()), seen))
    for prefix, kind in (keys.streams(), "stream"), (keys.sources(), "source"):
        yield from _media_files(prefix, kind, _own(storage.folders(prefix), seen))
    yield from _half_uploads()
    yield from stream_files.find()


def remove(orphan: Orphan, who: str) -> str | None:
    """Removes an orphan that still is one, and records it; None where there was nothing to do.

    Raises NotOwner, StorageFailed, PyMongoError.
    """
    again = _again(orphan)
    if again is None:
        return None
    if again.kind in stream_files.KINDS:
        done = stream_files.fix(again, who)
    else:
        done = _abort(again) if again.rule.fix is Fix.abort else _remove_files(again, who)
    if done is not None:
        log.info("%s: %s %s", again.ref, again.rule.sentence, done)
        made = repairs.Made(again.rule, again.kind, again.ref, again.transcode_id, done)
        repairs.record([made], who)
    return done


def _again(orphan: Orphan) -> Orphan | None:
    """The same orphan as it is now."""
    found: Iterator[Orphan]
    if orphan.kind in stream_files.KINDS:
        found = filter(lambda one: one.ref == orphan.ref, stream_files.again(orphan))
    elif orphan.kind == "work":
        found = _work_areas([[_folder(orphan.ref)]])
    elif orphan.kind in ("stream", "source"):
        prefix = keys.streams() if orphan.kind == "stream" else keys.sources()
        found = _media_files(prefix, orphan.kind, [[_folder(orphan.ref)]])
    elif orphan.kind == "upload":
        found = _half_uploads(orphan.ref)
    else:
        return None
    return next((other for other in found if other.rule_id == orphan.rule_id), None)


def _remove_files(orphan: Orphan, who: str) -> str | None:
    if orphan.rule_id == "work-expired":
        job = TranscodeJob.objects(job_id=orphan.transcode_id).first()
        try:
            return None if job is None else f"Cleaned up: {clean_up(job, who).sentence()}"
        except Conflict:
            return None
    count = get_storage().delete_prefix(orphan.ref)
    return f"{count:,} file{'' if count == 1 else 's'} removed."


def _abort(orphan: Orphan) -> str:
    key, upload_id = orphan.ref.rsplit(" ", 1)
    get_storage().abort_upload(HalfUpload(key, upload_id, now()))
    return "Its parts were removed."


def _folder(ref: str) -> str:
    return ref.rstrip("/").rsplit("/", 1)[-1]


def _work_areas(batches: Iterable[list[str]]) -> Iterator[Orphan]:
    for batch in batches:
        jobs = {
            row["job_id"]: row
            for row in stored.collection(TranscodeJob).find(
                {"job_id": {"$in": batch}}, {"job_id": 1, "status": 1, "finished_at": 1}
            )
        }
        for job_id in batch:
            row = jobs.get(job_id)
            state = RowState.none if row is None else RowState(row["status"])
            if state in (RowState.waiting, RowState.active):
                continue
            if state in (RowState.failed, RowState.cancelled):
                finished_at = row.get("finished_at") if row else None
                if finished_at is not None and _age(finished_at) < WORK_KEPT_SECONDS:
                    continue  # whatever the age of its files
            transcode_id = None if row is None else job_id
            yield from _judged(
                Subject.work_area,
                state,
                Orphan("", "work", keys.work(job_id), state, 0, 0, "", transcode_id),
                WORK_KEPT_SECONDS,
            )


def _media_files(prefix: str, kind: str, batches: Iterable[list[str]]) -> Iterator[Orphan]:
    for batch in batches:
        known = set(Media.objects(media_id__in=batch).scalar("media_id"))
        for media_id in batch:
            if media_id not in known:
                orphan = Orphan("", kind, f"{prefix}{media_id}/", RowState.none)
                yield from _judged(Subject.media_files, RowState.none, orphan, WORK_KEPT_SECONDS)


def _judged(
    subject: Subject, state: RowState, orphan: Orphan, kept_seconds: float
) -> Iterator[Orphan]:
    files = get_storage().list(orphan.ref)
    if not files:
        return
    newest = max(aware(info.last_modified or now()) for info in files.values())
    rule = judge(Situation(subject, state, pace=_pace(_age(newest), kept_seconds)))
    if rule.drift:
        yield replace(
            orphan,
            rule_id=rule.id,
            files=len(files),
            size=sum(info.size for info in files.values()),
            since=newest.isoformat(),
        )


def _half_uploads(only: str | None = None) -> Iterator[Orphan]:
    storage = get_storage()
    for upload in _own_half_uploads():
        ref = f"{upload.key} {upload.upload_id}"
        begun_at = aware(upload.begun_at or now())
        if (only is not None and ref != only) or _age(begun_at) < HALF_SECONDS:
            continue
        moved_at = aware(storage.last_part_at(upload) or begun_at)
        pace = Pace.moved if _age(moved_at) < YOUNG_SECONDS else Pace.still
        rule = judge(Situation(Subject.half_upload, RowState.none, pace=pace))
        if rule.drift:
            yield Orphan(rule.id, "upload", ref, RowState.none, since=begun_at.isoformat())


def _own_half_uploads() -> Iterator[HalfUpload]:
    for prefix in (keys.sources(), keys.work_areas(), keys.streams()):
        for upload in get_storage().half_uploads(prefix):
            if keys.is_id(upload.key.removeprefix(prefix).partition("/")[0]):
                yield upload


def _pace(age: float, kept_seconds: float) -> Pace:
    if age < YOUNG_SECONDS:
        return Pace.moved
    return Pace.resting if age < kept_seconds else Pace.still


def _age(moment: datetime) -> float:
    return (now() - aware(moment)) / timedelta(seconds=1)


def _own(names: Iterable[str], seen: Seen) -> Iterator[list[str]]:
    """Folder names of our form, in batches."""
    own = filter(keys.is_id, names)
    for batch in batches(own, BATCH):
        seen(batch)
        yield batch
