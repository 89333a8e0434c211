"""Filters of job lists, for pages, API and bulk operations alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tasks.listing import facets
from tasks.listing.planner import Criteria
from tasks.listing.search_terms import words
from tasks.models import Status, TranscodeJob, UploadJob
from tasks.models.clock import aware

Model = type[TranscodeJob] | type[UploadJob]

#: A text that is looked for among ids, too: shorter ones would find ids that nobody meant.
_ID = re.compile(r"[0-9a-f]{8}[0-9a-z_.-]*")


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

    def wanted(self) -> Criteria:
        """The same for ``tasks.listing.planner``."""
        said = {name: getattr(self, name) for name in facets.FIELDS}
        ids = {name: getattr(self, name) for name in ("resource_id", "media_id", "transcode_id")}
        bounds = {"$gte": self.since, "$lt": self.until}
        text = self._text
        return Criteria(
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
        return aware(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def after_everything(chosen: JobFilter, until: datetime) -> JobFilter:
    """The filter, without what is made from ``until`` on."""
    return replace(chosen, until=min(chosen.until, until) if chosen.until else until)
