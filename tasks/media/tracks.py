"""Chooses and names the sound tracks that a stream offers."""

from collections.abc import Sequence

from tasks.media.language import UNKNOWN, name_of, tag
from tasks.media.source import AudioInfo, Value

AUDIO_SAMPLE_RATE = 48_000
AUDIO_BITRATE = 128_000
#: Folder of the first sound track; those of the others are "audio-2", "audio-3", …
AUDIO = "audio"
# Containers in which the two sides of stereo often are tracks of their own: tapes and cameras.
_TAPE_FORMATS = {"mxf", "mov", "avi", "dv", "gxf"}
_SIDES = {"", "l", "r", "left", "right", "ch1", "ch2", "channel 1", "channel 2"}


class AudioPlan(Value):
    """One sound track of a stream."""

    name: str = AUDIO
    stream_index: int
    right_index: int | None = None  # of the mono track that is the right side
    channels: int = 2
    bitrate: int = AUDIO_BITRATE
    sample_rate: int = AUDIO_SAMPLE_RATE
    language: str = ""  # as the source has it
    title: str = ""
    commentary: bool = False
    described: bool = False

    @property
    def tag(self) -> str:
        """Its language for a playlist: "de", "pt-BR", "und"."""
        return tag(self.language) or UNKNOWN


def audio_plans(tracks: Sequence[AudioInfo], format_name: str) -> tuple[AudioPlan, ...]:
    """What is made of a source's tracks, the one that plays by itself first.

    That is the default one, else the first, but no commentary and no description for the blind
    where there is another. Commentaries come last.
    """
    pairs = _mono_pairs(tracks, format_name)
    plans = [_plan(left, right) for left, right in pairs] or [_plan(track) for track in tracks]
    defaults = {track.index for track in tracks if track.default}

    def order(plan: AudioPlan) -> tuple[bool, bool, bool]:
        return plan.commentary, plan.described, plan.stream_index not in defaults

    return tuple(
        plan.model_copy(update={"name": AUDIO if number == 1 else f"{AUDIO}-{number}"})
        for number, plan in enumerate(sorted(plans, key=order), 1)
    )


def names(plans: Sequence[AudioPlan]) -> list[str]:
    """What a menu calls each track; no two alike."""
    found: list[str] = []
    for plan in plans:
        nameless = plan.tag == UNKNOWN and not plan.title
        name = "Audio" if nameless else name_of(plan.tag, plan.title)
        if plan.commentary and "comment" not in name.casefold():
            name += " (commentary)"
        if plan.described and "descri" not in name.casefold():
            name += " (audio description)"
        number, numbered = 1, name
        while numbered in found:
            number += 1
            numbered = f"{name} {number}"
        found.append(numbered)
    return found


def is_sound(rendition: str) -> bool:
    """Whether a rendition of this name is a sound track."""
    return rendition == AUDIO or rendition.startswith(f"{AUDIO}-")


def _plan(track: AudioInfo, right: AudioInfo | None = None) -> AudioPlan:
    return AudioPlan(
        stream_index=track.index,
        right_index=right.index if right is not None else None,
        language=track.language,
        title="" if right is not None else track.title,
        commentary=track.commentary or "commentary" in track.title.casefold(),
        described=track.described,
    )


def _mono_pairs(tracks: Sequence[AudioInfo], format_name: str) -> list[tuple[AudioInfo, AudioInfo]]:
    """Left and right sides that are tracks of their own; nothing where they are not that."""
    in_order = sorted(tracks, key=lambda track: track.index)
    kinds = {(track.codec, track.sample_rate, track.language) for track in in_order}
    paired = (
        len(in_order) >= 2
        and len(in_order) % 2 == 0
        and all(track.channels == 1 for track in in_order)
        and len(kinds) == 1
        and not any(track.commentary or track.described for track in in_order)
        and all(track.title.strip().casefold() in _SIDES for track in in_order)
        and bool(_TAPE_FORMATS & set(format_name.split(",")))
    )
    return list(zip(in_order[::2], in_order[1::2], strict=True)) if paired else []
