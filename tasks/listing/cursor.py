"""A row's place in an order, as text that a page's address carries."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

#: Characters of the longest cursor, that of a name of 255 characters.
LENGTH = 1600

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_ROW_ID = re.compile(r"[!-~]{1,200}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Milliseconds since 1970 of the years 1 to 9999.
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999


class BadCursor(Exception):
    """The place to go on from is not one that a page gave out."""


@dataclass(frozen=True)
class Cursor:
    """A row's place in an order: what a page goes on after.

    ``value`` is what the rows are ordered by: a time, a text or None.
    """

    value: Any
    job_id: str

    def encode(self) -> str:
        """As text for a URL."""
        value = self.value
        if isinstance(value, datetime):
            value = {"ms": (value - _EPOCH) // timedelta(milliseconds=1)}
        packed = json.dumps([value, self.job_id], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *kinds: type) -> "Cursor":
        """Reads what ``encode`` wrote of a value of one of these kinds. Raises BadCursor.

        Nothing else is accepted: the same cursor, encoded again, is the same text.
        """
        try:
            found = cls._read(text, kinds)
            same = found.encode() == text
        except (ValueError, TypeError, RecursionError):
            raise bad(text) from None
        if not same:
            raise bad(text)
        return found

    @classmethod
    def _read(cls, text: str, kinds: tuple[type, ...]) -> "Cursor":
        if len(text) > LENGTH or not _ALPHABET.fullmatch(text):
            raise ValueError(text[:60])
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        value, row_id = json.loads(packed)
        if isinstance(value, dict):
            value = _moment(**value)
        if isinstance(value, str) and "\0" in value:
            raise ValueError(value)
        if not isinstance(value, kinds) or not _ROW_ID.fullmatch(row_id):
            raise ValueError(value)
        return cls(value, row_id)

    @property
    def object_id(self) -> ObjectId:
        """The row's id, where it is one that MongoDB made. Raises BadCursor."""
        if not ObjectId.is_valid(self.job_id):
            raise bad(self.encode())
        return ObjectId(self.job_id)


def bad(text: str) -> BadCursor:
    """The refusal of a text that is no cursor."""
    return BadCursor(f"{text[:60]!r} is not a place that a page of this list named.")


def _moment(ms: Any) -> datetime:
    if type(ms) is not int or not _EARLIEST_MS <= ms <= _LATEST_MS:
        raise ValueError("no time in milliseconds")
    return _EPOCH + timedelta(milliseconds=ms)
