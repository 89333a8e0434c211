"""Query parameters of the feed's address."""

import re
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict

from tasks.feed.event_fields import EventKind
from tasks.feed.events import Event

#: Values of one filter, and characters of one value.
MOST_VALUES = 100
VALUE_LENGTH = 200

_ID = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
_KNOWN = ("after", "clientId", "jobId", "kind", "mediaId")


class BadQuery(ValueError):
    """The query cannot be meant so; the message says why, in less than 120 bytes."""


@dataclass(frozen=True)
class FeedQuery:
    """A filter: what is named must match, of several values one; sockets with equal ones share.

    A transcode job's id stands for its steps and uploads too.
    """

    client_ids: frozenset[str] = field(default_factory=frozenset)
    job_ids: frozenset[str] = field(default_factory=frozenset)
    media_ids: frozenset[str] = field(default_factory=frozenset)
    kinds: frozenset[str] = field(default_factory=frozenset)

    def passes(self, event: Event) -> bool:
        """Whether an event is wanted."""
        data = event.data
        if self.kinds and data.get("kind") not in self.kinds:
            return False
        if self.media_ids and data.get("mediaId") not in self.media_ids:
            return False
        if self.client_ids and data.get("clientId") not in self.client_ids:
            return False
        return (
            not self.job_ids
            or data.get("jobId") in self.job_ids
            or data.get("transcodeId") in self.job_ids
        )


def parse(args: "MultiDict[str, str]") -> tuple[FeedQuery, str | None]:
    """The filter, and the id to go on after. Raises BadQuery."""
    for name in args:
        if name not in _KNOWN:
            raise BadQuery(f"unknown parameter {_short(name)}; known: {', '.join(_KNOWN)}")
    kinds = _values(args, "kind")
    for kind in kinds:
        if kind not in list(EventKind):
            raise BadQuery(f"unknown kind {_short(kind)}; known: {', '.join(EventKind)}")
    wanted = FeedQuery(
        client_ids=_values(args, "clientId"),
        job_ids=_values(args, "jobId"),
        media_ids=_values(args, "mediaId"),
        kinds=kinds,
    )
    return wanted, _after(args.getlist("after"))


def _short(word: str) -> str:
    # A reason is 123 bytes at most.
    return ascii(word[:20])[:22]


def _values(args: "MultiDict[str, str]", name: str) -> frozenset[str]:
    values = frozenset(args.getlist(name))
    if len(values) > MOST_VALUES:
        raise BadQuery(f"{name} has more than {MOST_VALUES} values")
    for value in values:
        if not 1 <= len(value) <= VALUE_LENGTH:
            raise BadQuery(f"a {name} has 1 to {VALUE_LENGTH} characters")
    return values


def _after(values: list[str]) -> str | None:
    if not values:
        return None
    if len(values) > 1:
        raise BadQuery("after may be given once")
    if not _ID.fullmatch(values[0]) or any(int(part) >= 1 << 64 for part in values[0].split("-")):
        raise BadQuery("after is no event id: 1700000000000-0 is what one looks like")
    milliseconds, _, number = values[0].partition("-")
    return f"{int(milliseconds)}-{int(number or 0)}"
