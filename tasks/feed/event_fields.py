"""What each event of the feed says: names, kinds and fields, as ``docs/events.md`` tells them.

``statsChanged`` is the one that is not in the stream: each web process counts for itself.
"""

from enum import StrEnum


class EventKind(StrEnum):
    """What an event is about; the first five are work units."""

    transcode = "transcode"
    step = "step"
    upload = "upload"
    bulk = "bulk"
    analysis = "analysis"
    media = "media"
    workers = "workers"
    repair = "repair"
    stats = "stats"


#: The kind of events that are about no work unit of their own.
KINDS: dict[str, EventKind] = {
    "mediaChanged": EventKind.media,
    "streamPublished": EventKind.media,
    "mediaDeleted": EventKind.media,
    "streamPlayable": EventKind.media,
    "workersChanged": EventKind.workers,
    "jobRepaired": EventKind.repair,
    "statsChanged": EventKind.stats,
}

#: Not told to anybody: a session or a token has ended, and each web process looks at its sockets.
ACCESS_ENDED = "accessEnded"

#: Fields that every event of a work unit has.
UNIT: frozenset[str] = frozenset({"kind", "jobId", "status", "progress"})
#: Fields that it has where they are known.
UNIT_KNOWN: frozenset[str] = frozenset(
    {"transcodeId", "mediaId", "clientId", "failedReason", "errorMessage"}
)
_UPLOADED: frozenset[str] = frozenset(
    {"filesDone", "filesTotal", "bytesDone", "bytesTotal", "speed", "currentFile"}
)
_REASON = frozenset({"reason"})

#: By event: the fields that are always there, and those that are there where they are known.
FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "jobCreated": (UNIT, UNIT_KNOWN),
    "jobChanged": (UNIT, UNIT_KNOWN | _REASON),
    "jobRetried": (UNIT, UNIT_KNOWN | _REASON),
    "jobDeleted": (UNIT, UNIT_KNOWN),
    "JobCompleted": (UNIT, UNIT_KNOWN | _REASON),
    "JobFailed": (UNIT, UNIT_KNOWN | _REASON),
    "JobCancelled": (UNIT, UNIT_KNOWN | _REASON),
    "transcodeProgress": (UNIT, UNIT_KNOWN | {"speed", "phase"}),
    "uploadProgress": (UNIT, UNIT_KNOWN | _UPLOADED),
    "analysisProgress": (UNIT, UNIT_KNOWN | {"step"}),
    "jobRepaired": (frozenset({"kind", "jobId", "reason"}), frozenset()),
    "mediaChanged": (frozenset({"kind", "mediaId"}), frozenset({"transcodeId"})),
    "streamPublished": (frozenset({"kind", "mediaId", "streamId"}), frozenset()),
    "mediaDeleted": (frozenset({"kind", "mediaId"}), frozenset()),
    "streamPlayable": (
        frozenset({"kind", "mediaId", "streamId", "until", "duration", "complete"}),
        frozenset({"transcodeId"}),
    ),
    "workersChanged": (frozenset({"kind", "worker", "live"}), frozenset()),
    "statsChanged": (frozenset({"kind", "transcode", "upload"}), frozenset()),
}
