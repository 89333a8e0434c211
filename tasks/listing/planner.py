"""By which index the rows of a list are reached, so that a page costs about as much as it shows.

MongoDB chooses by trying, and remembers what was good for another value: a filter that matches a
dozen rows at the far end of a million is then read through to the end. Here the choice follows from
the filter, and from counts that stop early.

Some thousands of rows that match are no page yet: in another order than their index has, all of
them have to be sorted. Reading that many rows takes too long, reading their keys does not. So the
indexes of words, and the one of status and facet, hold what lists are sorted by at their end.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Any

from tasks.listing import facets
from tasks.listing.search_terms import UNPAIRED, first_of_pair
from tasks.models import Status
from tasks.models.batches import batches
from tasks.models.list_indexes import BY_COLLECTION, BY_DAY, BY_FACET, CREATED, RESOURCE, Index

Collection = Any

#: Rows that are read and sorted for one page at most, and at least before anything else is tried.
MOST_SORTED, LEAST_SORTED = 3_000, 200
#: Keys that are read and sorted for one page; and where beginnings match too many different words
#: for an order to be had from their index.
MOST_KEYS, MOST_KEYS_UNORDERED = 20_000, 100_000
#: Keys that take as long as one row.
KEYS_A_ROW = 20
#: Rows of a page, roughly.
PAGE = 25
#: Stretches of an index that MongoDB merges in one query (internalQueryMaxScansToExplode).
STRETCHES = 200
#: Words with the same beginning up to which each is looked up on its own.
SIMILAR_WORDS = 8
#: Words of a search that are looked up to find out which is rare.
LOOKED_UP = 4

_IDS: tuple[tuple[str, Index], ...] = (
    ("transcode_id", ("transcode_id",)),
    ("media_id", ("media_id",)),
    ("resource_id", RESOURCE),
)


@dataclass(frozen=True)
class Criteria:
    """What a filter asks for, as far as indexes know it.

    ``fields`` are wanted values of ``facets.FIELDS``, ``ids`` of single fields, ``beginnings`` are
    those of words. ``elsewhere``: it may also match by other ways, which only the whole condition
    knows.
    """

    statuses: tuple[str, ...]
    fields: Mapping[str, str]
    label: str | None
    ids: Mapping[str, str]
    created: Mapping[str, datetime]
    beginnings: tuple[str, ...]
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
    being read. ``keys``: the index holds what its way asks for and every field that lists are
    sorted by, so that rows are sorted before they are read. ``looked_at``: the ways to all keys
    that are looked at for it, where they are more than lead on. ``rows``: how many lie along it,
    where that is known, and ``least``: no fewer. With no ``index`` MongoDB chooses.
    """

    index: Index | None
    ways: tuple[Mapping[str, Any], ...]
    ordered: bool
    whole: bool = False
    keys: bool = False
    looked_at: tuple[Mapping[str, Any], ...] | None = None
    rows: int | None = None
    least: int = 0

    @property
    def apart(self) -> Sequence[Mapping[str, Any]]:
        """The ways, those in one along which the same row may lie."""
        return (along(self.ways, {}),) if self.keys and self.ways else self.ways

    @property
    def hint(self) -> list[tuple[str, int]] | None:
        """For a query of PyMongo."""
        return None if self.index is None else [(name, 1) for name in self.index]


def along(ways: Sequence[Mapping[str, Any]], more: Mapping[str, Any]) -> dict[str, Any]:
    """One condition for several ways and ``more``, written such that each is within its index."""
    each = [{"$and": [way, more]} if more else dict(way) for way in ways]
    return each[0] if len(each) == 1 else {"$or": each}


