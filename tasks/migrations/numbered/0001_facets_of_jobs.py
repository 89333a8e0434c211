"""Jobs get the facet and the day that lists are narrowed by."""

from collections.abc import Iterator

from tasks.listing import facets
from tasks.models import TranscodeJob, UploadJob
from tasks.models.stored import collection

BATCH = 5_000
LACKING = {"facet": None}


def remaining() -> int:
    return sum(collection(one).count_documents(LACKING) for one in (TranscodeJob, UploadJob))


def run() -> Iterator[int]:
    for document in (TranscodeJob, UploadJob):
        rows = collection(document)
        while ids := [row["_id"] for row in rows.find(LACKING, {"_id": 1}).limit(BATCH)]:
            rows.update_many({"_id": {"$in": ids}}, [facets.BOTH])
            yield len(ids)
