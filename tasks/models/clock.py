"""The time of this machine, as rows keep it."""

from datetime import UTC, datetime


def now() -> datetime:
    """UTC, with the milliseconds that MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
