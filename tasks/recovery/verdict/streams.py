"""Rules for streams and master playlists.

The media's row says which stream is live. What players are given follows from it, and so do the
states of streams.
"""

from tasks.recovery.verdict.rule import Fix, Rule, agree, heal, report
from tasks.recovery.verdict.situation import (
    FilesState,
    LiveState,
    OwnerState,
    Pace,
    StreamSays,
    Subject,
)

STREAM, MASTER = Subject.stream, Subject.master
NOT_THIS = frozenset(LiveState) - {LiveState.this}
SOME = frozenset({FilesState.whole, FilesState.lacking})
NOT_WHOLE = frozenset({FilesState.lacking, FilesState.none})
NOT_MOVED = frozenset({Pace.resting, Pace.still})
NOT_STILL = frozenset({Pace.moved, Pace.resting})
GONE = frozenset({StreamSays.removed, StreamSays.none})

RULES: tuple[Rule, ...] = (
    heal(
        "stream-not-live",
        STREAM,
        "Its state says that it is live, and the video's row names another stream or none.",
        Fix.settle,
        stream=StreamSays.live,
        live=NOT_THIS,
    ),
    heal(
        "stream-live-unsaid",
        STREAM,
        "The video's row says that it is live, and its state does not.",
        Fix.settle,
        stream=frozenset({StreamSays.building, StreamSays.retired}),
        live=LiveState.this,
    ),
    heal(
        "live-row-missing",
        STREAM,
        "The video's row says that it is live, and it was removed or has no row.",
        Fix.put_another,
        stream=GONE,
        live=LiveState.this,
    ),
    heal(
        "live-files-missing",
        STREAM,
        "It is live, and files of it are missing from the bucket.",
        Fix.put_another,
        stream=StreamSays.live,
        live=LiveState.this,
        files=NOT_WHOLE,
    ),
    heal(
        "stream-expired",
        STREAM,
        "It was replaced long enough ago that nobody watches it.",
        Fix.remove,
        stream=StreamSays.retired,
        live=NOT_THIS,
        pace=Pace.still,
    ),
    heal(
        "stream-left",
        STREAM,
        "It was removed, and files of it are in the bucket.",
        Fix.remove,
        stream=StreamSays.removed,
        live=NOT_THIS,
        files=SOME,
    ),
    heal(
        "stream-abandoned",
        STREAM,
        "It is not complete, and its job was deleted or builds another stream.",
        Fix.remove,
        stream=StreamSays.building,
        live=NOT_THIS,
        owner=OwnerState.gone,
        pace=NOT_MOVED,
    ),
    report(
        "stream-orphan",
        STREAM,
        "Its folder has no row.",
        Fix.remove,
        stream=StreamSays.none,
        live=NOT_THIS,
        files=SOME,
        pace=NOT_MOVED,
    ),
    agree(
        "stream-live",
        STREAM,
        "It is live, and its files are there.",
        stream=StreamSays.live,
        live=LiveState.this,
        files=FilesState.whole,
    ),
    agree(
        "stream-kept",
        STREAM,
        "It was replaced, and is kept for those who watch it.",
        stream=StreamSays.retired,
        live=NOT_THIS,
        pace=NOT_STILL,
    ),
    agree(
        "stream-building",
        STREAM,
        "Its job builds it, or can be retried and goes on with it.",
        stream=StreamSays.building,
        live=NOT_THIS,
        owner=OwnerState.there,
    ),
    agree(
        "stream-just-abandoned",
        STREAM,
        "Its job was deleted or cleaned up a moment ago.",
        stream=StreamSays.building,
        live=NOT_THIS,
        owner=OwnerState.gone,
        pace=Pace.moved,
    ),
    agree(
        "stream-young",
        STREAM,
        "Its folder has no row, and changed within the last hour.",
        stream=StreamSays.none,
        live=NOT_THIS,
        files=SOME,
        pace=Pace.moved,
    ),
    agree(
        "stream-gone",
        STREAM,
        "Nothing is left of it.",
        stream=GONE,
        live=NOT_THIS,
        files=FilesState.none,
    ),
    heal(
        "master-missing",
        MASTER,
        "A stream is live, and its master playlist is not in the bucket.",
        Fix.write,
        live=LiveState.this,
        files=FilesState.none,
        pace=NOT_MOVED,
    ),
    heal(
        "master-differs",
        MASTER,
        "The master playlist in the bucket is of another stream, or differs from what was written.",
        Fix.write,
        live=LiveState.this,
        files=FilesState.lacking,
        pace=NOT_MOVED,
    ),
    heal(
        "master-left",
        MASTER,
        "No stream is live, and a master playlist is in the bucket.",
        Fix.write,
        live=NOT_THIS,
        files=SOME,
        pace=NOT_MOVED,
    ),
    agree(
        "master-right",
        MASTER,
        "It is that of the live stream.",
        live=LiveState.this,
        files=FilesState.whole,
        pace=NOT_MOVED,
    ),
    agree(
        "no-master",
        MASTER,
        "No stream is live.",
        live=NOT_THIS,
        files=FilesState.none,
        pace=NOT_MOVED,
    ),
    agree(
        "master-just-due",
        MASTER,
        "Another stream was published a moment ago, and the master is about to be written.",
        pace=Pace.moved,
    ),
)
