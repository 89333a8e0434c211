"""Upload of the master playlist: the last of a job's, and again whenever its subtitles change."""

from typing import Any

from tasks import keys
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.upload import make_again
from tasks.actors.upload_counter import UploadCounter
from tasks.errors import BadInput, NotYet, Stopped, StorageFailed
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.jobs.outputs import merge_of
from tasks.media.plan import MASTER
from tasks.media.playlists import with_subtitles
from tasks.media.presentation import check_subtitles
from tasks.models import Media, Subtitle, TranscodeJob, UploadJob
from tasks.subtitles.changes import withdraw
from tasks.subtitles.tracks import offered, track_of


def upload_master(upload: UploadJob, beat: Heartbeat) -> dict[str, Any]:
    """Writes the master playlist with the subtitles that there are now, where it differs.

    With that a new stream is seen for the first time. Raises NotYet where a new stream's playlists
    are being made again, StorageFailed, Stopped.
    """
    storage = get_storage()
    media = Media.objects(media_id=upload.media_id).first()
    if media is None:
        raise BadInput("The media of this playlist was deleted.")
    key = keys.stream(upload.media_id, MASTER)
    there = storage.list(keys.stream(upload.media_id, "subtitles", ""))
    subtitles = _with_files(offered(media), there)
    text = with_subtitles(_base(upload), [track_of(subtitle) for subtitle in subtitles])
    _check(media, text, subtitles, there)
    data = text.encode()
    tally = UploadCounter(beat, 1, len(data))
    differs = _current(key) != data
    if differs:
        if beat.stop.is_set():
            raise Stopped("Stopped before the master playlist was written.")
        storage.put_bytes(key, data, keys.content_type(MASTER))
    tally.add(MASTER, len(data), moved=differs)
    languages = list(dict.fromkeys(subtitle.language for subtitle in subtitles))
    _note(upload, [subtitle.subtitle_id for subtitle in subtitles], languages)
    return {**tally.fields(), "subtitle_languages": languages}


def _base(upload: UploadJob) -> str:
    """A new stream's master as merge made it; of a published one, the master that there is."""
    job = TranscodeJob.objects(job_id=upload.transcode_id).first()
    published = get_storage().head(keys.stream(upload.media_id, MASTER)) is not None
    if job is not None and not job.finished:
        merge = merge_of(job)
        if merge is None:
            raise NotYet("The playlists are being made again.")
        key = merge.result["prefix"] + MASTER
        try:
            return get_storage().get_bytes(key).decode()
        except KeyError:
            make_again(job, [key])
    if not published:
        raise StorageFailed("The master playlist is not in the bucket any more.")
    return get_storage().get_bytes(keys.stream(upload.media_id, MASTER)).decode()


def _with_files(subtitles: list[Subtitle], there: dict[str, ObjectInfo]) -> list[Subtitle]:
    """Those whose playlist is there: a master must not name what is not."""
    kept = []
    for subtitle in subtitles:
        if keys.stream(subtitle.media_id, track_of(subtitle).uri) in there:
            kept.append(subtitle)
        else:
            withdraw(subtitle, "Its files are not in the bucket any more.")
    return kept


def _check(
    media: Media, text: str, subtitles: list[Subtitle], there: dict[str, ObjectInfo]
) -> None:
    prefix = keys.stream(media.media_id)
    uris = [track_of(subtitle).uri for subtitle in subtitles]
    playlists = {uri: get_storage().get_bytes(prefix + uri).decode() for uri in uris}
    sizes = {key.removeprefix(prefix): info.size for key, info in there.items()}
    problems = check_subtitles(text, playlists, sizes, media.duration or 0.0)
    if problems:
        raise StorageFailed(problems[0], log="\n".join(problems))


def _current(key: str) -> bytes | None:
    try:
        return get_storage().get_bytes(key)
    except KeyError:
        return None


def _note(upload: UploadJob, subtitle_ids: list[str], languages: list[str]) -> None:
    Media.objects(media_id=upload.media_id).update_one(
        set__master_subtitles=subtitle_ids,
        set__subtitle_languages=languages,
        inc__master_version=1,
    )
    TranscodeJob.objects(job_id=upload.transcode_id).update_one(set__subtitle_languages=languages)
