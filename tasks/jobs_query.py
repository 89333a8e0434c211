"""Which jobs: filters, order and keyset paging, for pages, API and bulk operations alike."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any

from tasks import facets, job_counts, job_paths
from tasks.job_paths import Wanted
from tasks.models import Status, TranscodeJob, UploadJob
from tasks.search_terms import words

Model = type[TranscodeJob] | type[UploadJob]

#: Most rows of one page.
LIMIT = 200
#: Rows up to which a list's rows are counted, and how many may be read for that.
COUNTED, COUNTED_BY_READING = 20_000, 1_000
#: Keys that are read at least where some lie before a page, or their rows may not match.
KEYS = 200
#: A text that is looked for among ids, too: shorter ones would find ids that nobody meant.
_ID = re.compile(r"[0-9a-f]{8}[0-9a-z_.-]*")


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

    @property
    def by_status_alone(self) -> bool:
        """Whether the counts by status tell how many rows match."""
        return replace(self, status=None) == JobFilter()

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
                itself = name == "transcode_id" and model is TranscodeJob
                found["job_id" if itself else name] = value
        if self.label:
            found["renditions.label" if model is TranscodeJob else "label"] = self.label
        if self.since or self.until:
            bounds = {"$gte": self.since, "$lt": self.until}
            found["created_at"] = {sign: at for sign, at in bounds.items() if at}
        if ways := self._search():
            found |= ways[0] if len(ways) == 1 else {"$or": ways}
        return found

    def wanted(self) -> Wanted:
        """The same for ``tasks.job_paths``."""
        said = {name: getattr(self, name) for name in facets.FIELDS}
        ids = {name: getattr(self, name) for name in ("resource_id", "media_id", "transcode_id")}
        bounds = {"$gte": self.since, "$lt": self.until}
        text = self._text
        return Wanted(
            statuses=tuple(
                status.value for status in self.statuses or (self.status,) if status is not None
            ),
            fields={name: str(value) for name, value in said.items() if value},
            label=self.label,
            ids={name: value for name, value in ids.items() if value},
            created={sign: at for sign, at in bounds.items() if at},
            beginnings=tuple(words(text)),
            elsewhere=bool(text) and (_ID.fullmatch(text) is not None or not words(text)),
        )

    @property
    def _text(self) -> str:
        return self.search.strip().lower()

    def _search(self) -> list[dict[str, Any]]:
        """A condition for each way in which a row may match; none where nothing is searched."""
        text = self._text
        if not text:
            return []
        ways: list[dict[str, Any]] = []
        if _ID.fullmatch(text):
            beginning = {"$regex": f"^{re.escape(text)}"}
            ways += [{"job_id": beginning}, {"media_id": beginning}]
        if beginnings := [_begins(word) for word in words(text)]:
            ways.append({"$and": beginnings})
        return ways or [{"job_id": {"$in": []}}]


def _begins(word: str) -> dict[str, Any]:
    return {"terms": {"$regex": f"^{re.escape(word)}"}}


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
    def decode(cls, text: str, *kinds: type) -> "Place":
        """What ``encode`` wrote of a value of one of these kinds. Raises BadCursor."""
        try:
            padded = text + "=" * (-len(text) % 4)
            value, job_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if isinstance(value, dict):
                value = datetime.fromtimestamp(int(value["ms"]) / 1000, UTC)
            if not isinstance(job_id, str) or not isinstance(value, kinds):
                raise ValueError(text)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, binascii.Error):
            raise BadCursor(
                f"{text[:60]!r} is not a place that a page of this list named."
            ) from None
        return cls(value, job_id)


@dataclass(frozen=True)
class Page:
    """Rows in order; ``after`` and ``before`` name the neighbouring pages where there are any.

    ``path`` is how they were found, by which ``total`` need not search anew.
    """

    rows: list[Any]
    after: str | None
    before: str | None
    path: job_paths.Path | None = None


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
    text = after or before
    place = Place.decode(text, *_KINDS.get(name, (str, NoneType))) if text is not None else None
    path = job_paths.choose(model._get_collection(), chosen.wanted(), name)
    wanted = _Wanted(model, chosen, name, direction, place, limit + 1, fields)
    sorted_first = path.keys and not path.ordered
    found = _by_keys(path, wanted) if sorted_first else _by_rows(path, wanted)
    more = len(found) > limit
    found = found[:limit][::-1] if backwards else found[:limit]
    has_after, has_before = (True, more) if backwards else (more, place is not None)
    return Page(
        rows=found,
        after=_place(found[-1], name).encode() if found and has_after else None,
        before=_place(found[0], name).encode() if found and has_before else None,
        path=path,
    )


@dataclass(frozen=True)
class _Wanted:
    """``limit`` rows beyond a place, in an order."""

    model: Model
    chosen: JobFilter
    name: str
    direction: int
    place: Place | None
    limit: int
    fields: tuple[str, ...]

    def rows(self, asked: Mapping[str, Any]) -> Any:
        """A query, with the fields that are asked for."""
        query = self.model.objects(__raw__=dict(asked))
        return query.only(*self.fields) if self.fields else query


def _by_rows(path: job_paths.Path, wanted: _Wanted) -> list[Any]:
    """Rows along a path, in order."""
    name, direction = wanted.name, wanted.direction
    stretches = _beyond(name, direction, wanted.place)
    if not path.ordered and len(stretches) > 1:
        stretches = [{"$or": stretches}]
    conditions = {} if path.whole else wanted.chosen.conditions(wanted.model)
    sign = "-" if direction < 0 else ""
    found: list[Any] = []
    for stretch in stretches:
        missing = wanted.limit - len(found)
        rows: list[Any] = []
        for way in path.ways:
            asked = {"$and": [one for one in (conditions, way, stretch) if one] or [{}]}
            query = wanted.rows(asked).order_by(f"{sign}{name}", f"{sign}job_id")
            if path.hint:
                query = query.hint(path.hint)
            rows += query.limit(missing)
        if len(path.ways) > 1:
            rows.sort(key=lambda row: _rank(row, name), reverse=direction < 0)
        found += rows[:missing]
        if len(found) >= wanted.limit:
            break
    return found


def _by_keys(path: job_paths.Path, wanted: _Wanted) -> list[Any]:
    """The same where keys are sorted, and rows only read that are shown.

    Keys are asked for in growing numbers: some lie before the place, others' rows may not match.
    """
    if not path.ways:
        return []
    name, direction, place = wanted.name, wanted.direction, wanted.place
    asked = job_paths.along(path.ways, _from(name, direction, place))
    conditions = {} if path.whole else wanted.chosen.conditions(wanted.model)
    collection = wanted.model._get_collection()
    order = [(name, direction), ("job_id", direction)]
    shown = {"_id": 0, name: 1, "job_id": 1}
    most = wanted.limit if path.whole and place is None else max(wanted.limit, KEYS)
    at_once = wanted.limit if path.whole else KEYS
    found: list[Any] = []
    seen: set[str] = set()
    while True:
        keys = list(collection.find(asked, shown, sort=order, hint=path.hint, limit=most))
        ids = [key["job_id"] for key in keys if not _before(key, name, direction, place)]
        ids = [job_id for job_id in ids if job_id not in seen]
        for begin in range(0, len(ids), at_once):
            some = ids[begin : begin + at_once]
            rows = {r.job_id: r for r in wanted.rows({"job_id": {"$in": some}, **conditions})}
            found += [rows[job_id] for job_id in some if job_id in rows]
            if len(found) >= wanted.limit:
                return found[: wanted.limit]
        if len(keys) < most:
            return found
        seen.update(ids)
        most *= 8


def _from(name: str, direction: int, place: Place | None) -> dict[str, Any]:
    """What lies beyond a place, and what ties with it: no ``$or``, which would cost a second
    look at all keys."""
    if place is None:
        return {}
    if direction > 0:
        # Rows without a value come first.
        return {} if place.value is None else {name: {"$gte": place.value}}
    return {name: None if place.value is None else {"$not": {"$gt": place.value}}}


def _before(key: Mapping[str, Any], name: str, direction: int, place: Place | None) -> bool:
    """Whether a key ties with a place, and is not beyond it."""
    if place is None or key.get(name) != place.value:
        return False
    beyond = key["job_id"] > place.job_id if direction > 0 else key["job_id"] < place.job_id
    return not beyond


def _sort_of(model: Model, order: Order) -> tuple[str, int]:
    name, direction = _SORT[order]
    # An upload is called by what it belongs to.
    return ("resource_name" if model is UploadJob and name == "name" else name), direction


#: What a place of an order may be at; a name may be missing, and a job unfinished.
_KINDS: dict[str, tuple[type, ...]] = {
    "created_at": (datetime,),
    "finished_at": (datetime, NoneType),
}


def _place(row: Any, name: str) -> Place:
    return Place(getattr(row, name), row.job_id)


def _rank(row: Any, name: str) -> tuple[Any, ...]:
    value = getattr(row, name)
    # Rows without a value come first, as MongoDB has it.
    return (value is not None, value, row.job_id) if value is not None else (False, row.job_id)


def _beyond(name: str, direction: int, place: Place | None) -> list[dict[str, Any]]:
    """What lies beyond a place, as stretches in order: an index goes straight to each."""
    if place is None:
        return [{}]
    side = "$gt" if direction > 0 else "$lt"
    ties: dict[str, Any] = {name: place.value, "job_id": {side: place.job_id}}
    if place.value is None:
        return [ties] if direction < 0 else [ties, {name: {"$ne": None}}]
    stretches = [ties, {name: {side: place.value}}]
    # Rows without a value sort last when descending.
    return [*stretches, {name: None}] if direction < 0 else stretches


@dataclass(frozen=True)
class Total:
    """How many rows match; at least so many where it is not ``exact``."""

    number: int
    exact: bool


def count(model: Model, chosen: JobFilter) -> int:
    """How many rows match, all of them counted, which takes its time where they are many."""
    path = job_paths.countable(model._get_collection(), chosen.wanted())
    if path.whole:
        return job_paths.count(model._get_collection(), path)
    collection, hint = model._get_collection(), {"hint": path.hint} if path.hint else {}
    conditions = chosen.conditions(model)
    return sum(
        collection.count_documents({"$and": [conditions, way]} if way else conditions, **hint)
        for way in path.apart
    )


def total(model: Model, chosen: JobFilter, page: Page | None = None) -> Total:
    """The same for a page: soon, and where there are many, a number that they are more than.

    ``page``: one that ``find`` made of the same filter.
    """
    wanted = chosen.wanted()
    if chosen.by_status_alone:
        counts = job_counts.counts(model)
        return Total(counts[chosen.status.value if chosen.status else "total"], exact=True)
    collection = model._get_collection()
    path = job_paths.countable(collection, wanted, page.path if page is not None else None)
    if path.whole:
        found = max(path.rows or 0, path.least)
        if path.rows is None and found <= COUNTED:
            found = job_paths.count(collection, path, COUNTED + 1)
        return Total(min(found, COUNTED), found <= COUNTED)
    seen = matched = 0
    for way in path.apart:
        left = COUNTED_BY_READING + 1 - seen
        pipeline: list[dict[str, Any]] = [
            {"$match": dict(way)},
            {"$limit": left},
            {"$match": chosen.conditions(model)},
            {"$count": "n"},
        ]
        options = {"hint": dict(path.hint)} if path.hint else {}
        matched += sum(row["n"] for row in collection.aggregate(pipeline, **options))
        seen += job_paths.count(collection, replace(path, ways=(way,)), left)
        if seen > COUNTED_BY_READING:
            break
    return Total(matched, seen <= COUNTED_BY_READING)


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
