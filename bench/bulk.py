"""One action on a hundred thousand jobs: failed ones are retried, cancelled, cleaned up, deleted.

Each operation runs in a process of its own, as a worker does it. Meanwhile its page is asked for
again and again, of a web process over the same servers. Of the jobs one in a hundred has files in
the bucket. Fewer are synced, and fewer done one by one, as where a person asks for one job.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from bench.options import CannotMeasure, Options
from bench.report import Result
from tasks import keys
from tasks.control import bulk
from tasks.control.actions import act
from tasks.infra.database import connect
from tasks.infra.storage import get_storage
from tasks.jobs.allowed import Action
from tasks.listing.job_filter import JobFilter
from tasks.migrations import indexes
from tasks.models import Kind, Status, TranscodeJob
from tasks.models.batches import batches
from tasks.queue import broker
from tasks.settings import get_settings
from tests.servers import Servers, isolate_environment
from tests.webapp.gunicorn import Gunicorn
from webapp.auth import api_tokens
from webapp.cli.commands.checkout import ROOT

JOBS, QUICK_JOBS = 100_000, 2_000
#: One in so many is completed, and has to be skipped.
COMPLETED_EVERY = 10
BATCH = 2_000
#: One in so many has files in its work area, so many.
FILES_EVERY, FILES = 100, 2
#: Jobs that are synced, and cleaned up and deleted one by one to compare.
FEW, QUICK_FEW = 1_000, 100
#: Milliseconds for each job. A sync asks the bucket twice for each.
GOAL_MS_PER_JOB = dict.fromkeys(Action, 1.0) | {Action.sync: 20.0}
GOAL_MB, GOAL_PAGE_MS = 200, 100

_WORK = """
import json, resource, sys, time
from tasks.jobs import lifecycle
from tasks.actors.bulk import run_bulk
from tasks.actors.heartbeat import Heartbeat
from tasks.infra.database import connect
from tasks.models.bulk_operation import BulkOperation
connect()
row = lifecycle.find(BulkOperation, sys.argv[1])
unit = lifecycle.claim(BulkOperation, row.job_id, row.message_id, "bench:1")
started = time.monotonic()
with Heartbeat(unit) as beat:
    fields = run_bulk(unit, beat)
seconds = time.monotonic() - started
assert lifecycle.complete(unit, fields) is not None
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "mb": peak, "counts": [
    fields["done"], fields["skipped"], fields["failures"]]}))
