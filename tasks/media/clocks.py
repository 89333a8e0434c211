"""Finds where the clock of a file begins again, jumps, or is wrong for a packet.

Recordings put together end to end, television that changes its sender, and phones that set their
clock while they record have such clocks. Each track's packets are followed in file order; where one
is not due, either it alone is wrong, or a new clock begins, in all tracks. The pieces are put end
to end by what has to be added to their times: pictures without a gap, and sound as it was beside
them.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tasks.media.packets import NO_TIME, Track
from tasks.media.source import Piece, Repair, StreamRepair, clock

# Containers whose clocks may jump: there, a pause of this many seconds in all tracks is a jump.
_JUMPING = {"mpegts", "mpeg"}
_JUMP_SECONDS = 10.0
# In other containers a long pause may be meant, unless it is this long and all tracks have it.
_LONG_JUMP_SECONDS = 60.0
# Seconds by which decoding times may step back without a new clock, and sound may overlap.
_BACK_SECONDS = 0.25
_OVERLAP_SECONDS = 1.0
# Packets of another track, or of this one, among which the same jump must come.
_WINDOW = 3000
# Packets whose times of presentation tell where a piece begins.
_REORDERED = 16
#: More pieces than this are no film: every packet would have a clock of its own.
MOST_PIECES = 1000


@dataclass
class _State:
    """How far a track has been followed. Times in seconds."""

    times: "array[float]"  # decoding times, or those of presentation where there are none
    shown: "array[float]"
    step: float  # from one packet to the next
    at: int = 0  # number of the next packet
    clock: int = 0  # which of the offsets counts
    offset: float = 0.0
    due: float | None = None
    before: float | None = None  # when the last packet was due
    ends: float | None = None  # of what was shown so far
    pieces: list[tuple[int, float]] = field(default_factory=lambda: [(0, 0.0)])


def repair(
    tracks: Mapping[int, Track], order: Sequence[int], video: int | None, container: str
) -> Repair | None:
    """What to add to the times of each stream's packets; None where the clock runs on.

    `order` has the stream of each packet in file order, `video` is the film's.
    """
    patient = container not in _JUMPING
    jump = _LONG_JUMP_SECONDS if patient else _JUMP_SECONDS
    states = {index: _state(track) for index, track in tracks.items() if track.read > 1}
    if not any(_is_odd(state, jump) for state in states.values()):
        return None
    follower = _Follower(states, video if video in states else None, jump, patient)
    for index in order:
        if index in states:
            follower.follow(index)
    streams = tuple(
        StreamRepair(
            index=index,
            pieces=tuple(
                Piece(first=first, ticks=round(offset / tracks[index].time_base))
                for first, offset in state.pieces
            ),
        )
        for index, state in states.items()
    )
    if all(len(stream.pieces) == 1 for stream in streams):
        return None
    return Repair(container=container, streams=streams, note=follower.note())


class _Follower:
    def __init__(
        self, states: Mapping[int, _State], video: int | None, jump: float, patient: bool
    ) -> None:
        self._states, self._video = states, video
        self._jump, self._patient = jump, patient
        self._offsets = [0.0]
        self._seams: list[float] = []
        self._wrong = 0

    def note(self) -> str:
        """What was found, in a sentence."""
        said = []
        if self._seams:
            places = ", ".join(clock(at) for at in self._seams[:5])
            more = " and so on" if len(self._seams) > 5 else ""
            said.append(f"begins again or jumps at {places}{more}")
        if self._wrong:
            said.append(f"is wrong for {self._wrong} packet{'' if self._wrong == 1 else 's'}")
        return f"The file's clock {' and '.join(said)}: its pieces were put end to end."

    def follow(self, index: int) -> None:
        """Take the next packet of a track."""
        state = self._states[index]
        number, state.at = state.at, state.at + 1
        time = state.times[number]
        if time != time:  # unknown
            return
        if state.due is None:
            self._use(state, number, len(self._offsets) - 1)
        elif not (
            self._is_due(state, time + state.offset)
            or self._is_later(state, number)
            or self._is_mended(index, state, number)
        ):
            self._change(index, state, number)
        at = state.times[number] + state.offset
        state.before, state.due = state.due, at + state.step
        shown = state.shown[number]
        if shown == shown:
            state.ends = max(state.ends or at, shown + state.offset + state.step)

    def _is_due(self, state: _State, at: float, slack: float = _BACK_SECONDS) -> bool:
        assert state.due is not None
        return -slack <= at - state.due <= self._jump

    def _is_later(self, state: _State, number: int) -> bool:
        """Take up a clock that another track has begun already, if the packet fits it."""
        for later in range(state.clock + 1, len(self._offsets)):
            if self._is_due(state, state.times[number] + self._offsets[later], _OVERLAP_SECONDS):
                self._use(state, number, later)
                return True
        return False

    def _is_mended(self, index: int, state: _State, number: int) -> bool:
        """Whether a packet that is not due is a pause that is meant, or a packet alone is wrong."""
        assert state.due is not None
        at = state.times[number] + state.offset
        if state.before is not None and abs(at - state.before - state.step) <= _BACK_SECONDS:
            # The packet before was wrong, by so little that it was taken for a pause.
            self._mend(state, number - 1, state.due - state.step - state.before)
            state.ends = None
            return True
        if self._is_alone(index, state, number):
            self._mend(state, number, at - state.due)
            return True
        return at > state.due and not self._all_jump(index, state, number)

    def _mend(self, state: _State, number: int, off: float) -> None:
        self._wrong += 1
        state.pieces += [(number, state.offset - off), (number + 1, state.offset)]
        state.times[number] -= off
        state.shown[number] -= off

    def _is_alone(self, index: int, state: _State, number: int) -> bool:
        assert state.due is not None
        after = [t for t in state.times[number + 1 : number + 4] if t == t]
        if after:
            return all(self._is_due(state, t + state.offset) for t in after)
        # The last of all: nothing of the other tracks is so late.
        others = [s for i, s in self._states.items() if i != index]
        latest = max(
            (max(_known(s.times[-_REORDERED:]), default=0.0) for s in others), default=None
        )
        at = state.times[number]
        if latest is None:
            return at + state.offset - state.due > _LONG_JUMP_SECONDS and number > _REORDERED
        return at - latest > self._jump

    def _all_jump(self, index: int, state: _State, number: int) -> bool:
        others = [s for i, s in self._states.items() if i != index and s.due is not None]
        if not others:
            return not self._patient
        time = state.times[number]
        return all(
            any(
                abs(b - time) < self._jump / 2 < b - a
                for a, b in pairwise(other.times[max(0, other.at - 1) : other.at + _WINDOW])
            )
            for other in others
        )

    def _change(self, index: int, state: _State, number: int) -> None:
        self._offsets.append(self._next_offset(index, state, number))
        if len(self._offsets) > MOST_PIECES:
            raise ValueError("too many clocks")
        self._use(state, number, len(self._offsets) - 1)
        self._seams.append(state.times[number] + state.offset)

    def _next_offset(self, index: int, state: _State, number: int) -> float:
        """By which the pictures of a new clock follow those of the old one without a gap."""
        leader, first = state, number
        if self._video is not None and index != self._video:
            video = self._states[self._video]
            for at in range(video.at, min(len(video.times), video.at + _WINDOW)):
                near = abs(video.times[at] - state.times[number]) < self._jump / 2
                if near and not (
                    video.due is None or self._is_due(video, video.times[at] + video.offset)
                ):
                    leader, first = video, at
                    break
                shown = video.shown[at] + video.offset + video.step
                video.ends = max(video.ends or shown, shown) if shown == shown else video.ends
        around = leader.shown[max(0, first - _REORDERED) : first + _REORDERED]
        if len(_known(around)) < len(around) and leader.due is not None:
            # Not all times of presentation are known (program streams): those of decoding serve.
            return leader.due - leader.times[first]
        begins = min(_known(leader.shown[first : first + _REORDERED]), default=leader.times[first])
        ended = leader.due if leader.ends is None else leader.ends
        return (ended or 0.0) - begins

    def _use(self, state: _State, number: int, which: int) -> None:
        state.clock, state.offset = which, self._offsets[which]
        if state.offset != state.pieces[-1][1]:
            state.pieces.append((number, state.offset))


def _state(track: Track) -> _State:
    tick = float(track.time_base)
    nan = float("nan")
    shown = array("d", (nan if t == NO_TIME else t * tick for t in track.presented))
    times = array(
        "d",
        (s if d == NO_TIME else d * tick for d, s in zip(track.decoded, shown, strict=True)),
    )
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    return _State(times, shown, steps[len(steps) // 2] if steps else 0.04)


def _is_odd(state: _State, jump: float) -> bool:
    known = _known(state.times)
    return any(not -_BACK_SECONDS <= b - a <= jump for a, b in pairwise(known))


def _known(times: Sequence[float]) -> list[float]:
    return [time for time in times if time == time]
