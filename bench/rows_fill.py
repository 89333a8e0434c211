"""A million finished jobs and their uploads, as years of work leave them, written as documents."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.listing import facets, search_terms
from tasks.listing.search_terms import words
from tasks.models.batches import batches
from tests.servers import Servers

#: Rows sent to the server at a time.
BATCH = 10_000
#: Days over which the jobs are spread: the month that statistics show, so that all of them count.
DAYS = 30
#: Of a thousand jobs.
_STATUSES = {"completed": 970, "failed": 15, "cancelled": 10, "waiting": 4, "active": 1}
_TYPES = {"episode": 700, "film": 250, "season": 1, None: 49}
_LADDERS: dict[tuple[str, ...], int] = {
    ("SD",): 100,
    ("SD", "HD"): 300,
    ("SD", "HD", "FHD"): 590,
    ("SD", "HD", "FHD", "UHD"): 10,
}
_REASONS = {"bad_input": 6, "ffmpeg": 3, "storage": 1}
_FIRST = ("amber", "arctic", "broken", "crimson", "distant", "eastern", "fallen", "gentle", "jade")
_SECOND = ("harbour", "river", "castle", "forest", "signal", "winter", "garden", "mirror", "island")
#: In six of a hundred jobs, all of them among the oldest: what is frequent, and far down a list.
CLUSTERED = "zanzibar"
#: In a dozen jobs, among the oldest too.
RARE = "kestrel"
#: The resource of every two thousandth job.
RESOURCE = "resource-7"


def fill(servers: Servers, jobs: int, uploads: int) -> None:
    """Writes so many rows of both kinds into empty collections."""
    database = servers.mongo_client.get_default_database()
    chance = random.Random(1)
    rows = _transcodes(jobs, chance)
    # Spread over the whole time, though not every job is given its uploads.
    given, made = uploads / jobs, 0
    done = 0
    for batch in batches(rows, BATCH):
        database["transcode_jobs"].insert_many(batch, ordered=False)
        children: list[dict[str, Any]] = []
        for row in batch:
            done += 1
            if made + len(children) < done * given:
                children += _children(row)
        if children:
            database["upload_jobs"].insert_many(children, ordered=False)
        made += len(children)


def _transcodes(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    begin = end - timedelta(days=DAYS)
    step = (end - begin) / max(1, count)
    for number in range(count):
        created = begin + step * number
        [kind] = chance.choices([*_TYPES], [*_TYPES.values()])
        [ladder] = chance.choices([*_LADDERS], [*_LADDERS.values()])
        [status] = chance.choices([*_STATUSES], [*_STATUSES.values()])
        if number < count * 0.97 and status in ("waiting", "active"):
            status = "completed"
        show = f"{chance.choice(_FIRST)} {chance.choice(_SECOND)}"
        if number < count * 0.06:
            show = f"{CLUSTERED} {chance.choice(_SECOND)}"
        if number < 12:
            show = f"{RARE} {chance.choice(_SECOND)}"
        season, episode = chance.randrange(1, 9), chance.randrange(1, 25)
        name = f"{show} S{season:02d}E{episode:02d}".title()
        filename = f"{show.replace(' ', '_')}_{number:07d}.mov"
        yield _row(
            chance,
            job_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            name=name,
            status=status,
            created_at=created,
            media_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            filename=filename,
            resource_type=kind,
            resource_id=None if kind is None else f"resource-{number % 2000}",
            resource_name=None if kind is None else name,
            terms=words(filename, name),
            renditions=[
                {"name": label, "label": label, "width": 1, "height": 1, "size": 50_000_000}
                for label in (*ladder, "AAC")
            ],
            phase="uploading",
            duration=2_700.0,
            chunks_total=45,
            chunks_done=45,
        )


def _children(parent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    chance = random.Random(parent["job_id"])
    copied = ("status", "created_at", "media_id", "resource_type", "resource_id", "terms")
    kinds = [("hls", "video" if r["label"] != "AAC" else "audio", r["label"])
             for r in parent["renditions"]]  # fmt: skip
    for upload_type, content_type, label in [*kinds, ("master_playlist", "playlist", None)]:
        yield _row(
            chance,
            job_id=f"{parent['job_id']}.upload.{label or 'master'}",
            transcode_id=parent["job_id"],
            job_type=f"upload-{upload_type}",
            resource_name=parent["name"],
            filename=f"{label}/playlist.m3u8",
            upload_type=upload_type,
            content_type=content_type,
            label=label,
            files_total=450,
            files_done=450,
            bytes_total=50_000_000,
            bytes_done=50_000_000,
            speed=40_000_000.0,
            **{name: parent.get(name) for name in copied},
        )


def _row(chance: random.Random, **fields: Any) -> dict[str, Any]:
    """What both kinds have; one of a hundred took days, as a retried one does."""
    row = {name: value for name, value in fields.items() if value is not None}
    created, status = fields["created_at"], fields["status"]
    took = timedelta(seconds=chance.expovariate(1 / 300))
    if chance.random() < 0.01:
        took += timedelta(days=2)
    moment = created + took
    row |= {
        "facet": facets.facet(fields),
        "day": facets.day(created),
        **search_terms.fields(fields["terms"]),
        "progress": 100.0 if status == "completed" else 40.0,
        "attempt": 1,
        "lost": 0,
        "can_cancel": True,
        "updated_at": moment,
        "history": [
            {"at": created, "status": "waiting", "who": "editor@studio", "why": "Submitted."},
            {"at": created, "status": "active", "who": "machine:1234", "why": "attempt 1"},
            {"at": moment, "status": status, "who": "dailies", "why": ""},
        ],
    }
    if status != "waiting":
        row["started_at"] = created
    if status not in ("waiting", "active"):
        row["finished_at"] = moment
    if status == "failed":
        [reason] = chance.choices([*_REASONS], [*_REASONS.values()])
        row |= {"failed_reason": reason, "error_message": "It stumbled."}
    return row
