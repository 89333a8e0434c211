"""Text tracks of a source as subtitles, one a track, the same however often a source is read."""

import logging
import uuid

from tasks import keys
from tasks.errors import BadInput
from tasks.infra.storage import get_storage
from tasks.media.language import tag
from tasks.media.source import SourceInfo, SubtitleInfo
from tasks.models import Media, Subtitle
from tasks.models.clock import now
from tasks.subtitles.cues import shifted
from tasks.subtitles.markup import without_drawings
from tasks.subtitles.parse import parse
from tasks.subtitles.segments import whole

log = logging.getLogger(__name__)

_NOTHING = "There is not a single cue in the file."


def subtitle_id(media_id: str, stream_index: int) -> str:
    """The id of a track's subtitle."""
    return str(uuid.uuid5(uuid.UUID(media_id), f"text track {stream_index}"))


def is_wanted(media: Media, track: SubtitleInfo) -> bool:
    """Whether a track has no subtitle yet, or one that never came into the stream."""
    row = Subtitle.objects(subtitle_id=subtitle_id(media.media_id, track.index)).first()
    return row is None or not (row.published_at or row.removed_at)


def keep(
    media: Media, info: SourceInfo, track: SubtitleInfo, data: bytes, problem: str | None
) -> None:
    """Makes a track's subtitle from the WebVTT that ffmpeg wrote, or from the ``problem`` with it.

    Times in ``data`` are on the source's own clock. A track without a cue is no subtitle. Raises
    StorageFailed.
    """
    row_id = subtitle_id(media.media_id, track.index)
    key = keys.subtitle_source(media.media_id, row_id, f"track-{track.index}.vtt")
    text = ""
    if problem is None:
        try:
            text = on_film_clock(data, info, drawn=track.codec in ("ass", "ssa"))
        except BadInput as error:
            if error.sentence == _NOTHING:
                log.info("%s: text track %d has no cues", media.media_id, track.index)
                return
            problem = error.sentence
    if text:
        get_storage().put_bytes(key, text.encode(), keys.content_type(key))
    Subtitle.objects(subtitle_id=row_id).update_one(
        upsert=True,
        set_on_insert__media_id=media.media_id,
        set_on_insert__origin="source",
        set_on_insert__stream_index=track.index,
        set_on_insert__created_at=now(),
        set_on_insert__created_by="dailies",
        set__filename=f"{media.filename}, track {track.index}",
        set__source_key=key,
        set__size=len(text.encode()),
        set__given_language=tag(track.language),
        set__title=track.title,
        set__forced=track.forced,
        set__hearing_impaired=track.hearing_impaired,
        set__problem=problem,
    )


def on_film_clock(data: bytes, info: SourceInfo, *, drawn: bool = False) -> str:
    """WebVTT on the source's own clock, as one that begins with the first picture.

    ``drawn``: it was ASS, and shapes may have been drawn in it. Raises BadInput.
    """
    if drawn:
        data = without_drawings(data.decode(errors="replace")).encode()
    start = info.video.start_time if info.video is not None else info.audio[0].start_time
    track = shifted(parse(data, "track.vtt").track, -round(start * 1000))
    if not track.cues:
        raise BadInput(_NOTHING)
    return whole(track)
