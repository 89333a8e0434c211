"""Where a job's seconds went: for each piece of work, its wait in the queue and its work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bench.stack import Stack


def timeline(stack: Stack, media_id: str) -> str:
    """The latest job of a media as lines of text, seconds counted from its creation."""
    database = stack.servers.mongo_client.get_default_database()
    job: Any = database["transcode_jobs"].find_one(
        {"media_id": media_id}, sort=[("created_at", -1)]
    )
    if job is None:
        return ""
    rows: list[Any] = []
    for collection in ("steps", "upload_jobs"):
        rows += database[collection].find({"transcode_id": job["job_id"]}, {"result": 0})
    rows.sort(key=lambda row: row["enqueued_at"])
    lines = ["   sent  started  finished   wait   work  (seconds)"]
    for row in rows:
        sent, started, finished = _moments(row, job["created_at"])
        name = row["job_id"].removeprefix(f"{job['job_id']}.")
        lines.append(
            f"{sent:7.2f}  {started:7.2f}  {finished:8.2f}  {started - sent:5.2f}  "
            f"{finished - started:5.2f}  {name}"
        )
    end = (job["finished_at"] - job["created_at"]).total_seconds()
    lines.append(f"{'':16}  {end:8.2f}{'':16}the job")
    return "\n".join(lines)


def _moments(row: Mapping[str, Any], zero: datetime) -> tuple[float, float, float]:
    sent, started, finished = (
        (row[name] - zero).total_seconds() for name in ("enqueued_at", "started_at", "finished_at")
    )
    return sent, started, finished
