"""Films with text tracks, subtitles for them, and what became of both in the bucket."""

import uuid
from pathlib import Path

import m3u8

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.jobs.attach import attach
from tasks.media.tools import Tools
from tasks.models import Media, Status, Subtitle, TranscodeJob, UploadJob
from tasks.models.clock import now
from tests.media.clips import X264, ffmpeg
from tests.recovery.waiting import until

SECONDS = 64.0
GERMAN = [
    (1.0, 2.0, "Guten Morgen, wie geht es Ihnen?"),
    (58.5, 61.25, "Über die Naht & weiter"),
    (62.0, 63.5, "Auf Wiedersehen."),
]
SPANISH = [
    (3.0, 5.0, "Buenos días, ¿cómo está usted hoy?"),
    (6.0, 8.0, "Espero que se encuentre muy bien, señora."),
]


def film_with_tracks(tools: Tools, path: Path, seconds: float) -> Path:
    """A Matroska file with picture, sound and three text tracks, one of them without a cue."""
    srt, ass = path.with_suffix(".srt"), path.with_suffix(".ass")
    srt.write_text("".join(_srt(n, *cue) for n, cue in enumerate(GERMAN, 1)))
    ass.write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "".join(
            f"Dialogue: 0,{_clock(start)[1:-1]},{_clock(end)[1:-1]},Default,,0,0,0,,{text}\n"
            for start, end, text in SPANISH
        )
    )
    empty = path.with_name("empty.vtt")
    empty.write_text("WEBVTT\n")
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=25:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=frequency=300:duration={seconds}"),
        *("-i", srt, "-i", ass, "-i", empty),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4"),
        *("-c:a", "aac", "-c:s:0", "srt", "-c:s:1", "ass", "-c:s:2", "webvtt"),
        *("-metadata:s:s:0", "language=ger", *X264, path),
    )
    return path


def _srt(number: int, start: float, end: float, text: str) -> str:
    return f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n\n"


def _clock(seconds: float) -> str:
    return f"00:{int(seconds) // 60:02}:{seconds % 60:06.3f}"


def put_in(film: Path) -> Media:
    """A media with the film as its source."""
    media_id = str(uuid.uuid4())
    key = keys.source(media_id, film.name)
    get_storage().put_file(key, film)
    media: Media = Media(
        media_id=media_id,
        filename=film.name,
        source_key=key,
        size=film.stat().st_size,
        created_at=now(),
    ).save()
    return media


def attached(
    media: Media,
    text: str | bytes,
    encoding: str = "utf-8",
    *,
    filename: str = "tides.srt",
    language: str | None = None,
) -> Subtitle:
    """A subtitle of the media: a file as it is, or one cue with this text."""
    if isinstance(text, str):
        text = _srt(1, 1.0, 2.0, text).encode(encoding)
    return attach(media, filename, text, who="a test", language=language)


def finished(job: TranscodeJob) -> TranscodeJob:
    """The job's row when it is completed. Raises AssertionError where it ends otherwise."""

    def over() -> TranscodeJob | None:
        row = TranscodeJob.objects(job_id=job.job_id).get()
        return row if row.finished else None

    row = until(over, "the end of the job", 60)
    assert row.status == Status.completed, row.error_message
    return row


def upload_of(subtitle: Subtitle, status: Status | None = None, seconds: float = 20) -> UploadJob:
    """A subtitle's upload when it is over. Raises AssertionError where it ends otherwise."""

    def over() -> UploadJob | None:
        row = UploadJob.objects(subtitle_id=subtitle.subtitle_id).order_by("-created_at").first()
        return row if row is not None and row.finished else None

    row = until(over, "the end of the upload", seconds)
    assert status is None or row.status == status, row.error_message
    return row


def master_text(media: Media) -> str:
    """The master playlist as it lies in the bucket."""
    return get_storage().get_bytes(keys.master(media.media_id)).decode()


def master_of(media: Media) -> m3u8.M3U8:
    """The master playlist as players read it."""
    return m3u8.loads(master_text(media))


def tracks_in(media: Media) -> dict[str, m3u8.Media]:
    """The subtitle tracks that the master offers, by name."""
    return {entry.name: entry for entry in master_of(media).media if entry.type == "SUBTITLES"}


def offers(media: Media, *names: str) -> bool:
    """Whether the master offers exactly these tracks."""
    return list(tracks_in(media)) == list(names)


def bucket(media: Media, *parts: str) -> dict[str, str]:
    """Name → text of the stream's files below a folder."""
    prefix = keys.video(media.media_id, *parts, "")
    found = get_storage().list(prefix)
    return {key.removeprefix(prefix): get_storage().get_bytes(key).decode() for key in found}
