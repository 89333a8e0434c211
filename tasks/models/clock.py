"""Times as rows keep them."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time of this machine in UTC, with the milliseconds that MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def aware(moment: datetime) -> datetime:
    """The moment in UTC, with its zone; one without a zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
