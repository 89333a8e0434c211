"""`docs/events.md` against the code, and the code against the table that both share."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import Category, WorkError
from tasks.feed import events
from tasks.feed.announce import announce, announce_progress
from tasks.feed.event_fields import FIELDS, KINDS, EventKind
from tasks.infra import database
from tasks.jobs import lifecycle
from tasks.jobs.transition import FINISH_EVENTS
from tasks.models import Phase, Status, Step, StepKind, TranscodeJob, UploadJob
from tests.servers import Servers
from tests.tasks import rows
from webapp.live import (
    feed,
    feed_query,
    feed_sender,
    feed_socket,
    feed_watch,
    socket_hub,
    socket_limit,
)
from webapp.live.panels_socket import MESSAGE_BYTES

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "events.md").read_text()


def table(first_column: str, where: str) -> dict[str, list[str]]:
    """Rows of the table below a heading whose first column has that title, by first cell."""
    section = DOCS.split(f"\n## {where}\n")[1].split("\n## ")[0]
    found: dict[str, list[str]] = {}
    inside = False
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_column:
            inside = True
        elif inside and not set(line) <= set("|-"):
            found[cells[0].strip("`")] = cells[1:]
    assert found
    return found


def words(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", cell))


def test_every_event_and_its_fields_are_told() -> None:
    told = {name: (words(c[1]), words(c[2])) for name, c in table("event", "Events").items()}
    assert told == FIELDS


def test_every_field_and_what_it_may_say_is_told() -> None:
    told = table("field", "Events")
    assert set(told) == {field for always, known in FIELDS.values() for field in always | known}
    assert words(told["kind"][0]) == set(EventKind)
    assert words(told["status"][0]) == set(Status)
    assert words(told["failedReason"][0]) == set(Category)
    assert words(told["phase"][0]) == set(Phase)


def test_parameters_codes_and_numbers_are_told() -> None:
    assert tuple(table("parameter", "What to ask for")) == (
        "kind",
        "jobId",
        "mediaId",
        "clientId",
        "after",
    )
    assert set(table("parameter", "What to ask for")) == set(feed_query._KNOWN)
    assert set(table("event", "Messages")) == {"hello", "heartbeat", "gap"}
    codes = {
        socket_hub.GOING_AWAY,
        1009,
        feed_sender._FAULT.code,
        feed_socket.BAD_QUERY,
        feed_watch.SIGNED_OUT.code,
        feed_socket.OTHER_SITE,
        feed.TOO_SLOW,
        socket_limit.TOO_MANY,
    }
    assert {int(code) for code in table("code", "How it ends")} == codes
    for sentence in (
        f"more than {feed.BACKLOG:,} events or {feed.BACKLOG_BYTES // 2**20} MiB",
        f"{feed.STALL_SECONDS:g} seconds passed in one send",
        f"noticed within {feed_watch.CHECK_SECONDS:g} seconds",
        f"every {feed_sender.HEARTBEAT_SECONDS:g} seconds",
        f"About {events.KEPT:,} events are kept",
        f"more than {MESSAGE_BYTES:,} bytes",
        f"At most {feed_query.MOST_VALUES} values",
    ):
        assert sentence in DOCS, sentence


def told_in_code() -> Iterator[tuple[str, str, set[str]]]:
    """``(where, event, keywords)`` of each call that tells the feed of something."""
    for path in [*ROOT.glob("tasks/**/*.py"), *ROOT.glob("webapp/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            place = {"events.publish": 0, "announce": 1, "announce_many": 2, "hub.tell": 0}
            number = place.get(called.removeprefix("self._"))
            given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            if called == "move" and "event" in given:
                # A transition says which event tells of it; the fields are those of the unit.
                named, said = given["event"], set()
            elif number is not None and len(node.args) > number:
                named, said = node.args[number], set(given)
            else:
                continue
            for part in ast.walk(named):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield f"{path.name}:{node.lineno}", part.value, said


def test_nothing_is_told_that_the_table_does_not_name() -> None:
    seen = set()
    for where, event, said in told_in_code():
        assert event in FIELDS, f"{where}: {event}"
        always, known = FIELDS[event]
        assert said <= always | known, f"{where}: {said - always - known}"
        seen.add(event)
    assert {"JobCompleted", "JobFailed", "JobCancelled"} <= set(FINISH_EVENTS.values())
    assert seen | set(FINISH_EVENTS.values()) == set(FIELDS)


def work(unit_cls: type[Step] | type[UploadJob], job_id: str) -> Step | UploadJob:
    """Claims a waiting unit."""
    lifecycle.enqueue(unit_cls, job_id)
    waiting = lifecycle.find(unit_cls, job_id)
    claimed = lifecycle.claim(unit_cls, job_id, waiting.message_id, "w")
    assert claimed is not None
    return claimed


def test_a_job_s_life_is_told_as_the_table_says(clean: Servers) -> None:
    database.connect()
    job = rows.a_job(client_id="c")
    step, upload = rows.a_step(job, StepKind.SPLIT), rows.an_upload(job)
    lifecycle.activate(job.job_id)
    lifecycle.complete(work(Step, step.job_id))
    updated = lifecycle.update_job(job.job_id, {"progress": 40.0, "speed": 2.0})
    assert updated is not None
    announce(updated, "transcodeProgress", speed=updated.speed, phase=updated.phase)
    claimed = work(UploadJob, upload.job_id)
    progress = {
        **{"progress": 50.0, "files_done": 1, "files_total": 2, "speed": 8.0},
        **{"bytes_done": 3, "bytes_total": 9, "current_file": "a.m4s"},
    }
    assert lifecycle.renew(claimed, progress)
    announce_progress(claimed, progress)
    lifecycle.fail(claimed, WorkError("Refused.", category=Category.storage))
    lifecycle.fail_jobs({job.job_id: WorkError("An upload failed.", category=Category.storage)})
    lifecycle.retry(TranscodeJob, job.job_id, "ada")
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    lifecycle.remove(TranscodeJob, [job.to_mongo()])
    events.publish("mediaChanged", mediaId="m")
    events.publish("streamPublished", mediaId="m", streamId="s")
    events.publish("mediaDeleted", mediaId="m")
    told = {"mediaId": "m", "streamId": "s", "until": 6.0, "duration": 60.0, "complete": False}
    events.publish("streamPlayable", **told)
    events.publish("workersChanged", worker="w", live=True)
    events.publish("jobRepaired", jobId="j", reason="It was lost.")

    seen: dict[str, set[str]] = {}
    for event in events.tail("0-0"):
        always, known = FIELDS[event.name]
        fields = set(event.data)
        assert always <= fields, (event.name, always - fields)
        assert fields <= always | known, (event.name, fields - always - known)
        assert event.data["kind"] == KINDS.get(event.name, event.data["kind"])
        assert event.data["kind"] in list(EventKind)
        seen.setdefault(event.name, set()).update(fields)
    # statsChanged is in no stream, and test_feed.py has it; modules have tests of their own.
    assert set(seen) == set(FIELDS) - {"statsChanged", "analysisProgress"}
    assert seen["uploadProgress"] >= FIELDS["uploadProgress"][1] - {
        *("clientId", "failedReason", "errorMessage")
    }
    assert seen["transcodeProgress"] >= {"speed", "phase", "clientId", "mediaId", "transcodeId"}
    assert seen["JobFailed"] >= {"reason", "failedReason", "errorMessage"}