def choose(collection: Collection, wanted: Criteria, by: str) -> Path:
    """The path for a list that is sorted by the field ``by``."""
    # A transcode job has no such field: the filter names the job itself.
    itself = "transcode_id" in wanted.ids and collection.name == "transcode_jobs"
    if wanted.elsewhere or itself:
        return Path(None, ({},), ordered=False)
    few = _few(collection)
    for name, index in _IDS:
        if name in wanted.ids:
            whole = not (len(wanted.ids) > 1 or wanted.beginnings or wanted.narrow)
            ordered = index is RESOURCE and by == "created_at"
            path = Path(index, ({name: wanted.ids[name]},), ordered, whole)
            if ordered or count(collection, path, few + 1) <= few:
                return path
    if wanted.beginnings:
        return _by_words(collection, wanted, by, few)
    if wanted.created and by != "created_at":
        narrow = narrowed(collection, wanted)
        most = MOST_KEYS if narrow is not None and narrow.keys else few
        if narrow is not None and (rows := count(collection, narrow, most + 1)) <= most:
            return replace(narrow, rows=rows)
    return _sorted(collection, wanted, by)


def _few(collection: Collection) -> int:
    """Rows up to which it is quicker to sort all that match than to look for them in order.

    Where n of N rows match, a page of them is found among PAGE * N / n rows in order.
    """
    rows = collection.estimated_document_count()
    return max(LEAST_SORTED, min(MOST_SORTED, math.isqrt(PAGE * rows)))


def narrowed(collection: Collection, wanted: Criteria) -> Path | None:
    """The path to what status, facet and time of creation choose; None where they leave nothing
    out. Its rows are in no order."""
    whole = not wanted.beginnings and not wanted.ids and not wanted.elsewhere
    created, index = _created(wanted), BY_COLLECTION[collection.name].narrowed
    if not wanted.by_facet:
        if wanted.statuses:
            way = {"status": {"$in": list(wanted.statuses)}, **created}
            return Path(index, (way,), ordered=False, whole=whole, keys=True)
        return Path(CREATED, (created,), ordered=False, whole=whole) if created else None
    found = _facets(collection, wanted)
    if not found:
        return Path(index, (), ordered=False, whole=whole, keys=True)
    way = {"status": {"$in": _statuses(wanted)}, "facet": {"$in": found}, **created}
    known = None not in found
    return Path(index, (way,), ordered=False, whole=whole and known, keys=known)


def countable(collection: Collection, wanted: Criteria, path: Path | None = None) -> Path:
    """The path to few rows that hold all that match, in any order, so that they are counted.

    ``path``: what ``choose`` said for the same filter, where it was asked.
    """
    if path is not None and path.whole and path.rows is not None:
        return path
    narrow = narrowed(collection, wanted)
    if narrow is not None and narrow.whole:
        return narrow
    if path is not None and (path.whole or path.keys):
        return path
    if path is not None and path.ordered and wanted.beginnings and not wanted.ids:
        return _frequent(collection, wanted, _said(wanted.beginnings), "created_at")
    return choose(collection, wanted, "created_at")


def count(collection: Collection, path: Path, most: int = 0) -> int:
    """How many rows lie along a path; with ``most`` the counting ends there."""
    hint = {"hint": path.hint} if path.hint else {}
    counted = 0
    for way in path.apart:
        limit = {"limit": most - counted} if most else {}
        counted += collection.count_documents(dict(way), **hint, **limit)
        if most and counted >= most:
            break
    return int(counted)


def _by_words(collection: Collection, wanted: Criteria, by: str, few: int) -> Path:
    """The path to what a search finds: by the rarest of what it asks for, or in order."""
    beginnings = _said(wanted.beginnings)
    return _rare(collection, wanted, beginnings, few) or _frequent(
        collection, wanted, beginnings, by
    )


def _rare(
    collection: Collection, wanted: Criteria, beginnings: Sequence[str], few: int
) -> Path | None:
    """The path along few rows or keys with all that a search finds; None where all are many."""
    complete = not _without_pairs(collection)
    # Long words are rare words: a few tell enough.
    longest = sorted(beginnings, key=len, reverse=True)[:LOOKED_UP]
    alone = len(beginnings) == 1
    words = [_word(collection, wanted, _begins(one), alone=alone) for one in longest]
    best: _Counted | None = None
    if complete and not alone:
        for first, second in combinations(sorted(longest, key=first_of_pair), 2):
            pair = _pair(collection, wanted, first, second, alone=len(beginnings) == 2)
            best = _shorter(collection, best, pair, few)
    else:
        for word in words:
            best = _shorter(collection, best, word, few, most=few)
    if best is not None and best.rows <= few:
        return best.path
    narrow = narrowed(collection, wanted)
    if narrow is not None:
        with_words = _with_words(narrow, wanted, beginnings) if complete else narrow
        best = _shorter(collection, best, with_words, few)
    if best is None:
        for word in words:
            best = _shorter(collection, best, word, few)
    return best.path if best is not None else None


