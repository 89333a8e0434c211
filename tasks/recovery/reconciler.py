"""Keeps rows and queue in step: looks, repairs by the rules what can be repaired, and says so.

A pass never touches work whose lease is alive, and never judges leases before live workers had the
chance to renew theirs.
"""

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import redis
from pymongo.errors import PyMongoError

from tasks import cloudwatch, migrations
from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.infra.database import connect
from tasks.infra.lock import Lock
from tasks.jobs.advance import advance
from tasks.queue import backlog
from tasks.records import log_lines
from tasks.recovery import bucket_look, repairs, stream_files
from tasks.recovery.drift import keep_snapshot
from tasks.recovery.silence import Silence
from tasks.recovery.survey import Finding, scan
from tasks.recovery.verdict import BY_ID
from tasks.settings import get_settings

log = logging.getLogger(__name__)

LOCK = "dailies:reconciler"
#: Seconds for which a lease is watched after it ran out: two beats of a worker's heart.
SILENCE_SECONDS = 2.0
#: Repairs of one pass that are told to the feed one by one.
MOST_TOLD = 100
#: Batches of repairs that are under way together.
AT_A_TIME = 2
#: Seconds between two signs, in a long pass, that this process still holds the lock.
HOLD_SECONDS = 2.0


@dataclass
class Repairs:
    """The result of a pass: (id, rule id) of each repair; ``left``: the findings left alone."""

    made: list[tuple[str, str]] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)


def reconcile(
    *,
    only: Collection[str] | None = None,
    judge_leases: bool = True,
    silence: Silence | None = None,
    still_holds: Callable[[], bool] | None = None,
    who: str = repairs.RECONCILER,
) -> Repairs:
    """One pass over everything, or over some transcode jobs with their parts.

    ``judge_leases``: whether live workers had the chance to renew theirs; ``silence`` knows from
    earlier passes how long a lease has been out (without it, one look is enough). ``still_holds``
    is asked now and then; the pass ends where it says no. Raises redis.RedisError, PyMongoError.
    """
    if silence is not None:
        silence.begin_pass()
    silent = silence.lasts if silence is not None else None
    result = Repairs()

    def beat() -> None:
        if still_holds is not None and not still_holds():
            raise _Overtaken

    try:
        look = scan(only=only, judge_leases=judge_leases, silent=silent, beat=beat)
        findings = look.findings
        result.left = [finding for finding in findings if not finding.rule.by_itself]
        findings = [finding for finding in findings if finding.rule.by_itself]
        repaired = _repair_all(findings, who, beat, result)
        beat()
        repairs.clear_up(repaired)
        if only is None:
            _write_masters(result, who)
        advance(*look.settled)
    except _Overtaken:
        log.info("another process holds the lock now, the pass ends here")
    return result


def _write_masters(result: Repairs, who: str) -> None:
    written = stream_files.write_due_masters()
    done = "It was written again."
    repairs.record(
        [repairs.Made(one.rule, one.kind, one.ref, one.transcode_id, done) for one in written], who
    )
    result.made.extend((one.ref, one.rule_id) for one in written)


class _Overtaken(Exception):
    """Another process makes the passes now."""


#: Findings that were repaired, and those that could not be.
_Outcome = tuple[list[Finding], list[Finding]]


def _repair_all(
    findings: Sequence[Finding], who: str, beat: Callable[[], None], result: Repairs
) -> list[Finding]:
    """Repairs in batches; those that needed it."""
    repaired: list[Finding] = []
    running: deque[Future[_Outcome]] = deque()

    def take(outcome: _Outcome) -> None:
        made, left = outcome
        repaired.extend(made)
        result.made.extend((finding.ref, finding.rule.id) for finding in made)
        result.left.extend(left)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for batch in repairs.grouped(findings):
            beat()
            # While the servers are busy with one batch, the next is prepared. What is done about
            # single rows is done in its order.
            running.append(pool.submit(_repair, batch, who))
            while len(running) >= (AT_A_TIME if len(batch) > 1 else 1):
                take(running.popleft().result())
        for future in running:
            take(future.result())
    return repaired


