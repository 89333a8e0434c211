"""A job's facet, what lists are narrowed by, and its day, each as one word for indexes.

An index of its own for each mixture of filters and order would be dozens. With the facet in front,
one index for each order answers all: the few facets that match a filter are looked up, and their
stretches of the index are merged in order. In the same way the day on which a job was made serves
lists of some days that are in another order than time of creation.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

#: Fields besides labels, in the order of the facet's parts.
FIELDS = ("resource_type", "upload_type", "content_type")
#: Labels that a list may be narrowed to, in the facet's order.
LABELS = ("SD", "HD", "FHD", "UHD")
#: Whoever writes one of these writes facet and day too.
SOURCES = frozenset({*FIELDS, "label", "renditions", "created_at"})

_EVERY_LABEL = {
    "$concatArrays": [{"$ifNull": ["$renditions.label", []]}, [{"$ifNull": ["$label", ""]}]]
}
#: What the facet of a stored row is, as an expression of MongoDB.
EXPRESSION: dict[str, Any] = {
    "$concat": [
        *(part for name in FIELDS for part in ({"$ifNull": [f"${name}", ""]}, "|")),
        *({"$cond": [{"$in": [label, _EVERY_LABEL]}, f"{label},", ""]} for label in LABELS),
    ]
}

#: The stage that gives a stored row both.
BOTH: dict[str, Any] = {
    "$set": {
        "facet": EXPRESSION,
        "day": {"$dateToString": {"date": "$created_at", "format": "%Y-%m-%d"}},
    }
}


def facet(row: Mapping[str, Any]) -> str:
    """The same of a row that is about to be stored: ``episode|hls|video|HD,``."""
    labels = {row.get("label"), *(one.get("label") for one in row.get("renditions") or ())}
    parts = [*(row.get(name) or "" for name in FIELDS)]
    return "|".join([*parts, "".join(f"{label}," for label in LABELS if label in labels)])


def matching(
    facets: Iterable[str | None], wanted: Mapping[str, str], label: str | None
) -> list[Any]:
    """Those with the wanted values of fields, and the label; of None, a row that has no facet yet,
    nobody knows."""
    found: list[str | None] = []
    for one in facets:
        if one is None:
            found.append(None)
            continue
        *values, labels = one.split("|")
        fits = all(dict(zip(FIELDS, values, strict=True))[name] == wanted[name] for name in wanted)
        if fits and (not label or label in labels.split(",")):
            found.append(one)
    return found


def day(at: datetime) -> str:
    """The day (UTC) of a time: ``2026-11-21``."""
    return at.strftime("%Y-%m-%d")


def days(found: Iterable[str | None], bounds: Mapping[str, datetime]) -> list[str | None]:
    """Those within bounds, which are ``$gte`` and ``$lt`` in UTC; None stays, as above."""
    first, last = (day(bounds[sign]) if sign in bounds else "" for sign in ("$gte", "$lt"))
    return [one for one in found if one is None or (first <= one and (not last or one <= last))]
