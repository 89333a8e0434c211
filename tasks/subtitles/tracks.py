"""What is due for a media's subtitles: uploads, removals, and a new master playlist."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.media.playlists import SubtitleTrack
from tasks.models import UNFINISHED_VALUES, Media, Status, Subtitle, Title, TranscodeJob, UploadJob
from tasks.models.work import FINISHED

#: Another encoding may find a film a frame shorter; then its tracks are cut anew.
SAME_SECONDS = 0.001


@dataclass(frozen=True)
class Due:
    """Ids of subtitles without an upload, of deleted ones whose files may go, and of the upload
    that would bring the published master up to date (None where it is).

    ``note`` is the media's note that its subtitles changed, None where there is none.
    """

    uploads: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()
    master: str | None = None
    note: str | None = None


def owner_of(media_id: str) -> str | None:
    """The job that the uploads of a media's subtitles belong to, or None while there is none.

    The unfinished one, else the newest completed one. A media whose jobs were all deleted stands
    for them itself.
    """
    jobs = TranscodeJob.objects(media_id=media_id).only("job_id").order_by("-created_at")
    running = jobs.filter(status__in=UNFINISHED_VALUES).first()
    if running is not None:
        return str(running.job_id)
    media = Media.objects(media_id=media_id).only("master_key").first()
    if media is None or not media.master_key:
        return None
    done = jobs.filter(status=Status.completed.value).first()
    return str(done.job_id) if done is not None else media_id


def stand_in(job_id: str) -> TranscodeJob | None:
    """What to take for a completed job whose row was deleted, or None where nothing is left."""
    media = Media.objects(media_id=job_id).first()
    if media is None:
        upload = UploadJob.objects(transcode_id=job_id).only("media_id").first()
        media = Media.objects(media_id=upload.media_id).first() if upload is not None else None
    if media is None or not media.master_key:
        return None
    title = Title.objects(title_id=media.title_id).first() if media.title_id else None
    return TranscodeJob(
        job_id=job_id,
        media_id=media.media_id,
        status=Status.completed.value,
        phase="uploading",
        name=title.name if title is not None else media.filename,
        filename=media.filename,
        resource_type=title.kind if title is not None else None,
        resource_id=media.title_id,
        resource_name=title.name if title is not None else None,
    )


def due(jobs: Iterable[Mapping[str, Any]]) -> dict[str, Due]:
    """What is due for the subtitles of each job's media under this job, by job id.

    ``jobs`` have ``job_id, media_id, status``. A job whose media has no subtitles may be left out.
    """
    rows = list(jobs)
    ids = list({row["media_id"] for row in rows})
    if not ids:
        return {}
    # First the notes: one that is made meanwhile is another.
    medias = {media.media_id: media for media in Media.objects(media_id__in=ids)}
    subtitles: dict[str, list[Subtitle]] = defaultdict(list)
    for subtitle in Subtitle.objects(media_id__in=ids).order_by("created_at", "subtitle_id"):
        subtitles[subtitle.media_id].append(subtitle)
    return {
        row["job_id"]: _due(row["job_id"], Status(row["status"]), media, subtitles[media.media_id])
        for row in rows
        if (media := medias.get(row["media_id"])) is not None
    }


def _due(job_id: str, status: Status, media: Media, subtitles: Sequence[Subtitle]) -> Due:
    note = media.subtitles_due
    if not subtitles and not media.master_subtitles:
        return Due(note=note)
    over = status in FINISHED
    if over and owner_of(media.media_id) != job_id:
        return Due(note=note)
    busy = set(
        UploadJob.objects(
            media_id=media.media_id,
            upload_type__in=["subtitle", "master_playlist"],
            status__in=UNFINISHED_VALUES,
        ).scalar("subtitle_id")
    )
    listed = set(media.master_subtitles)
    return Due(
        uploads=tuple(s.subtitle_id for s in subtitles if _upload_due(s, media, job_id, over)),
        removals=tuple(
            s.subtitle_id
            for s in subtitles
            # None: a master is being written, which may have been told of it before.
            if s.removed_at and not {s.subtitle_id, None} & busy and s.subtitle_id not in listed
        ),
        master=_master_due(media, job_id, subtitles) if over and media.master_key else None,
        note=note,
    )


def _upload_due(subtitle: Subtitle, media: Media, job_id: str, over: bool) -> bool:
    if is_offered(subtitle, media) or subtitle.removed_at or subtitle.upload_for == job_id:
        return False
    # A file that is broken stays so; only a new encoding tries it again.
    return not (over and subtitle.problem)


def _master_due(media: Media, job_id: str, subtitles: Sequence[Subtitle]) -> str | None:
    wanted = [s.subtitle_id for s in subtitles if is_offered(s, media)]
    if set(wanted) == set(media.master_subtitles):
        return None
    # Two who ask at the same time make the same upload; what is wanted later makes another.
    mark = hashlib.sha256(" ".join(sorted(wanted)).encode()).hexdigest()[:8]
    return f"{job_id}.upload.master.{(media.master_version or 0) + 1}-{mark}"


def is_offered(subtitle: Subtitle, media: Media) -> bool:
    """Whether a master may list it: its files are there, and as long as the film is now."""
    if not subtitle.published_at or subtitle.removed_at:
        return False
    return abs((subtitle.film_seconds or 0.0) - (media.duration or 0.0)) < SAME_SECONDS


def offered(media: Media) -> list[Subtitle]:
    """The subtitles that a master may list: those of the source first, in its order."""
    rows = [s for s in Subtitle.objects(media_id=media.media_id) if is_offered(s, media)]
    order = {"source": 0, "attached": 1}
    return sorted(rows, key=lambda s: (order[s.origin], s.stream_index or 0, s.created_at))


def track_of(subtitle: Subtitle) -> SubtitleTrack:
    """How a master lists a published subtitle."""
    name = subtitle.label
    if subtitle.forced and "forced" not in name.casefold():
        name += " (forced)"
    return SubtitleTrack(
        name=name,
        language=subtitle.language,
        uri=f"{subtitle.folder}/playlist.m3u8",
        forced=bool(subtitle.forced),
        hearing_impaired=bool(subtitle.hearing_impaired),
    )
