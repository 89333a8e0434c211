"""One line of a video's log, and lines as batches that CloudWatch Logs takes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

#: What PutLogEvents takes at once: events, bytes with so many counted for each event, and the span
#: of time in milliseconds.
MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_BYTES = 26
MAX_SPAN_MS = 24 * 3600 * 1000
#: It takes nothing that is older than two weeks; a minute less, because its clock is another.
MAX_AGE_MS = 14 * 24 * 3600 * 1000 - 60_000
#: Characters of a message that are kept: far less than an event may have.
MAX_MESSAGE = 2_000


@dataclass(frozen=True)
class Entry:
    """``progress`` in percent; ``at_ms`` is the time in milliseconds since 1970."""

    video_id: str
    message: str
    progress: int
    at_ms: int

    @property
    def stream(self) -> str:
        """The log stream that it belongs to."""
        return stream_of(self.video_id)

    def text(self) -> str:
        """The JSON that is logged."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {
                "videoId": self.video_id,
                "message": self.message[:MAX_MESSAGE],
                "progress": self.progress,
                "timestamp": at.replace("+00:00", "Z"),
            },
            ensure_ascii=False,
        )


def stream_of(video_id: str) -> str:
    """The name of a video's log stream."""
    return f"video-{video_id}"


def batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries of one stream, by time, in lists that may be sent at once."""
    batch: list[Entry] = []
    size = 0
    for entry in sorted(entries, key=lambda entry: entry.at_ms):
        bytes_ = len(entry.text().encode()) + EVENT_BYTES
        full = len(batch) == MAX_EVENTS or size + bytes_ > MAX_BYTES
        if batch and (full or entry.at_ms - batch[0].at_ms >= MAX_SPAN_MS):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_
    if batch:
        yield batch