@dataclass(frozen=True)
class _Counted:
    """A path, how many rows or keys are looked at for it, and what that costs, in keys."""

    path: Path
    rows: int
    cost: int


def _shorter(
    collection: Collection,
    best: _Counted | None,
    path: Path | None,
    few: int,
    most: int | None = None,
) -> _Counted | None:
    """The better of the best so far and another path; None where neither is short."""
    if path is None:
        return best
    # Where a path leads to other rows too, each is read.
    each = 1 if path.whole else KEYS_A_ROW
    most = most or (MOST_KEYS if path.keys else few)
    if best is not None:
        most = min(most, best.cost // each)
    if path.looked_at is None:
        rows = count(collection, path, most + 1)
        path = replace(path, rows=rows)
    else:
        rows = count(collection, replace(path, ways=path.looked_at), most + 1)
    return _Counted(path, rows, rows * each) if rows <= most else best


def _said(beginnings: Sequence[str]) -> list[str]:
    """Those that say something: what another one begins with holds wherever that one does."""
    return [
        one
        for one in beginnings
        if not any(other != one and other.startswith(one) for other in beginnings)
    ]


def _begins(text: str) -> dict[str, str]:
    return {"$regex": f"^{re.escape(text)}"}


def _without_pairs(collection: Collection) -> bool:
    """Whether there are rows of earlier versions, of which pairs and line are not known."""
    hint = [(name, 1) for name in BY_COLLECTION[collection.name].pairs]
    return collection.find_one({"term_pairs": None}, {"_id": 1}, hint=hint) is not None


def _word(
    collection: Collection, wanted: Criteria, terms: Mapping[str, Any], *, alone: bool
) -> Path:
    """The path to the rows with a word, within what else the index knows."""
    way, known = _within(collection, wanted)
    whole = known and alone and not wanted.ids and not wanted.statuses
    looked_at = ({"terms": terms, **_created(wanted)},) if wanted.by_facet else None
    index, ways = BY_COLLECTION[collection.name].terms, ({"terms": terms, **way},)
    return Path(index, ways, ordered=False, whole=whole, keys=True, looked_at=looked_at)


def _pair(
    collection: Collection, wanted: Criteria, first: str, second: str, *, alone: bool
) -> Path | None:
    """The path to the rows with two words; None where the first may be very many words."""
    similar = list(_similar(collection, first))
    if len(similar) > SIMILAR_WORDS:
        return None
    within, known = _within(collection, wanted)
    index = BY_COLLECTION[collection.name].pairs
    found = [f"{word} {second}" for word in similar]
    hint = [(name, 1) for name in index]
    # In rows with many words, one of the two may be none of those that are paired.
    unpaired = [
        beginning
        for beginning in (UNPAIRED + first, UNPAIRED + second)
        if collection.find_one({"term_pairs": _begins(beginning)}, {"_id": 1}, hint=hint)
    ]
    begins = [{"term_pairs": _begins(one)} for one in [*found, *unpaired]]
    ways = tuple({**one, **within} for one in begins)
    looked_at = tuple({**one, **_created(wanted)} for one in begins) if wanted.by_facet else None
    whole = known and alone and not unpaired and not wanted.ids and not wanted.statuses
    return Path(index, ways, ordered=False, whole=whole, keys=True, looked_at=looked_at)


def _within(collection: Collection, wanted: Criteria) -> tuple[dict[str, Any], bool]:
    """What indexes of words know besides: time of creation and facet; and whether that is all
    there is to know of these."""
    way = _created(wanted)
    if not wanted.by_facet:
        return way, True
    found = _facets(collection, wanted)
    known = None not in found
    return {**way, "facet": {"$in": list(found)}} if known else way, known


def _with_words(narrow: Path, wanted: Criteria, beginnings: Sequence[str]) -> Path:
    """The same path, to the rows with these words alone, as far as keys tell."""
    if not narrow.keys:
        return narrow
    lines = [{"terms_line": {"$regex": f" {re.escape(word)}"}} for word in beginnings]
    ways = tuple({**way, "$and": lines} for way in narrow.ways)
    return replace(narrow, ways=ways, whole=not wanted.ids, looked_at=narrow.ways)


def _frequent(collection: Collection, wanted: Criteria, beginnings: Sequence[str], by: str) -> Path:
    """The path where `_rare` found none: in order, then few are skipped."""
    word = max(beginnings, key=len)
    similar = list(_similar(collection, word))
    narrow = wanted.ids or wanted.statuses or wanted.by_facet
    if len(similar) <= SIMILAR_WORDS:
        way = {"terms": {"$in": similar}, **_created(wanted)}
        index = BY_COLLECTION[collection.name].of_word[by]
        whole = len(beginnings) == 1 and not narrow
        return Path(index, (way,), ordered=True, whole=whole, least=MOST_KEYS + 1 if whole else 0)
    if word[0].isdigit() and len(word) > 1:
        # Numbers run with time: those with one beginning may all be at the far end.
        number = _word(collection, wanted, _begins(word), alone=len(beginnings) == 1)
        if count(collection, number, MOST_KEYS_UNORDERED + 1) <= MOST_KEYS_UNORDERED:
            return number
    return _sorted(collection, wanted, by)


def _similar(collection: Collection, beginning: str) -> Iterator[str]:
    """The words that begin so, one more than SIMILAR_WORDS at most."""
    low: dict[str, Any] = {"$gte": beginning}
    for _ in range(SIMILAR_WORDS + 1):
        asked = {"terms": {"$elemMatch": {**low, "$lt": beginning + "\U0010ffff"}}}
        hint = [(name, 1) for name in BY_COLLECTION[collection.name].terms]
        # Keys in place of rows: the index says which of a row's words it was.
        keys = list(collection.find(asked, hint=hint, return_key=True).limit(1))
        if not keys:
            return
        yield keys[0]["terms"]
        low = {"$gt": keys[0]["terms"]}


def _sorted(collection: Collection, wanted: Criteria, by: str) -> Path:
    """The path along an index that is sorted by ``by``."""
    created = _created(wanted)
    if by == "finished_at" and created:
        narrow = narrowed(collection, wanted)
        rest = dict(narrow.ways[0]) if narrow is not None and narrow.ways else {}
        days = facets.days(_each(collection, BY_DAY), wanted.created)
        ways = [{"day": {"$in": some}, **created, **rest} for some in batches(days, STRETCHES)]
        return Path(BY_DAY, tuple(ways), ordered=True)
    if not wanted.by_facet and not wanted.statuses:
        index = BY_COLLECTION[collection.name].plain[by]
        return Path(index, (created,), ordered=True)
    statuses = _statuses(wanted)
    index = BY_COLLECTION[collection.name].of_facet[by]
    found = _facets(collection, wanted)
    ways = [
        {"status": {"$in": statuses}, "facet": {"$in": some}, **created}
        for some in batches(found, STRETCHES // len(statuses))
    ]
    return Path(index, tuple(ways), ordered=True)


def _created(wanted: Criteria) -> dict[str, Any]:
    return {"created_at": dict(wanted.created)} if wanted.created else {}


def _statuses(wanted: Criteria) -> list[str]:
    return list(wanted.statuses) or [status.value for status in Status]


def _facets(collection: Collection, wanted: Criteria) -> Sequence[Any]:
    """The facets that there are, and match."""
    return facets.matching(_each(collection, BY_FACET), wanted.fields, wanted.label)


def _each(collection: Collection, index: Index) -> list[Any]:
    """The values that an index begins with: MongoDB skips from one to the next."""
    pipeline = [{"$group": {"_id": f"${index[0]}"}}]
    return [row["_id"] for row in collection.aggregate(pipeline, hint=dict.fromkeys(index, 1))]
