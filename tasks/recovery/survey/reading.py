"""Reads rows for a survey: as plain documents, in batches, against one moment."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.codec_options import CodecOptions

from tasks.infra.database import server_time
from tasks.models import stored

#: Seconds for which a row must have stood still before it is judged: longer than the moment
#: between writing a row and sending its message.
GRACE_SECONDS = 2.0
#: Documents that the database sends at a time.
BATCH = 5_000
#: Ids that one query may name.
IDS = 1_000

Row = Mapping[str, Any]
# Times without a zone: making them aware costs more than all the rest.
_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)


class Reading:
    """One look's reading. ``asked_at`` is when it began, in UTC without zone.

    ``only`` are the transcode jobs that it is about, None where it is about everything. ``beat`` is
    called now and then.
    """

    def __init__(self, only: Collection[str] | None, beat: Callable[[], None] | None) -> None:
        self.only = only
        self._beat = beat
        # The database server's clock is the one that wrote the rows.
        self.asked_at = server_time().astimezone(UTC).replace(tzinfo=None)
        self.still_since = self.asked_at - timedelta(seconds=GRACE_SECONDS)

    def find(
        self,
        model: Any,
        query: Mapping[str, Any],
        fields: Collection[str] | Mapping[str, Any],
        *,
        in_order: bool = False,
    ) -> Iterator[Row]:
        """Rows of a model, ``in_order`` of their transcode jobs.

        ``fields`` are names, or a projection. Raises PyMongoError, and what ``beat`` does.
        """
        collection = stored.collection(model).with_options(codec_options=_PLAIN)
        projection = fields if isinstance(fields, Mapping) else dict.fromkeys(fields, 1)
        rows = collection.find(query, {**projection, "_id": 0}, batch_size=BATCH)
        if in_order:
            rows = rows.sort("transcode_id", 1)
        for number, row in enumerate(rows):
            if self._beat is not None and number % BATCH == 0:
                self._beat()
            yield row

    def about(self, field: str) -> dict[str, Any]:
        """The condition for rows whose field names one of the jobs that it is about."""
        return {} if self.only is None else {field: {"$in": list(self.only)}}

    def stood_still(self, moment: datetime | None) -> bool:
        """Whether a row that was changed then is to be judged."""
        return moment is None or moment < self.still_since
