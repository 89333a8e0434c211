"""The collection of a document, for what documents cannot say."""

from typing import Any

from mongoengine import Document
from pymongo.collection import Collection


def collection(document: type[Document]) -> Collection[dict[str, Any]]:
    """The MongoDB collection in which a document's rows are, by the current connection.

    For packages that own the state machine and the lists, and for migrations: pipelines, bulk
    writes, hints. Everything else reads and writes by the documents.
    """
    stored: Collection[dict[str, Any]] = document._get_collection()
    return stored
