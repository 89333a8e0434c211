"""Rows of the version before are served, and get the shape of this one: once, by one process."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mongoengine
import pytest
from bson import json_util

from bench.rows_fill import fill
from tasks import migrations, streams
from tasks.listing import facets
from tasks.listing.job_filter import JobFilter, from_query
from tasks.listing.jobs_query import SortOrder, find
from tasks.listing.totals import count
from tasks.migrations import Migration, MigrationFailed, catalogue, indexes
from tasks.models import DOCUMENTS, Media, MigrationRecord, Stream, TranscodeJob, UploadJob
from tasks.models.stored import collection
from tests.servers import Servers
from tests.up.running import ROOT, dailies, eventually

#: What version 0.1.0 left behind; ``scripts.dump_rows`` wrote it.
DUMP = Path(__file__).with_name("rows_of_0_1_0.jsonl")
NAMES = [migration.name for migration in catalogue()]
JOBS = (TranscodeJob, UploadJob)


@pytest.fixture
def dumped(database: Servers) -> Iterator[Servers]:
    """The database as version 0.1.0 left it: its rows, and its indexes alone."""
    for document in DOCUMENTS:
        document.drop_collection()
    for line in DUMP.read_text(encoding="utf-8").splitlines():
        said: dict[str, Any] = json_util.loads(line)
        rows = mongoengine.get_db()[said.pop("in")]
        if "row" in said:
            rows.insert_one(said["row"])
        else:
            rows.create_index([tuple(key) for key in said.pop("index")], **said)
    yield database
    for document in DOCUMENTS:
        document.drop_collection()
    indexes.ensure()


def assert_served() -> None:
    """Lists, searches and counts find the rows of the dump, whatever shape they have."""
    for order in SortOrder:
        assert len(find(TranscodeJob, JobFilter(), order=order).rows) == 3
        assert len(find(UploadJob, JobFilter(upload_type="hls"), order=order).rows) == 4
        [failed] = find(TranscodeJob, from_query({"status": "failed"}), order=order).rows
        assert failed.failed_reason == "bad_input"
        assert len(find(TranscodeJob, JobFilter(search="bigb mp4"), order=order).rows) == 2
        assert find(TranscodeJob, JobFilter(label="UHD"), order=order).rows == []
    assert count(UploadJob, JobFilter(upload_type="master_playlist")) == 1


def test_rows_of_the_version_before_are_served_before_and_after(dumped: Servers) -> None:
    indexes.ensure()
    assert_served()
    assert not any(one.done for one in migrations.standing())
    told: list[str] = []
    assert migrations.run(lambda one, what: told.append(f"{one.name} {what}")) == NAMES
    assert told == [f"{name} is done" for name in NAMES]
    assert_served()
    for document in JOBS:
        for row in collection(document).find():
            assert row["facet"] == facets.facet(row)
            assert row["day"] == facets.day(row["created_at"])
            assert row["term_pairs"]
        assert "status_1_created_at_-1_job_id_-1" not in collection(document).index_information()
    # The stream of a completed job is where it was, and has a row.
    [stream] = Stream.objects
    media = Media.objects(live_stream=stream.stream_id).get()
    assert (stream.state, stream.folder, stream.media_id) == ("live", "", media.media_id)
    assert streams.playlist_keys(stream) == media.renditions
    assert TranscodeJob.objects(stream_id=stream.stream_id).get().job_id == stream.job_id
    [_, pairs, _] = migrations.standing()[:3]
    assert (pairs.done, pairs.total, pairs.remaining) == (True, 8, 0)
    assert migrations.run() == []


def test_the_command_and_the_doctor_say_what_is_pending(dumped: Servers) -> None:
    place = {"MONGO_URL": dumped.mongo.url}
    listed = dailies("migrate", "--dry-run", **place).stdout
    assert f"{NAMES[0]}: pending. {catalogue()[0].sentence}" in listed
    assert f"{NAMES[0]}: pending" in dailies("doctor", **place).stdout
    done = dailies("migrate", **place)
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{one} is done." for one in NAMES])
    assert dailies("migrate", **place).stdout == "No migration is pending.\n"
    assert re.search(rf"ok +Migrations +all {len(NAMES)} done", dailies("doctor", **place).stdout)


def migrating(servers: Servers, program: str) -> subprocess.Popen[str]:
    """A process of its own that runs ``program`` connected to the database."""
    begin = "from tasks import migrations\nfrom tasks.infra.database import connect\nconnect()\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_of_two_processes_one_runs_each_migration(dumped: Servers) -> None:
    both = [migrating(dumped, "print(*migrations.run())") for _ in range(2)]
    ran = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(ran[0] + ran[1]) == NAMES


SLOW = """
import importlib
importlib.import_module("tasks.migrations.numbered.0001_facets_of_jobs").BATCH = 1
migrations.run(lease_seconds=2)
"""


def test_what_a_killed_process_began_another_finishes(database: Servers) -> None:
    fill(database, 4_000, 0)
    rows = collection(TranscodeJob)
    rows.update_many({}, {"$unset": {"facet": 1, "day": 1}})
    killed = migrating(database, SLOW)
    try:
        assert eventually(lambda: migrations.standing()[0].remaining not in (0, 4_000), 60)
    finally:
        killed.kill()
        killed.wait()
    half = migrations.standing()[0]
    assert (half.done, half.running) == (False, True)
    assert re.fullmatch(r"running, [\d,]+ of 4,000 rows", half.said)
    assert migrations.run() == NAMES
    whole = migrations.standing()[0]
    assert (whole.done, whole.total, whole.remaining) == (True, 4_000, 0)
    assert rows.count_documents({"facet": None}) == 0


def test_a_migration_that_fails_is_told_and_can_be_run_again(database: Servers) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("a row is odd")

    name = NAMES[0]
    with pytest.raises(MigrationFailed, match="ValueError: a row is odd"):
        migrations.run(which=[Migration(name, "Breaks.", lambda: 2, broken)])
    said = migrations.standing()[0]
    assert said.said == f"{name} failed: ValueError: a row is odd"
    assert (said.done, said.total, said.remaining) == (False, 2, 1)
    assert migrations.run() == NAMES
    assert migrations.standing()[0].said == "done"


def test_who_lost_the_lease_stops_and_leaves_it_to_the_next(database: Servers) -> None:
    changed = 0

    def slow() -> Iterator[int]:
        nonlocal changed
        for _ in range(3):
            changed += 1
            MigrationRecord.objects(name=NAMES[0]).update(
                set__lease__token="another's", set__finished_at="2026-11-28"
            )
            yield 1

    assert migrations.run(which=[Migration(NAMES[0], "Slow.", lambda: 3, slow)]) == []
    assert changed == 1


def test_migrations_are_numbered_without_a_gap_and_say_what_they_do() -> None:
    for number, migration in enumerate(catalogue(), start=1):
        assert re.fullmatch(rf"{number:04}_[a-z0-9_]+", migration.name)
        assert migration.sentence.endswith(".")
