"""Which jobs: filters, order and keyset paging, for pages, API and bulk operations alike."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tasks.models import Status, TranscodeJob, UploadJob
from tasks.search_terms import words

Model = type[TranscodeJob] | type[UploadJob]

#: Most rows of one page.
LIMIT = 200


class BadCursor(Exception):
    """The place to go on from is not one that a page gave out."""


class Order(StrEnum):
    """How a list is sorted; jobs that tie are sorted by their ids."""

    newest = "newest"
    oldest = "oldest"
    finished = "finished"
    name = "name"


_SORT: dict[Order, tuple[str, int]] = {
    Order.newest: ("created_at", -1),
    Order.oldest: ("created_at", 1),
    Order.finished: ("finished_at", -1),
    Order.name: ("name", 1),
}


@dataclass(frozen=True)
class JobFilter:
    """What a list is narrowed to; None and "" leave it as it is. Times are UTC.

    ``statuses`` is for operations on several statuses at once, in place of ``status``.
    """

    status: Status | None = None
    statuses: tuple[Status, ...] = ()
    resource_type: str | None = None
    upload_type: str | None = None
    content_type: str | None = None
    label: str | None = None
    resource_id: str | None = None
    media_id: str | None = None
    transcode_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out."""
        return self != JobFilter()

    def conditions(self, model: Model) -> dict[str, Any]:
        """As a MongoDB query."""
        found: dict[str, Any] = {}
        for name in ("status", "resource_type", "upload_type", "content_type"):
            if value := getattr(self, name):
                found[name] = str(value)
        if self.statuses:
            found["status"] = {"$in": [status.value for status in self.statuses]}
        for name in ("resource_id", "media_id", "transcode_id"):
            if value := getattr(self, name):
                found[name] = value
        if self.label:
            found["renditions.label" if model is TranscodeJob else "label"] = self.label
        if self.since or self.until:
            bounds = {"$gte": self.since, "$lt": self.until}
            found["created_at"] = {sign: at for sign, at in bounds.items() if at}
        if self.search.strip():
            found["$or"] = self._search()
        return found

    def _search(self) -> list[dict[str, Any]]:
        text = self.search.strip().lower()
        ways: list[dict[str, Any]] = [
            {"job_id": {"$regex": f"^{re.escape(text)}"}},
            {"media_id": {"$regex": f"^{re.escape(text)}"}},
        ]
        beginnings = [{"terms": {"$regex": f"^{re.escape(word)}"}} for word in words(text)]
        if beginnings:
            ways.append({"$and": beginnings})
        return ways


@dataclass(frozen=True)
class Place:
    """A row's place in an order: what a page goes on after."""

    value: Any
    job_id: str

    def encode(self) -> str:
        """As text for a URL."""
        value = self.value
        if isinstance(value, datetime):
            value = {"ms": round(value.timestamp() * 1000)}
        packed = json.dumps([value, self.job_id], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Place":
        """What ``encode`` wrote. Raises BadCursor."""
        try:
            padded = text + "=" * (-len(text) % 4)
            value, job_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if isinstance(value, dict):
                value = datetime.fromtimestamp(int(value["ms"]) / 1000, UTC)
            if not isinstance(job_id, str) or not isinstance(value, datetime | str | None):
                raise ValueError(text)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, binascii.Error):
            raise BadCursor(
                f"{text[:60]!r} is not a place that a page of this list named."
            ) from None
        return cls(value, job_id)


@dataclass(frozen=True)
class Page:
    """Rows in order; ``after`` and ``before`` name the neighbouring pages where there are any."""

    rows: list[Any]
    after: str | None
    before: str | None


def find(
    model: Model,
    chosen: JobFilter,
    *,
    order: Order = Order.newest,
    limit: int = 25,
    after: str | None = None,
    before: str | None = None,
    fields: tuple[str, ...] = (),
) -> Page:
    """One page. Raises BadCursor."""
    name, direction = _sort_of(model, order)
    backwards = before is not None and after is None
    if backwards:
        direction = -direction
    conditions = chosen.conditions(model)
    place = after or before
    if place is not None:
        beyond = _beyond(name, direction, Place.decode(place))
        conditions = {"$and": [conditions, beyond]} if conditions else beyond
    sign = "-" if direction < 0 else ""
    rows = model.objects(__raw__=conditions).order_by(f"{sign}{name}", f"{sign}job_id")
    if fields:
        rows = rows.only(*fields)
    found = list(rows.limit(limit + 1))
    more = len(found) > limit
    found = found[:limit][::-1] if backwards else found[:limit]
    has_after, has_before = (True, more) if backwards else (more, place is not None)
    return Page(
        rows=found,
        after=_place(found[-1], name).encode() if found and has_after else None,
        before=_place(found[0], name).encode() if found and has_before else None,
    )


