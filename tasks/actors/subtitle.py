"""Subtitles: out of the source, and as segments into the stream."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks import keys
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of, source_of
from tasks.actors.scratch import scratch_folder
from tasks.actors.tooling import run_limits, straight, tools
from tasks.actors.upload_counter import UploadCounter
from tasks.errors import BadInput, EncoderFailed, Stopped, StorageFailed
from tasks.feed import events
from tasks.infra.source_cache import source_file
from tasks.infra.storage import get_storage
from tasks.media.commands import subtitles_command
from tasks.media.language import UNKNOWN, name_of
from tasks.media.plan import PLAYLIST
from tasks.media.process import run
from tasks.media.source import SourceInfo, SubtitleInfo
from tasks.models import Media, Step, Subtitle, UploadJob
from tasks.records import job_log
from tasks.subtitles import extracted, segments
from tasks.subtitles.changes import publish, withdraw
from tasks.subtitles.cues import Track, within
from tasks.subtitles.detect import detect
from tasks.subtitles.parse import Parsed, parse, words
from tasks.subtitles.scan import MAX_BYTES

log = logging.getLogger(__name__)

#: Sentences on what of a file is left out that its row keeps.
LEFT_OUT_KEPT = 20


def extract_subtitles(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Makes a subtitle of each text track of the source that has none yet.

    A track that cannot be read becomes a subtitle with that problem, whose upload fails.
    """
    job = job_of(step.transcode_id)
    media = media_of(job)
    info = source_of(media)
    wanted = [track for track in info.subtitles if extracted.is_wanted(media, track)]
    if not wanted:
        return {"result": {"tracks": 0}}
    with source_file(media, beat.stop) as source, scratch_folder(step) as folder:
        problems = _extract(straight(source, info, beat.stop), info, wanted, folder, beat)
        beat.report(progress=80.0)
        for track in wanted:
            data = _read_file(_path(folder, track))
            extracted.keep(media, info, track, data, problems.get(track.index))
    return {"result": {"tracks": len(wanted)}}


def _extract(
    source: Path, info: SourceInfo, tracks: list[SubtitleInfo], folder: Path, beat: Heartbeat
) -> dict[int, str]:
    """Writes the tracks, in one go if that works; returns what is wrong, by stream."""
    # A track may be silent for an hour of film: no cue is no sign that ffmpeg hangs.
    limits = run_limits(folder, info.duration).model_copy(
        update={"stall_seconds": None, "slow_seconds": None}
    )

    def write(some: list[SubtitleInfo]) -> None:
        paths = {track.index: _path(folder, track) for track in some}
        run(subtitles_command(source, info, paths, tools()), limits=limits, stop=beat.stop)

    try:
        write(tracks)
        return {}
    except (EncoderFailed, BadInput) as error:
        log.info("text tracks one by one, as not all can be read: %s", error.sentence)
    problems = {}
    for track in tracks:
        try:
            write([track])
        except (EncoderFailed, BadInput) as error:
            problems[track.index] = f"The text track cannot be read. {error.sentence}"
            _path(folder, track).unlink(missing_ok=True)
    return problems


