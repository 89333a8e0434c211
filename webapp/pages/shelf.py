"""What the library shows, at the first paint and live alike."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tasks.listing.cursor import BadCursor, Cursor
from tasks.models import Media, Title
from webapp.pages.jobs.job_list import MEDIA_FIELDS, SEARCH_LENGTH
from webapp.title_names import names_of, titles_of
from webapp.urls import media_url

PAGE_SIZE = 60
_RUNG = re.compile(r"(\d+)p")
_LABELS = ((2160, "UHD"), (1440, "QHD"), (1080, "FHD"), (720, "HD"), (1, "SD"))


@dataclass(frozen=True)
class Film:
    """One poster of the shelf; ``duration`` in seconds."""

    id: str
    name: str
    kind_line: str
    poster: str | None
    label: str
    duration: float | None


def rungs(media: Media) -> list[str]:
    """The names of a media's renditions that have a picture, best first, such as ``720p``."""
    heights = [int(m[1]) for name in media.renditions or {} if (m := _RUNG.fullmatch(name))]
    return [f"{height}p" for height in sorted(heights, reverse=True)]


def best_label(media: Media) -> str:
    """The word for a media's best rendition, such as ``FHD``; empty where it has no picture."""
    names_best_first = rungs(media)
    best = int(names_best_first[0][:-1]) if names_best_first else 0
    return next((word for least, word in _LABELS if best >= least), "")


def context(search: str, before: str | None, *, can_edit: bool) -> dict[str, Any]:
    """The films of a search, newest first; ``before`` is the place to go on from."""
    search = search.strip()[:SEARCH_LENGTH]
    conditions: list[dict[str, Any]] = [{"master_key": {"$gt": ""}}]
    if search:
        conditions.append(named(search))
    place = place_of(before)
    if place is not None:
        tie = {"published_at": place.value, "media_id": {"$lt": place.job_id}}
        conditions.append({"$or": [{"published_at": {"$lt": place.value}}, tie]})
    found = list(
        Media.objects(__raw__={"$and": conditions})
        .only(*MEDIA_FIELDS)
        .order_by("-published_at", "-media_id")
        .limit(PAGE_SIZE + 1)
    )
    media = found[:PAGE_SIZE]
    titles = titles_of(media)
    older = None
    if len(found) > PAGE_SIZE and media[-1].published_at:
        last = Cursor(media[-1].published_at, media[-1].media_id).encode()
        kept = {"q": search, "before": last} if search else {"before": last}
        older = f"/library?{urlencode(kept)}"
    return {
        "films": [_film(row, titles) for row in media],
        "search": search,
        "before": before if place is not None else "",
        "older": older,
        "can_edit": can_edit,
    }


def named(search: str) -> dict[str, Any]:
    """The condition for media whose name, file or title has the text in it."""
    pattern = {"$regex": re.escape(search), "$options": "i"}
    of_title = {"$or": [{"name": pattern}, {"series": pattern}]}
    ids = [t.title_id for t in Title.objects(__raw__=of_title).only("title_id").limit(1000)]
    return {"$or": [{"name": pattern}, {"filename": pattern}, {"title_id": {"$in": ids}}]}


def place_of(before: str | None) -> Cursor | None:
    """The place to go on from; None without one, and for what is none."""
    try:
        return Cursor.decode(before, datetime) if before else None
    except BadCursor:
        return None


def live_query(shown: dict[str, Any]) -> str:
    """By which the live panels find the same films."""
    values = {"page": "library", "q": shown["search"], "before": shown["before"]}
    return urlencode({name: value for name, value in values.items() if value})


def _film(media: Media, titles: dict[str, Title]) -> Film:
    name, kind_line = names_of(media, titles)
    return Film(
        id=media.media_id,
        name=name,
        kind_line=kind_line,
        poster=media_url(media.poster_key) if media.poster_key else None,
        label=best_label(media),
        duration=media.duration,
    )
