"""Jobs get pairs of their search terms, by which two frequent words are found together."""

from collections.abc import Iterator

from pymongo import UpdateOne

from tasks.listing import search_terms
from tasks.models import TranscodeJob, UploadJob
from tasks.models.stored import collection

BATCH = 5_000
LACKING = {"term_pairs": None}


def remaining() -> int:
    return sum(collection(one).count_documents(LACKING) for one in (TranscodeJob, UploadJob))


def run() -> Iterator[int]:
    for document in (TranscodeJob, UploadJob):
        rows = collection(document)
        while found := list(rows.find(LACKING, {"terms": 1}).limit(BATCH)):
            rows.bulk_write(
                [
                    UpdateOne(
                        {"_id": row["_id"]},
                        {"$set": search_terms.fields(row.get("terms") or ())},
                    )
                    for row in found
                ],
                ordered=False,
            )
            yield len(found)
