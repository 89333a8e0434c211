"""By which index the rows of a list are reached, so that a page costs about as much as it shows.

MongoDB chooses by trying, and remembers what was good for another value: a filter that matches a
dozen rows at the far end of a million is then read through to the end. Here the choice follows from
the filter, and from counts that stop early.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks import facets
from tasks.models import Status

Index = tuple[str, ...]
Collection = Any

#: Rows that are read and sorted for one page at most, and at least before anything else is tried.
MOST_SORTED, LEAST_SORTED = 3_000, 200
#: Rows of a page, roughly.
PAGE = 25
#: Stretches of an index that MongoDB merges in one query (internalQueryMaxScansToExplode).
STRETCHES = 200
#: Words with the same beginning up to which each is looked up on its own.
SIMILAR_WORDS = 8

_CREATED: Index = ("created_at", "job_id")
_NARROWED: Index = ("status", "facet", "created_at", "job_id")
_RESOURCE: Index = ("resource_id", "created_at", "job_id")
_TERMS: Index = ("terms", "created_at", "job_id")
_BY_FACET: Index = ("facet", "status", "finished_at", "job_id", "created_at")
_BY_DAY: Index = ("day", "finished_at", "job_id", "created_at", "status", "facet")
#: Statistics are read from these too; the ends differ.
_FINISHED: dict[str, Index] = {
    "transcode_jobs": (
        *("finished_at", "job_id", "created_at"),
        *("status", "failed_reason", "started_at"),
    ),
    "upload_jobs": (
        *("finished_at", "job_id", "created_at"),
        *("status", "failed_reason", "started_at", "speed"),
    ),
}
_IDS: tuple[tuple[str, Index], ...] = (
    ("transcode_id", ("transcode_id",)),
    ("media_id", ("media_id",)),
    ("resource_id", _RESOURCE),
)


@dataclass(frozen=True)
class Wanted:
    """What a filter asks for, as far as indexes know it.

    ``fields`` are wanted values of ``facets.FIELDS``, ``ids`` of single fields, ``beginnings``
    conditions on ``terms``, each with its word. ``elsewhere``: it may also match by other ways,
    which only the whole condition knows.
    """

    statuses: tuple[str, ...]
    fields: Mapping[str, str]
    label: str | None
    ids: Mapping[str, str]
    created: Mapping[str, datetime]
    beginnings: tuple[tuple[str, Mapping[str, Any]], ...]
    elsewhere: bool

    @property
    def by_facet(self) -> bool:
        """Whether it asks for something that a facet tells."""
        return bool(self.fields or self.label)

    @property
    def narrow(self) -> bool:
        """Whether status, facet or time of creation leave something out."""
        return bool(self.by_facet or self.statuses or self.created)


@dataclass(frozen=True)
class Path:
    """``ways`` lead to the rows together, each along ``index``; no way, no row.

    ``ordered``: along each way rows come in the order that was asked for, and nothing is sorted.
    ``whole``: the ways lead to nothing but rows that match, so that these may be counted without
    being read. With no ``index`` MongoDB chooses.
    """

    index: Index | None
    ways: tuple[Mapping[str, Any], ...]
    ordered: bool
    whole: bool = False

    @property
    def hint(self) -> list[tuple[str, int]] | None:
        """For a query of PyMongo."""
        return None if self.index is None else [(name, 1) for name in self.index]


def choose(collection: Collection, wanted: Wanted, by: str) -> Path:
    """The path for a list that is sorted by the field ``by``."""
    # A transcode job has no such field: the filter names the job itself.
    itself = "transcode_id" in wanted.ids and collection.name == "transcode_jobs"
    if wanted.elsewhere or itself:
        return Path(None, ({},), ordered=False)
    few = _few(collection)
    for name, index in _IDS:
        if name in wanted.ids:
            whole = not (len(wanted.ids) > 1 or wanted.beginnings or wanted.narrow)
            ordered = index is _RESOURCE and by == "created_at"
            path = Path(index, ({name: wanted.ids[name]},), ordered, whole)
            if ordered or count(collection, path, few + 1) <= few:
                return path
    searched = _searched(collection, wanted, few)
    whole = not (len(wanted.beginnings) > 1 or wanted.ids or wanted.narrow)
    if searched is not None and searched.rows <= few:
        return Path(_TERMS, (searched.way,), ordered=False, whole=whole)
    if searched is not None or (wanted.created and by != "created_at"):
        narrow = narrowed(collection, wanted)
        if narrow is not None and count(collection, narrow, few + 1) <= few:
            return narrow
    if searched is not None:
        similar = list(_similar(collection, searched.word))
        if len(similar) <= SIMILAR_WORDS:
            way = {"terms": {"$in": similar}, **_created(wanted)}
            in_time = Path(_TERMS, (way,), ordered=by == "created_at", whole=whole)
            if in_time.ordered or (wanted.created and count(collection, in_time, few + 1) <= few):
                return in_time
            index = ("terms", by, "job_id", "created_at")
            return Path(index, (way,), ordered=True, whole=whole)
    return _sorted(collection, wanted, by)


def _few(collection: Collection) -> int:
    """Rows up to which it is quicker to sort all that match than to look for them in order.

    Where n of N rows match, a page of them is found among PAGE * N / n rows in order.
    """
    rows = collection.estimated_document_count()
    return max(LEAST_SORTED, min(MOST_SORTED, math.isqrt(PAGE * rows)))


def narrowed(collection: Collection, wanted: Wanted) -> Path | None:
    """The path to what status, facet and time of creation choose; None where they leave nothing
    out. Its rows are in no order."""
    whole = not wanted.beginnings and not wanted.ids and not wanted.elsewhere
    created = _created(wanted)
    if not wanted.by_facet:
        if wanted.statuses:
            way = {"status": {"$in": list(wanted.statuses)}, **created}
            return Path(_NARROWED, (way,), ordered=False, whole=whole)
        return Path(_CREATED, (created,), ordered=False, whole=whole) if created else None
    found = _facets(collection, wanted)
    if not found:
        return Path(_NARROWED, (), ordered=False, whole=whole)
    way = {"status": {"$in": _statuses(wanted)}, "facet": {"$in": found}, **created}
    return Path(_NARROWED, (way,), ordered=False, whole=whole and None not in found)


def countable(collection: Collection, wanted: Wanted) -> Path:
    """The path to few rows that hold all that match, in any order, so that they are counted."""
    narrow = narrowed(collection, wanted)
    if narrow is not None and narrow.whole:
        return narrow
    alone = not (wanted.elsewhere or wanted.ids or wanted.narrow)
    if alone and len(wanted.beginnings) == 1:
        [(_, way)] = wanted.beginnings
        return Path(_TERMS, (way,), ordered=False, whole=True)
    return choose(collection, wanted, "created_at")


def count(collection: Collection, path: Path, most: int = 0) -> int:
    """How many rows lie along a path; with ``most`` the counting ends there."""
    hint = {"hint": path.hint} if path.hint else {}
    counted = 0
    for way in path.ways:
        limit = {"limit": most - counted} if most else {}
        counted += collection.count_documents(dict(way), **hint, **limit)
        if most and counted >= most:
            break
    return int(counted)


@dataclass(frozen=True)
class Searched:
    """The rarest word of a search; ``rows`` with it are counted to a little beyond few."""

    word: str
    way: Mapping[str, Any]
    rows: int


def _searched(collection: Collection, wanted: Wanted, few: int) -> Searched | None:
    rarest: Searched | None = None
    # Long words are rare words: a few tell enough.
    for word, way in sorted(wanted.beginnings, key=lambda one: -len(one[0]))[:4]:
        rows = count(collection, Path(_TERMS, (way,), ordered=False), few + 1)
        if rarest is None or rows < rarest.rows:
            rarest = Searched(word, way, rows)
        if rows <= few:
            break
    return rarest


def _similar(collection: Collection, beginning: str) -> Iterator[str]:
    """The words that begin so, one more than SIMILAR_WORDS at most."""
    low: dict[str, Any] = {"$gte": beginning}
    for _ in range(SIMILAR_WORDS + 1):
        asked = {"terms": {"$elemMatch": {**low, "$lt": beginning + "\U0010ffff"}}}
        hint = [(name, 1) for name in _TERMS]
        # Keys in place of rows: the index says which of a row's words it was.
        keys = list(collection.find(asked, hint=hint, return_key=True).limit(1))
        if not keys:
            return
        yield keys[0]["terms"]
        low = {"$gt": keys[0]["terms"]}


def _sorted(collection: Collection, wanted: Wanted, by: str) -> Path:
    """The path along an index that is sorted by ``by``."""
    created = _created(wanted)
    if by == "finished_at" and created:
        narrow = narrowed(collection, wanted)
        rest = dict(narrow.ways[0]) if narrow is not None and narrow.ways else {}
        days = facets.days(_each(collection, _BY_DAY), wanted.created)
        ways = [{"day": {"$in": some}, **created, **rest} for some in _portions(days, STRETCHES)]
        return Path(_BY_DAY, tuple(ways), ordered=True)
    if not wanted.by_facet and not wanted.statuses:
        plain = {"created_at": _CREATED, "finished_at": _FINISHED[collection.name]}
        return Path(plain.get(by, (by, "job_id", "created_at")), (created,), ordered=True)
    statuses = _statuses(wanted)
    index = _NARROWED if by == "created_at" else ("facet", "status", by, "job_id", "created_at")
    found = _facets(collection, wanted)
    ways = [
        {"status": {"$in": statuses}, "facet": {"$in": some}, **created}
        for some in _portions(found, STRETCHES // len(statuses))
    ]
    return Path(index, tuple(ways), ordered=True)


def _portions(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))


def _created(wanted: Wanted) -> dict[str, Any]:
    return {"created_at": dict(wanted.created)} if wanted.created else {}


def _statuses(wanted: Wanted) -> list[str]:
    return list(wanted.statuses) or [status.value for status in Status]


def _facets(collection: Collection, wanted: Wanted) -> Sequence[Any]:
    """The facets that there are, and match."""
    return facets.matching(_each(collection, _BY_FACET), wanted.fields, wanted.label)


def _each(collection: Collection, index: Index) -> list[Any]:
    """The values that an index begins with: MongoDB skips from one to the next."""
    pipeline = [{"$group": {"_id": f"${index[0]}"}}]
    return [row["_id"] for row in collection.aggregate(pipeline, hint=dict.fromkeys(index, 1))]