def _repair(batch: Sequence[Finding], who: str) -> _Outcome:
    """Repairs a batch and keeps a record."""
    try:
        done = repairs.repair(batch, who)
    except (redis.RedisError, PyMongoError, StorageFailed):
        raise
    except Exception:
        # One row that cannot be healed must not end the healing of all others.
        if len(batch) > 1:
            alone = [_repair([finding], who) for finding in batch]
            return [f for made, _ in alone for f in made], [f for _, left in alone for f in left]
        log.exception("%s: %s", batch[0].ref, batch[0].rule.sentence)
        return [], list(batch)
    made = [(finding, what) for finding, what in zip(batch, done, strict=True) if what is not None]
    repairs.record(
        [
            repairs.Made(finding.rule, finding.kind, finding.ref, finding.transcode_id, what)
            for finding, what in made
        ],
        who,
    )
    return [finding for finding, _ in made], []


def heal(
    transcode_ids: Collection[str], who: str = repairs.RECONCILER
) -> dict[str, list[tuple[str, str]]]:
    """One pass over transcode jobs: of each (id, why) of its repairs, the reason without a full
    stop.

    Raises redis.RedisError, PyMongoError.
    """
    made: dict[str, list[tuple[str, str]]] = {job_id: [] for job_id in transcode_ids}
    for ref, rule_id in reconcile(only=transcode_ids, who=who).made:
        owner = ref if ref in made else ref.partition(".")[0]
        made.setdefault(owner, []).append((ref, BY_ID[rule_id].sentence.rstrip(".")))
    return made


class Loop:
    """Passes, one after the other, until told to stop."""

    def __init__(self) -> None:
        settings = get_settings()
        self.stop = threading.Event()
        self.interval = settings.reconcile_seconds
        self.lease_seconds = settings.lease_seconds
        self.lock = Lock(LOCK, max(10.0, self.interval * 3))
        self.silence = Silence(min(SILENCE_SECONDS, self.lease_seconds / 2))
        self._servers_since: float | None = None
        self._held_at = 0.0

    def run(self) -> None:
        """Returns after ``stop`` is set."""
        bucket_look.Watch(self.stop).start()
        while not self.stop.is_set():
            try:
                self._once()
            except (redis.RedisError, PyMongoError, StorageFailed) as error:
                # After an outage the leases of live workers have run out too.
                self._servers_since = None
                log.warning("pass given up, the next one in %s s: %s", self.interval, error)
            except Exception:
                log.exception("pass failed, the next one in %s s", self.interval)
            # A lease that is watched is looked at again as soon as that can say something.
            soon = self.silence.watching
            self.stop.wait(min(self.interval, self.silence.seconds) if soon else self.interval)
        try:
            self.lock.release()
        except redis.RedisError:
            log.info("lock not released, it runs out by itself")

    def _once(self) -> None:
        if self._servers_since is None:
            migrations.begin()
            self._servers_since = time.monotonic()
        if not self.lock.hold():
            return
        self._held_at = time.monotonic()
        patient = self._held_at - self._servers_since < self.lease_seconds
        result = reconcile(
            judge_leases=not patient, silence=self.silence, still_holds=self._still_holds
        )
        for job_id, rule_id in result.made[:MOST_TOLD]:
            events.publish("jobRepaired", jobId=job_id, reason=BY_ID[rule_id].sentence)
        backlog.note_now_and_then()
        keep_snapshot(result.left, seconds=max(60.0, 3 * self.interval))

    def _still_holds(self) -> bool:
        if self.stop.is_set():
            return False
        if time.monotonic() - self._held_at < HOLD_SECONDS:
            return True
        self._held_at = time.monotonic()
        return self.lock.hold()


def main() -> None:
    """The reconciler process; ends at SIGTERM or SIGINT."""
    log_lines.begin(get_settings().log_level)
    connect()
    loop = Loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop.set())
    cloudwatch.start()
    log.info("reconciler runs")
    loop.run()
