"""Passes of the reconciler over a hundred thousand jobs that wait.

Where rows and queue agree, a pass reads and judges everything and repairs nothing: that is what it
does every few seconds, and a million finished rows besides must not slow it down. Then Redis is
emptied, and every worker dies: a pass repairs everything, and a few of the same repairs done one
by one say what it saves. The same rows serve all of it. Each pass runs in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.options import CannotMeasure, Options
from bench.reconciler_rows import fill_finished, fill_waiting, lose_messages, lose_workers
from bench.report import Result
from tests.servers import Servers, isolate_environment
from webapp.cli.commands.checkout import ROOT

JOBS, QUICK_JOBS = 100_000, 5_000
FINISHED, QUICK_FINISHED = 1_000_000, 20_000
GOAL_SECONDS, GOAL_MB = 5, 200
RECOVERY_SECONDS = 30
#: Repairs that are done one by one, to say what all would take so.
ONE_BY_ONE = 200

_BEGIN = """
import collections, json, resource, time
from tasks.infra.database import connect
from tasks.migrations import indexes
connect()
indexes.ensure()
"""
_END = """
said["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""
_PREPARE = f"""{_BEGIN}
said = {{"seconds": [], "made": {{}}, "left": 0}}
{_END}"""
_PASSES = f"""{_BEGIN}
from tasks.recovery.reconciler import reconcile
seconds, made, left = [], collections.Counter(), 0
for _ in range(PASSES):
    started = time.monotonic()
    result = reconcile()
    seconds.append(time.monotonic() - started)
    made.update(rule_id for _, rule_id in result.made)
    left += len(result.left)
said = {{"seconds": seconds, "made": made, "left": left}}
{_END}"""
_ONE_BY_ONE = f"""{_BEGIN}
from itertools import islice
from tasks.recovery import repairs
from tasks.recovery.survey import scan
findings = scan().findings
begun, made = time.monotonic(), collections.Counter()
for finding in islice(findings, MOST):
    [done] = repairs.repair([finding])
    entry = (finding.rule, finding.kind, finding.ref, finding.transcode_id, done)
    repairs.record([repairs.Made(*entry)], "bench")
    made[finding.rule.id] += 1
said = {{"seconds": [time.monotonic() - begun], "made": made, "left": 0}}
{_END}"""


@dataclass(frozen=True)
class Said:
    """What a process told: seconds of each pass, repairs by rule, and its peak memory in MB."""

    seconds: list[float]
    made: dict[str, int]
    mb: float


def measure(options: Options) -> list[Result]:
    """Time and memory of passes with and without repairs. Raises CannotMeasure."""
    jobs = QUICK_JOBS if options.quick else JOBS
    finished = QUICK_FINISHED if options.quick else FINISHED
    folder = options.folder / "reconciler"
    folder.mkdir()
    isolate_environment()
    servers = Servers(folder)
    try:
        servers.start()
        # Indexes first: afterwards they would have to be made of all the rows.
        _run(servers, _PREPARE)
        fill_waiting(servers, jobs)
        what = f"{jobs:,} jobs that wait and {jobs:,} messages"
        results = _agreeing(servers, what)
        fill_finished(servers, finished)
        results += _agreeing(servers, f"{what}, {finished:,} finished rows besides")
        for name, rule_id, lose in (
            ("lost messages", "message-lost", lose_messages),
            ("expired leases", "worker-lost", lose_workers),
        ):
            results += _recovery(servers, f"{jobs:,} {name}", jobs, rule_id, lose)
        return results
    finally:
        servers.stop()


def _agreeing(servers: Servers, what: str) -> list[Result]:
    said = _run(servers, _PASSES.replace("PASSES", "2"))
    if said.made:
        raise CannotMeasure(f"the pass found drift where there is none: {said.made}")
    return [
        Result(f"reconciler pass, {what}", max(said.seconds), "s", GOAL_SECONDS),
        Result(f"reconciler's peak memory, {what}", said.mb, "MB", GOAL_MB),
    ]


def _recovery(
    servers: Servers, what: str, count: int, rule_id: str, lose: Callable[[Servers], None]
) -> list[Result]:
    lose(servers)
    slow = _run(servers, _ONE_BY_ONE.replace("MOST", str(ONE_BY_ONE)))
    said = _run(servers, _PASSES.replace("PASSES", "1"))
    if slow.made != {rule_id: ONE_BY_ONE} or said.made.get(rule_id) != count - ONE_BY_ONE:
        raise CannotMeasure(f"{count:,} repairs by {rule_id} expected, not {said.made}")
    again = _run(servers, _PASSES.replace("PASSES", "1"))
    if again.made:
        raise CannotMeasure(f"a second pass found {again.made}")
    return [
        Result(f"one by one, {what}", slow.seconds[0] * count / ONE_BY_ONE, "s"),
        Result(f"recovery, {what}", said.seconds[0], "s", RECOVERY_SECONDS),
        Result(f"recovery's peak memory, {what}", said.mb, "MB", GOAL_MB),
    ]


def _run(servers: Servers, program: str) -> Said:
    environment = {**os.environ, **servers.environment(), "DAILIES_LOG_LEVEL": "warning"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise CannotMeasure(done.stderr[-2000:])
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if said["left"]:
        raise CannotMeasure(f"the pass left drift alone: {said}")
    return Said(said["seconds"], said["made"], said["mb"])
