"""What is known of a source after it was probed."""

from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Base of the values in this package: frozen, and made of what MongoDB can hold."""

    model_config = ConfigDict(frozen=True)


class Rate(Value):
    """Frames a second as an exact fraction: 24000/1001, not 23.976."""

    num: int
    den: int = 1

    @classmethod
    def of(cls, value: Fraction | int) -> "Rate":
        value = Fraction(value)
        return cls(num=value.numerator, den=value.denominator)

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.num, self.den)

    def __str__(self) -> str:
        """As ffmpeg takes it."""
        return f"{self.num}/{self.den}"

    def __float__(self) -> float:
        return self.num / self.den


class VideoInfo(Value):
    """The video stream that is used. Times in seconds on the container's own clock."""

    index: int  # of the stream in the file
    codec: str
    coded_width: int
    coded_height: int
    width: int  # as displayed: square pixels, upright
    height: int
    rotation: Literal[0, 90, 180, 270]  # degrees clockwise that make it upright
    mirrored: bool = False  # left and right are to be swapped after turning
    rate: Rate  # exact; for a variable one, the rate it mostly has
    is_vfr: bool
    evened: bool = False  # pictures' times are evened out before they get their places
    frame_count: int  # frames that are shown
    start_time: float
    duration: float
    held: float = 0.0  # seconds for which the last picture stays because the sound goes on
    pixel_format: str
    bit_depth: int
    color_transfer: str  # "" where the file does not say, as for the two below
    color_primaries: str
    color_space: str
    color_range: str = ""  # "tv" or "pc"
    is_hdr: bool
    has_alpha: bool = False  # shown over black
    decoder: str = ""  # of ffmpeg, where its own choice would not do
    field_order: str  # "tt" or "bb": top or bottom field first; others where not interlaced
    interlaced: bool
    only_flagged: bool = False  # some frames are interlaced, and say so themselves


class AudioInfo(Value):
    """One audio stream."""

    index: int
    codec: str
    channels: int
    layout: str
    sample_rate: int
    language: str
    title: str
    start_time: float
    default: bool
    commentary: bool = False
    described: bool = False  # says for the blind what is to be seen
    mix: str = ""  # arguments of ffmpeg's pan filter, where it knows no way to stereo itself


class SubtitleInfo(Value):
    """One text subtitle stream (bitmap subtitles are left out: they cannot become WebVTT)."""

    index: int
    codec: str
    language: str
    title: str
    forced: bool = False
    hearing_impaired: bool = False


class Piece(Value):
    """From packet `first` of a stream on, `ticks` are added to its times."""

    first: int
    ticks: int


class StreamRepair(Value):
    """All pieces of one stream, in order, from packet 0 on."""

    index: int
    pieces: tuple[Piece, ...]


class Repair(Value):
    """What makes one clock of several, stream by stream."""

    container: str  # ffmpeg's name of the source's demuxer
    streams: tuple[StreamRepair, ...]
    note: str  # a sentence for the job's log


class SourceInfo(Value):
    """A source that can be processed. `kind` is "audio" where there is no moving picture."""

    kind: Literal["video", "audio"]
    format_name: str  # ffmpeg's name of the demuxer: "mov,mp4,m4a,3gp,3g2,mj2"
    duration: float  # seconds: of the video and what is held of it, else of the audio
    size: int  # bytes
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...]
    subtitles: tuple[SubtitleInfo, ...]
    repair: Repair | None = None  # of the clock: read what `conformed` gives in place of the source
    notes: tuple[str, ...] = ()  # sentences for the job's log: what was decided, what is left out


def clock(seconds: float) -> str:
    """A time for people: "1:02:03" or "0:12"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
