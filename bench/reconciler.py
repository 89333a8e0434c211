"""Passes of the reconciler over a hundred thousand rows.

Where rows and queue agree, a pass reads and judges everything and repairs nothing: that is what it
does every few seconds, and a million finished rows besides must not slow it down. Where Redis was
emptied, or every worker died, a pass repairs everything, and the same repairs done one by one say
what it saves. Each pass runs in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.options import CannotMeasure, Options
from bench.reconciler_rows import fill, fill_finished
from bench.report import Result
from tests.servers import Servers, isolate_environment
from webapp.commands.checkout import ROOT

PARTS, QUICK_PARTS = 100_000, 5_000
FINISHED, QUICK_FINISHED = 1_000_000, 20_000
#: Chunks that one film has out at a time.
CHUNKS_OUT = 4
GOAL_SECONDS, GOAL_MB = 5, 200
RECOVERY_SECONDS = 30
#: Repairs that are done one by one, to say what all would take so.
ONE_BY_ONE, QUICK_ONE_BY_ONE = 1_000, 200

_BEGIN = """
import collections, json, resource, time
from tasks.database import connect, ensure_indexes
connect()
ensure_indexes()
"""
_END = """
said["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""
_PASSES = f"""{_BEGIN}
from tasks.reconciler import reconcile
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
from tasks import repairs
from tasks.survey import look
findings = look().findings
begun, made = time.monotonic(), collections.Counter()
for finding in islice(findings, MOST):
    [done] = repairs.repair([finding])
    entry = (finding.rule, finding.kind, finding.ref, finding.transcode_id, done)
    repairs.record([repairs.Made(*entry)], "bench")
    made[finding.rule.id] += 1
said = {{"seconds": [(time.monotonic() - begun) * len(findings) / MOST], "made": made, "left": 0}}
{_END}"""


@dataclass(frozen=True)
class Said:
    """What a process told: seconds of each pass, repairs by rule, and its peak memory in MB."""

    seconds: list[float]
    made: dict[str, int]
    mb: float


def measure(options: Options) -> list[Result]:
    """Time and memory of passes with and without repairs. Raises CannotMeasure."""
    folder = options.folder / "reconciler"
    folder.mkdir()
    isolate_environment()
    servers = Servers(folder)
    try:
        servers.start()
        # Indexes first: afterwards they would have to be made of all the rows.
        _run(servers, f"{_BEGIN}\nsaid = {{'seconds': [], 'made': {{}}, 'left': 0}}{_END}")
        return _recoveries(servers, options.quick) + _agreeing(servers, options.quick)
    finally:
        servers.stop()


def _agreeing(servers: Servers, quick: bool) -> list[Result]:
    count, finished = (QUICK_PARTS, QUICK_FINISHED) if quick else (PARTS, FINISHED)
    results: list[Result] = []
    for name, parts, over in (
        ("films being encoded", CHUNKS_OUT, 0),
        ("jobs that wait", 1, 0),
        (f"jobs that wait, {finished:,} finished rows besides", 1, finished),
    ):
        jobs = count // parts
        servers.clean()
        fill(servers, jobs, parts)
        fill_finished(servers, over)
        said = _run(servers, _PASSES.replace("PASSES", "3"))
        if said.made:
            raise CannotMeasure(f"the pass found drift where there is none: {said.made}")
        what = f"{count + jobs:,} rows, {count:,} messages, {name}"
        results += [
            Result(f"reconciler pass, {what}", max(said.seconds), "s", GOAL_SECONDS),
            Result(f"reconciler's peak memory, {what}", said.mb, "MB", GOAL_MB),
        ]
    return results


def _recoveries(servers: Servers, quick: bool) -> list[Result]:
    count = QUICK_PARTS if quick else PARTS
    few = QUICK_ONE_BY_ONE if quick else ONE_BY_ONE
    shapes: list[tuple[str, str, Callable[[int], None]]] = [
        (
            "lost messages of jobs that wait",
            "message-lost",
            lambda parts: fill(servers, parts, 1, sent=False),
        ),
        (
            "lost messages of films",
            "message-lost",
            lambda parts: fill(servers, parts // CHUNKS_OUT, CHUNKS_OUT, sent=False),
        ),
        (
            "expired leases of films",
            "worker-lost",
            lambda parts: fill(servers, parts // CHUNKS_OUT, CHUNKS_OUT, leased=True),
        ),
    ]
    results: list[Result] = []
    for name, rule_id, put in shapes:
        servers.clean()
        put(few)
        slow = _run(servers, _ONE_BY_ONE.replace("MOST", str(few)))
        servers.clean()
        put(count)
        said = _run(servers, _PASSES.replace("PASSES", "1"))
        if said.made != {rule_id: count}:
            raise CannotMeasure(f"{count:,} repairs by {rule_id} expected, not {said.made}")
        again = _run(servers, _PASSES.replace("PASSES", "1"))
        if again.made:
            raise CannotMeasure(f"a second pass found {again.made}")
        what = f"{count:,} {name}"
        results += [
            Result(f"one by one, {what}", slow.seconds[0] * count / few, "s"),
            Result(f"recovery, {what}", said.seconds[0], "s", RECOVERY_SECONDS),
            Result(f"recovery's peak memory, {what}", said.mb, "MB", GOAL_MB),
        ]
    return results


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