def _sort_of(model: Model, order: Order) -> tuple[str, int]:
    name, direction = _SORT[order]
    # An upload is called by what it belongs to.
    return ("resource_name" if model is UploadJob and name == "name" else name), direction


def _place(row: Any, name: str) -> Place:
    return Place(getattr(row, name), row.job_id)


def _beyond(name: str, direction: int, place: Place) -> dict[str, Any]:
    side = "$gt" if direction > 0 else "$lt"
    ties: dict[str, Any] = {name: place.value, "job_id": {side: place.job_id}}
    if place.value is not None:
        ways: list[dict[str, Any]] = [{name: {side: place.value}}, ties]
        if direction < 0:
            # Rows without a value sort last when descending.
            ways.append({name: None})
        return {"$or": ways}
    return ties if direction < 0 else {"$or": [{name: {"$ne": None}}, ties]}


def count(model: Model, chosen: JobFilter, most: int = 0) -> int:
    """How many rows match; with ``most`` the counting ends there."""
    conditions = chosen.conditions(model)
    # Never the estimate: after a kill of the database it is wrong until somebody validates.
    limit = {"limit": most} if most else {}
    return int(model._get_collection().count_documents(conditions, **limit))


def counts(model: Model) -> dict[str, int]:
    """How many jobs there are, as ``total`` and by status, every status named."""
    rows = model._get_collection().aggregate([{"$group": {"_id": "$status", "count": {"$sum": 1}}}])
    by_status = {row["_id"]: row["count"] for row in rows}
    numbers = {status.value: by_status.get(status.value, 0) for status in Status}
    return {"total": sum(by_status.values()), **numbers}


_WORDS = {
    "status": "status",
    "type": "resource_type",
    "uploadType": "upload_type",
    "contentType": "content_type",
    "label": "label",
    "resourceId": "resource_id",
    "mediaId": "media_id",
    "transcodeId": "transcode_id",
    "q": "search",
}


def words_of(chosen: JobFilter) -> dict[str, str]:
    """A filter in the words of the API and of page addresses; ``filter_of`` reads them."""
    words_said = {word: getattr(chosen, name) for word, name in _WORDS.items()}
    times = {"from": chosen.since, "to": chosen.until}
    words_said["statuses"] = ",".join(chosen.statuses)
    said = words_said | {word: at.isoformat() for word, at in times.items() if at}
    return {word: str(value) for word, value in said.items() if value}


def filter_of(values: Mapping[str, str]) -> JobFilter:
    """The filter that ``words_of`` wrote."""
    statuses = [Status(one) for one in values.get("statuses", "").split(",") if one]
    return replace(
        from_query(values), statuses=tuple(statuses), transcode_id=values.get("transcodeId")
    )


def from_query(values: Mapping[str, str]) -> JobFilter:
    """The filter of a query string as a page has it; what it does not know it leaves out."""

    def pick(name: str, allowed: tuple[str, ...]) -> str | None:
        value = values.get(name, "")
        return value if value in allowed else None

    status = values.get("status", "")
    return JobFilter(
        status=Status(status) if status in list(Status) else None,
        resource_type=pick("type", RESOURCE_TYPES),
        upload_type=pick("uploadType", UPLOAD_TYPES),
        content_type=pick("contentType", CONTENT_TYPES),
        label=pick("label", LABELS),
        resource_id=values.get("resourceId", "")[:64] or None,
        media_id=values.get("mediaId", "")[:64] or None,
        since=moment(values.get("from", "")),
        until=moment(values.get("to", "")),
        search=values.get("q", "").strip()[:100],
    )


RESOURCE_TYPES = ("film", "season", "episode")
UPLOAD_TYPES = ("hls", "master_playlist", "subtitle", "video")
CONTENT_TYPES = ("video", "audio", "subtitle", "playlist")
LABELS = ("SD", "HD", "FHD", "UHD")


def moment(text: str) -> datetime | None:
    """A date or time of ISO 8601, UTC unless it says otherwise; None where it is none."""
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at


def after_everything(chosen: JobFilter, until: datetime) -> JobFilter:
    """The filter, without what is made from ``until`` on."""
    return replace(chosen, until=min(chosen.until, until) if chosen.until else until)