"""


def measure(options: Options) -> list[Result]:
    """Time and memory of the operations, and how long their page takes. Raises CannotMeasure."""
    count, few = (QUICK_JOBS, QUICK_FEW) if options.quick else (JOBS, FEW)
    folder = options.folder / "bulk"
    folder.mkdir()
    isolate_environment()
    servers = Servers(folder)
    results: list[Result] = []
    before = dict(os.environ)
    try:
        servers.start()
        os.environ.update(servers.environment())
        get_settings.cache_clear()
        connect()
        indexes.ensure()
        get_storage().ensure_bucket()
        completed = _fill(servers, count)
        token = api_tokens.issue("bench", "viewer")
        with Gunicorn(folder / "web.log") as web:
            for action, outputs, done in (
                (Action.retry, False, count - completed),
                (Action.cancel, False, count - completed),
                (Action.cleanup, False, count - completed),
                (Action.delete, False, count),
            ):
                results += _operation(web, token, action, count, done, outputs)
            _fill(servers, count)
            results += _operation(web, token, Action.delete, count, count, outputs=True)
            _fill(servers, few)
            results += _operation(web, token, Action.sync, few, few, outputs=False)
        results += _one_by_one(few)
    finally:
        os.environ.clear()
        os.environ.update(before)
        get_settings.cache_clear()
        servers.stop()
    return results


def _one_by_one(count: int) -> list[Result]:
    """What jobs a second would be without batches."""
    ids = list(TranscodeJob.objects(status=Status.failed.value).scalar("job_id"))
    results = []
    for action, some in ((Action.sync, ids), (Action.cleanup, ids), (Action.delete, ids)):
        began = time.monotonic()
        for job_id in some:
            act(Kind.transcode, action, job_id, "bench")
        rate = len(some) / (time.monotonic() - began)
        results.append(Result(f"{action.value} one by one, of {count:,} jobs", rate, "jobs/s"))
    return results


def _operation(
    web: Gunicorn, token: str, action: Action, count: int, done: int, outputs: bool
) -> list[Result]:
    row = bulk.start(Kind.transcode, action, "bench", chosen=JobFilter(), outputs=outputs)
    said, waits = _done_by_a_worker(row.job_id, web, token)
    if said["counts"] != [done, count - done, 0]:
        raise CannotMeasure(f"of {count:,} jobs the outcomes are {said['counts']}")
    what = f"{action.value} {count:,} jobs{' with outputs' if outputs else ''} in bulk"
    page_ms = 1000 * sorted(waits)[int(len(waits) * 0.95)]
    return [
        Result(what, said["seconds"], "s", GOAL_MS_PER_JOB[action] * count / 1000),
        Result(f"{what}, a second", count / said["seconds"], "jobs/s"),
        Result(f"{what}, peak memory", said["mb"], "MB", GOAL_MB),
        Result(f"{what}, its page meanwhile, p95", page_ms, "ms", GOAL_PAGE_MS),
    ]


def _done_by_a_worker(
    operation_id: str, web: Gunicorn, token: str
) -> tuple[dict[str, Any], list[float]]:
    """What the process said, and the seconds that each look at the operation's page took."""
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORK, operation_id],
        env={**os.environ, "DAILIES_LOG_LEVEL": "warning"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waits = []
    while worker.poll() is None:
        began = time.monotonic()
        page = f"{web.url}/operations/{operation_id}"
        answer = requests.get(page, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        answer.raise_for_status()
        waits.append(time.monotonic() - began)
        time.sleep(0.1)
    out, errors = worker.communicate()
    if worker.returncode:
        raise CannotMeasure(errors[-2000:])
    return json.loads(out.splitlines()[-1]), waits


def _fill(servers: Servers, count: int) -> int:
    """Jobs that failed at a chunk, and some that are completed; how many of the latter."""
    database = servers.mongo_client.get_default_database()
    completed = 0
    for batch in batches(range(count), BATCH):
        jobs = [_job(number) for number in batch]
        completed += sum(job["status"] == Status.completed for job in jobs)
        for job in jobs[::FILES_EVERY]:
            for name in range(FILES):
                get_storage().put_bytes(keys.work(job["job_id"], f"{name}"), b"x")
        database["transcode_jobs"].insert_many(jobs)
        database["steps"].insert_many([step for job in jobs for step in _steps(job)])
    return completed


_LONG_AGO = datetime.now(UTC) - timedelta(minutes=10)


def _row(job_id: str, status: Status) -> dict[str, Any]:
    failed = status is Status.failed
    return {
        "job_id": job_id,
        "status": status.value,
        "attempt": 1,
        "created_at": _LONG_AGO,
        "updated_at": _LONG_AGO,
        "failed_reason": "encoder" if failed else None,
        "error_message": "ffmpeg ended with status 1." if failed else None,
        "history": [
            {"at": _LONG_AGO, "status": name, "who": "bench", "why": ""}
            for name in ("waiting", "active", status.value)
        ],
    }


def _job(number: int) -> dict[str, Any]:
    job_id = str(uuid.uuid4())
    status = Status.completed if number % COMPLETED_EVERY == 0 else Status.failed
    return _row(job_id, status) | {
        "media_id": job_id,
        "name": "Film",
        "phase": "transcoding",
        "plan": {"chunks": [{"index": 0}], "audio": {"index": 1}},
        "renditions": [{"name": "720p", "label": "HD"}],
        "terms": ["film"],
    }


def _steps(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kinds = {"split": broker.SPLIT, "chunk": broker.CHUNKS, "audio": broker.AUDIO}
    for kind, queue_name in kinds.items():
        status = Status(job["status"]) if kind == "chunk" else Status.completed
        yield _row(f"{job['job_id']}.{kind}", status) | {
            "transcode_id": job["job_id"],
            "kind": kind,
            "index": 0,
            "frames": 100,
            "queue_name": queue_name,
        }
