"""The rows of transcode jobs' steps and uploads, which go with their jobs."""

from collections import Counter
from collections.abc import Collection

from tasks.models import Step, UploadJob, stored


def remove_parts(job_ids: Collection[str]) -> Counter[str]:
    """Removes the rows of all parts of jobs; how many each had."""
    of_jobs = {"transcode_id": {"$in": list(job_ids)}}
    each = {"$group": {"_id": "$transcode_id", "rows": {"$sum": 1}}}
    counts: Counter[str] = Counter()
    for model in (Step, UploadJob):
        collection = stored.collection(model)
        for count in collection.aggregate([{"$match": of_jobs}, each]):
            counts[count["_id"]] += count["rows"]
        collection.delete_many(of_jobs)
    return counts
