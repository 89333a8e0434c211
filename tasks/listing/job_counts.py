"""How many jobs there are, by status: true, at most a second old, and cheap with a million rows.

Finished jobs pile up in one status, and to count those takes as long as there are rows. So the rare
statuses are counted from the index, and the most frequent one is what is left of the whole. The
whole is MongoDB's own number, which is exact for as long as a server runs, but wrong by some rows
for ever after it was killed: that error is measured by counting all rows once a server's run, and
again now and then.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.models import Status, TranscodeJob, UploadJob, stored
from tasks.models.list_indexes import BY_COLLECTION

Model = type[TranscodeJob] | type[UploadJob]

#: Seconds that an answer may be old; a fraction of them where counting is quick.
OLDEST_SECONDS = 0.8
#: An answer is kept for so many times as long as it took to count.
REST = 20
#: Seconds after which all rows are counted again.
AGAIN_SECONDS = 600.0
#: Rows up to which all are counted each time.
SMALL = 10_000
#: How often a count of all rows is tried, while rows come and go.
TRIES = 3

_INDEX = [("created_at", 1), ("job_id", 1)]


@dataclass(frozen=True)
class Answer:
    """The counts, and the clock's time until which they are given."""

    counts: dict[str, int]
    until: float


class Counter:
    """The counts of one collection, for all threads of this process."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._most = Status.completed
        self._run: Any = None
        self._error = 0
        self._measured_at = float("-inf")

    def counts(self) -> dict[str, int]:
        """``total`` and each status by name. Raises PyMongoError."""
        answer = self._answer
        if answer is not None and time.monotonic() < answer.until:
            return dict(answer.counts)
        with self._lock:
            # Whoever waited for another's count has it.
            if self._answer is not answer and self._answer is not None:
                return dict(self._answer.counts)
            began = time.monotonic()
            counts, all_of_them = self._count()
            if all_of_them:
                return counts
            took = time.monotonic() - began
            self._answer = Answer(counts, began + min(OLDEST_SECONDS, REST * took))
            return dict(counts)

    def _count(self) -> tuple[dict[str, int], bool]:
        """The counts, and whether every row was counted for them."""
        collection = stored.collection(self._model)
        index = [(name, 1) for name in BY_COLLECTION[collection.name].narrowed]
        if collection.estimated_document_count() <= SMALL:
            rows = collection.aggregate(
                [{"$group": {"_id": "$status", "n": {"$sum": 1}}}], hint=dict(index)
            )
            by_status = {row["_id"]: row["n"] for row in rows}
            return _named(sum(by_status.values()), by_status), True
        self._measure(collection)
        by_status = {
            status: collection.count_documents({"status": status.value}, hint=index)
            for status in Status
            if status is not self._most
        }
        total = collection.estimated_document_count() + self._error
        by_status[self._most] = max(0, total - sum(by_status.values()))
        self._most = max(by_status, key=lambda status: by_status[status])
        return _named(total, by_status), False

    def _measure(self, collection: Any) -> None:
        """Finds the error of MongoDB's own number, where it is not known for this server's run."""
        hello = collection.database.client.admin.command("hello")
        run = hello["topologyVersion"]["processId"]
        if run == self._run and time.monotonic() < self._measured_at + AGAIN_SECONDS:
            return
        for _ in range(TRIES):
            before = collection.estimated_document_count()
            counted = collection.count_documents({}, hint=_INDEX)
            after = collection.estimated_document_count()
            if before == after:
                break
        # Between two numbers that differ, the one that was counted fits both.
        low, high = sorted((before, after))
        self._error = counted - min(max(counted, low), high)
        self._run, self._measured_at = run, time.monotonic()


def _named(total: int, by_status: Mapping[str, int]) -> dict[str, int]:
    return {"total": total, **{status.value: by_status.get(status, 0) for status in Status}}


_counters = {model: Counter(model) for model in (TranscodeJob, UploadJob)}


def counts(model: Model) -> dict[str, int]:
    """How many jobs there are, as ``total`` and by status, every status named; at most a second
    old. Raises PyMongoError."""
    return _counters[model].counts()
