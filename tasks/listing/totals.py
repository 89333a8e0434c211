"""How many jobs match a filter."""

from dataclasses import dataclass, replace
from typing import Any

from tasks.listing import job_counts, planner
from tasks.listing.job_filter import JobFilter, Model
from tasks.listing.jobs_query import Page
from tasks.models import stored

#: Rows up to which a list's rows are counted, and how many may be read for that.
COUNTED, COUNTED_BY_READING = 20_000, 1_000


@dataclass(frozen=True)
class Total:
    """How many rows match; at least so many where it is not ``exact``."""

    number: int
    exact: bool


def count(model: Model, chosen: JobFilter) -> int:
    """How many rows match, all of them counted, which takes its time where they are many."""
    path = planner.countable(stored.collection(model), chosen.wanted())
    if path.whole:
        return planner.count(stored.collection(model), path)
    collection = stored.collection(model)
    hint: dict[str, Any] = {"hint": path.hint} if path.hint else {}
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
    collection = stored.collection(model)
    path = planner.countable(collection, wanted, page.path if page is not None else None)
    if path.whole:
        found = max(path.rows or 0, path.least)
        if path.rows is None and found <= COUNTED:
            found = planner.count(collection, path, COUNTED + 1)
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
        options: dict[str, Any] = {"hint": dict(path.hint)} if path.hint else {}
        matched += sum(row["n"] for row in collection.aggregate(pipeline, **options))
        seen += planner.count(collection, replace(path, ways=(way,)), left)
        if seen > COUNTED_BY_READING:
            break
    return Total(matched, seen <= COUNTED_BY_READING)
