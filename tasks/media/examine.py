"""Decodes a little of a source, with the ffmpeg that will encode it, and decides by what it sees.

Headers are hints. What cannot be decoded is refused, or left out where something else is good.
"""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import BadInput, EncoderFailed
from tasks.media import process
from tasks.media.commands import listen_command, look_command
from tasks.media.encrypted import is_encrypted, scrambled_streams
from tasks.media.hearing import as_heard, heard, mixed_by_hand
from tasks.media.look import Look, parse_look
from tasks.media.picture import alpha_decoder, as_seen, may_be_interlaced, refuse_dolby_vision
from tasks.media.process import RunLimits
from tasks.media.source import AudioInfo, SourceInfo, VideoInfo
from tasks.media.streams import ProbeLimits, refuse_shape
from tasks.media.tools import Tools

_FIRST_FRAMES = 12
# Stretches that are looked at for interlacing, as shares of the film, and frames of each.
_STRETCHES = (0.2, 0.5, 0.8)
_STRETCH_FRAMES = 40
# Lines that ffmpeg may write of one frame, and of everything else.
_LINES_A_FRAME = 40
_LINES = 400
_NO_DECODER = re.compile(r"Decoder \(codec [^)]*\) not found|no decoder found for")


def examined(
    path: Path,
    info: SourceInfo,
    document: Mapping[str, Any],
    tools: Tools,
    limits: ProbeLimits,
    *,
    stop: threading.Event | None = None,
) -> SourceInfo:
    """The source as its first pictures and sounds are, with notes on what was decided.

    `document` is ffprobe's JSON. Raises BadInput where nothing can be decoded right, TimedOut or
    Stopped.
    """
    examiner = _Examiner(path, document, tools, limits, stop)
    notes = list(info.notes)
    if info.video is not None:
        video, seen = examiner.see(info)
        notes += seen
        refuse_shape(video, limits)
        info = info.model_copy(update={"video": video})
    audio, listened = examiner.hear(info)
    return info.model_copy(update={"audio": audio, "notes": (*notes, *listened)})


class _Examiner:
    """One source, and what is needed to run ffmpeg over it."""

    def __init__(
        self,
        path: Path,
        document: Mapping[str, Any],
        tools: Tools,
        limits: ProbeLimits,
        stop: threading.Event | None,
    ) -> None:
        self._path, self._tools, self._stop = path, tools, stop
        self._limits = RunLimits(wall_seconds=limits.wall_seconds, memory_bytes=limits.memory_bytes)
        self._streams = {stream["index"]: stream for stream in document["streams"]}
        self._encrypted = scrambled_streams(path, document) | {
            index for index, stream in self._streams.items() if is_encrypted(stream)
        }

    def see(self, info: SourceInfo) -> tuple[VideoInfo, tuple[str, ...]]:
        """The video as it is to be shown. Raises BadInput."""
        assert info.video is not None
        video, stream = info.video, self._streams[info.video.index]
        if video.index in self._encrypted:
            raise BadInput("The video is encrypted: only who has its keys can decode it.")
        refuse_dolby_vision(stream)
        decoder = alpha_decoder(stream)
        if decoder:
            with_alpha = video.model_copy(update={"decoder": decoder})
            try:
                look = self._look(info.model_copy(update={"video": with_alpha}))
                video = with_alpha
            except BadInput:  # this ffmpeg has no such decoder: its own may see the alpha, or not
                look = self._look(info)
        else:
            look = self._look(info)
        info = info.model_copy(update={"video": video})
        if may_be_interlaced(video, look):
            for share in _STRETCHES:
                look = look.and_more(self._stretch(info, share))
        return as_seen(video, stream, look)

    def _look(self, info: SourceInfo) -> Look:
        assert info.video is not None
        command = look_command(self._path, info, self._tools, frames=_FIRST_FRAMES)
        codec = info.video.codec
        try:
            log = self._run(command, _FIRST_FRAMES)
        except (BadInput, EncoderFailed) as error:
            raise BadInput(_undecodable(codec, error.log), log=error.log) from error
        look = parse_look(log.splitlines())
        if not look.frames:
            raise BadInput(_undecodable(codec, log), log=_tail(log))
        return look

    def _stretch(self, info: SourceInfo, share: float) -> Look:
        """Some pictures from a part of the film on; nothing where they cannot be decoded."""
        assert info.video is not None
        at = info.video.start_time + info.video.duration * share
        command = look_command(self._path, info, self._tools, at_seconds=at, frames=_STRETCH_FRAMES)
        try:
            return parse_look(self._run(command, _STRETCH_FRAMES).splitlines())
        except (BadInput, EncoderFailed):
            return Look()

    def hear(self, info: SourceInfo) -> tuple[tuple[AudioInfo, ...], list[str]]:
        """The sound tracks that can be decoded, and notes on the others.

        Raises BadInput where there is neither a picture nor any of them.
        """
        tracks: list[AudioInfo] = []
        notes: list[str] = []
        refusals: list[BadInput] = []
        for audio in info.audio:
            try:
                track, said = self._listen(info, audio)
            except BadInput as error:
                refusals.append(error)
                notes.append(f"Sound track {audio.index} is left out. {error.sentence}")
                continue
            tracks.append(track)
            notes += said
        if refusals and not tracks and info.video is None:
            raise refusals[0]
        if refusals and not tracks:
            notes.append("No sound of the file can be decoded: the film is silent.")
        return tuple(tracks), notes

    def _listen(self, info: SourceInfo, audio: AudioInfo) -> tuple[AudioInfo, list[str]]:
        if audio.index in self._encrypted:
            raise BadInput("The sound is encrypted: only who has its keys can decode it.")
        log, failed = "", None
        try:
            log = self._run(listen_command(self._path, info, audio, self._tools, mixed=True), 4)
        except (BadInput, EncoderFailed) as error:
            failed = error
        sound = heard((failed.log if failed is not None else log).splitlines())
        if failed is None and sound is not None:
            return as_heard(audio, *sound), []
        if failed is None and not re.search(r"[Ee]rror|Invalid data", log):
            return audio, []  # it begins later than was listened to
        try:
            log = self._run(listen_command(self._path, info, audio, self._tools), 4)
        except (BadInput, EncoderFailed) as error:
            raise BadInput(_undecodable(audio.codec, error.log), log=error.log) from error
        sound = heard(log.splitlines())
        if sound is None:
            raise BadInput(_undecodable(audio.codec, log), log=_tail(log))
        track, note = mixed_by_hand(as_heard(audio, *sound))
        return track, [note]

    def _run(self, command: list[str], frames: int) -> str:
        lines = _LINES + frames * _LINES_A_FRAME
        result = process.run(command, limits=self._limits, stop=self._stop, log_lines=lines)
        return result.log_tail


def _undecodable(codec: str, log: str) -> str:
    if _NO_DECODER.search(log):
        return f"It cannot be decoded: this ffmpeg has no decoder for its codec, {codec}."
    return f"The source cannot be decoded: it is damaged or encrypted (its codec is {codec})."


def _tail(log: str) -> str:
    return "\n".join(log.splitlines()[-process.LOG_LINES :])
