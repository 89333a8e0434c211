"""The indexes that documents declare."""

from tasks import models


def ensure() -> None:
    """Makes every missing index; one that is there costs a round trip. Raises PyMongoError."""
    for document in models.DOCUMENTS:
        document.ensure_indexes()