def _read_file(path: Path) -> bytes:
    """The file, or of one that is too large as much as shows that; nothing where there is none."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _path(folder: Path, track: SubtitleInfo) -> Path:
    return folder / f"{track.index}.vtt"


def upload_subtitle(upload: UploadJob, beat: Heartbeat) -> dict[str, Any]:
    """Puts a subtitle's segments, playlist and whole file to the stream.

    Raises BadInput with line and reason where its file is broken, StorageFailed, Stopped.
    """
    subtitle = Subtitle.objects(subtitle_id=upload.subtitle_id, removed_at=None).first()
    media = Media.objects(media_id=upload.media_id).first()
    if subtitle is None or media is None:
        raise BadInput("This subtitle was deleted.")
    try:
        parsed, track = _read(subtitle, media)
        texts = segments.files(track, media.duration)
    except BadInput as error:
        withdraw(subtitle, error.sentence)
        events.publish("mediaChanged", kind="media", mediaId=media.media_id)
        raise
    language = subtitle.given_language or detect(words(parsed.track))
    sentences = _say_left_out(upload, subtitle, parsed)
    folder = f"subtitles/{language}-{subtitle.subtitle_id[:8]}"
    target = keys.video(media.media_id, folder, "")
    # Before the first file is there: whoever deletes the subtitle must know where to look.
    subtitle.update(set__folder=folder)
    fields = _sync(texts, target, beat)
    known = {
        "language": language,
        "label": subtitle.given_label or name_of(language, subtitle.title or ""),
        "folder": folder,
        "cues": len(track.cues),
        "left_out": sentences,
        "film_seconds": media.duration,
    }
    if not publish(subtitle, **known):
        get_storage().delete_prefix(target)
        raise BadInput("This subtitle was deleted.")
    events.publish("mediaChanged", kind="media", mediaId=media.media_id)
    metadata = {
        **upload.subtitle_metadata,
        "language": language,
        "label": known["label"],
        "detected": not subtitle.given_language and language != UNKNOWN,
        "format": parsed.format,
        "encoding": parsed.encoding,
        "cues": len(track.cues),
        "cuesLeftOut": len(parsed.track.cues) - len(track.cues),
        "leftOut": sentences,
    }
    return {
        **fields,
        "language": language,
        "subtitle_metadata": metadata,
        "subtitle_languages": [language],
        "upload_path": target,
    }


def _read(subtitle: Subtitle, media: Media) -> tuple[Parsed, Track]:
    """The file as it is, and the track as far as the film goes."""
    try:
        data = get_storage().get_bytes(subtitle.source_key)
    except KeyError:
        why = "The subtitle file is not in the bucket any more."
        raise BadInput((subtitle.origin == "source" and subtitle.problem) or why) from None
    parsed = parse(data, subtitle.filename, subtitle.given_language)
    track = within(parsed.track, round((media.duration or 0.0) * 1000))
    if not track.cues:
        raise BadInput("Every cue of the file lies beyond the end of the film.")
    return parsed, track


def _say_left_out(upload: UploadJob, subtitle: Subtitle, parsed: Parsed) -> list[str]:
    """Says in the job's log what of a file is left out; returns the first sentences on it."""
    sentences = [part.sentence for part in parsed.left_out]
    if sentences:
        job_log.note(
            upload.transcode_id,
            upload.upload_type,
            f"Of the subtitle {subtitle.filename} something is left out. {sentences[0]}"
            + (f" And {len(sentences) - 1} more." if len(sentences) > 1 else ""),
            level="warning",
            detail="\n".join(sentences),
        )
    if len(sentences) > LEFT_OUT_KEPT:
        more = len(sentences) - LEFT_OUT_KEPT
        return [*sentences[:LEFT_OUT_KEPT], f"And {more} more, which the job's log has."]
    return sentences


def _sync(texts: Mapping[str, str], target: str, beat: Heartbeat) -> dict[str, Any]:
    """Puts what is missing or different, the playlist last; then removes what is not of it."""
    storage = get_storage()
    there = storage.list(target)
    bodies = {name: text.encode() for name, text in texts.items()}
    tally = UploadCounter(beat, len(bodies), sum(len(body) for body in bodies.values()))
    for name, body in sorted(bodies.items(), key=lambda entry: entry[0] == PLAYLIST):
        if beat.stop.is_set():
            raise Stopped("Stopped while uploading.")
        info = there.get(target + name)
        differs = info is None or info.etag != hashlib.md5(body, usedforsecurity=False).hexdigest()
        if differs:
            storage.put_bytes(target + name, body, keys.content_type(name))
        tally.add(name, len(body), moved=differs)
    _remove_stale([key for key in there if key.removeprefix(target) not in bodies])
    return tally.fields()


def _remove_stale(unlisted: Sequence[str]) -> None:
    """Removes files that the playlist names no more, as far as storage allows it."""
    try:
        get_storage().delete(unlisted)
    except StorageFailed as error:
        log.warning("files of no use stay: %s", error)
