"""A lease is kept for as long as the work goes on, whatever the work reports."""

import pytest

from tasks.jobs import lifecycle
from tasks.models import Step
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, claimed


def test_a_report_that_cannot_be_written_ends_no_heartbeat(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.actors import heartbeat  # a broker needs its URL

    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    step = claimed(a_step(a_job()))
    with heartbeat.Heartbeat(step) as beat:
        beat.report(speed=object())
        until(lambda: not beat._fields, "the report taken", 20)
        beat.report(frames_done=7)
        until(lambda: lifecycle.find(Step, step.job_id).frames_done == 7, "the next beat", 20)
