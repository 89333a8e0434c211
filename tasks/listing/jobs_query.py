"""A page of jobs: in an order, by keyset paging, for pages and API alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any

from tasks.listing import planner
from tasks.listing.cursor import Cursor
from tasks.listing.job_filter import JobFilter, Model
from tasks.models import UploadJob, stored
from tasks.models.batches import batches

#: Most rows of one page.
LIMIT = 200
#: Keys that are read at least where some lie before a page, or their rows may not match.
KEYS = 200


class SortOrder(StrEnum):
    """How a list is sorted; jobs that tie are sorted by their ids."""

    newest = "newest"
    oldest = "oldest"
    finished = "finished"
    name = "name"


_SORT: dict[SortOrder, tuple[str, int]] = {
    SortOrder.newest: ("created_at", -1),
    SortOrder.oldest: ("created_at", 1),
    SortOrder.finished: ("finished_at", -1),
    SortOrder.name: ("name", 1),
}


@dataclass(frozen=True)
class Page:
    """Rows in order; ``after`` and ``before`` name the neighbouring pages where there are any.

    ``path`` is how they were found, by which ``total`` need not search anew.
    """

    rows: list[Any]
    after: str | None
    before: str | None
    path: planner.Path | None = None


def find(
    model: Model,
    chosen: JobFilter,
    *,
    order: SortOrder = SortOrder.newest,
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
    place = Cursor.decode(text, *_KINDS.get(name, (str, NoneType))) if text is not None else None
    path = planner.choose(stored.collection(model), chosen.wanted(), name)
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
    place: Cursor | None
    limit: int
    fields: tuple[str, ...]

    def rows(self, asked: Mapping[str, Any]) -> Any:
        """A query, with the fields that are asked for."""
        query = self.model.objects(__raw__=dict(asked))
        return query.only(*self.fields) if self.fields else query


def _by_rows(path: planner.Path, wanted: _Wanted) -> list[Any]:
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


def _by_keys(path: planner.Path, wanted: _Wanted) -> list[Any]:
    """The same where keys are sorted, and rows only read that are shown.

    Keys are asked for in growing numbers: some lie before the place, others' rows may not match.
    """
    if not path.ways:
        return []
    name, direction, place = wanted.name, wanted.direction, wanted.place
    asked = planner.along(path.ways, _from(name, direction, place))
    conditions = {} if path.whole else wanted.chosen.conditions(wanted.model)
    collection = stored.collection(wanted.model)
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
        for some in batches(ids, at_once):
            rows = {r.job_id: r for r in wanted.rows({"job_id": {"$in": some}, **conditions})}
            found += [rows[job_id] for job_id in some if job_id in rows]
            if len(found) >= wanted.limit:
                return found[: wanted.limit]
        if len(keys) < most:
            return found
        seen.update(ids)
        most *= 8


def _from(name: str, direction: int, place: Cursor | None) -> dict[str, Any]:
    """What lies beyond a place, and what ties with it: no ``$or``, which would cost a second
    look at all keys."""
    if place is None:
        return {}
    if direction > 0:
        # Rows without a value come first.
        return {} if place.value is None else {name: {"$gte": place.value}}
    return {name: None if place.value is None else {"$not": {"$gt": place.value}}}


def _before(key: Mapping[str, Any], name: str, direction: int, place: Cursor | None) -> bool:
    """Whether a key ties with a place, and is not beyond it."""
    if place is None or key.get(name) != place.value:
        return False
    beyond = key["job_id"] > place.job_id if direction > 0 else key["job_id"] < place.job_id
    return not beyond


def _sort_of(model: Model, order: SortOrder) -> tuple[str, int]:
    name, direction = _SORT[order]
    # An upload is called by what it belongs to.
    return ("resource_name" if model is UploadJob and name == "name" else name), direction


#: What a place of an order may be at; a name may be missing, and a job unfinished.
_KINDS: dict[str, tuple[type, ...]] = {
    "created_at": (datetime,),
    "finished_at": (datetime, NoneType),
}


def _place(row: Any, name: str) -> Cursor:
    return Cursor(getattr(row, name), row.job_id)


def _rank(row: Any, name: str) -> tuple[Any, ...]:
    value = getattr(row, name)
    # Rows without a value come first, as MongoDB has it.
    return (value is not None, value, row.job_id) if value is not None else (False, row.job_id)


def _beyond(name: str, direction: int, place: Cursor | None) -> list[dict[str, Any]]:
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
