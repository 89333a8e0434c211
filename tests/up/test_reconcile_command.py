"""`dailies reconcile`: what it shows, what it does, and what it says where a server is missing."""

import json
import uuid

import pytest

from tasks.infra.database import connect
from tasks.infra.storage import get_storage
from tasks.jobs.advance import advance
from tasks.migrations import indexes
from tasks.models import Step
from tasks.queue import messages
from tests.servers import Servers
from tests.tasks.rows import a_job
from tests.up.running import dailies


@pytest.fixture
def lost(clean: Servers) -> Step:
    """A step whose message was lost a minute ago."""
    connect()
    indexes.ensure()
    get_storage().ensure_bucket()
    job = a_job()
    advance(job.job_id)
    clean.redis_client.flushall()
    minute_ago = {"$set": {"updated_at": {"$subtract": ["$$NOW", 60_000]}}}
    Step._get_collection().update_many({}, [minute_ago])
    step: Step = Step.objects.get()
    return step


def test_a_dry_run_shows_and_changes_nothing(clean: Servers, lost: Step) -> None:
    done = dailies("reconcile", "--dry-run", **clean.environment())
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if lost.job_id in line)
    assert "That message is not there" in row
    assert "message-lost" in row
    assert "A new message is sent." in row
    assert "1 in all. Nothing was changed." in done.stdout
    as_json = json.loads(dailies("reconcile", "--dry-run", "--json", **clean.environment()).stdout)
    assert [(entry["job_id"], entry["rule"]) for entry in as_json] == [
        (lost.job_id, "message-lost")
    ]
    assert messages.held_ids() == {}


def test_one_pass_repairs_and_the_next_finds_nothing(clean: Servers, lost: Step) -> None:
    done = dailies("reconcile", **clean.environment())
    assert done.returncode == 0, done.stderr
    assert "It waits for a message that is not in the queue." in done.stdout
    assert list(messages.held_ids().values()) == [lost.job_id]
    again = dailies("reconcile", "--dry-run", **clean.environment())
    assert again.stdout == "Nothing to see: rows, queue and bucket agree.\n"


def test_a_missing_server_is_one_line(clean: Servers) -> None:
    nowhere = {**clean.environment(), "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = dailies("reconcile", "--dry-run", **nowhere)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: REDIS_URL: the queue does not answer")
    unset = dailies("reconcile", DAILIES_DATA=f"/tmp/{uuid.uuid4()}")
    assert unset.returncode == 1
    assert "MONGO_URL is not set" in unset.stderr
