"""A row's place in an order, as text that a page's address carries."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class BadCursor(Exception):
    """The place to go on from is not one that a page gave out."""


@dataclass(frozen=True)
class Cursor:
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
    def decode(cls, text: str, *kinds: type) -> "Cursor":
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
