"""The dashboard, for programs and as a page: who, what, how much, and what failed."""

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from tasks import migrations
from tasks.infra.database import connect
from tasks.listing import job_counts
from tasks.migrations import indexes
from tasks.reports import holdings
from tests.servers import Servers
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page

Client = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def _counted_anew(clean: Servers) -> Iterator[None]:
    connect()
    indexes.ensure()
    holdings.forget()
    yield
    holdings.forget()


def test_an_installation_at_a_glance(as_program: Client, as_person: Client) -> None:
    media = rows.media(playable=True, size=5_000_000, stream_size=7_000_000)
    rows.job("completed", of=media)
    failed = rows.job("failed", age=60, name="Tides", failed_reason="encoder", error_message="No.")
    older = rows.upload("failed", age=900, of=failed, failed_reason="storage")
    as_person("editor")
    answer = as_program("admin").get("/api/admin/dashboard")
    assert answer.status_code == 200
    said = answer.get_json()
    assert said["users"] == {"total": 2, "admin": 1, "editor": 1, "viewer": 0}
    assert said["titles"] == {"total": 0, "film": 0, "season": 0, "episode": 0}
    assert said["media"] == {"total": 2, "ready": 1}
    assert said["jobs"]["transcode"] == job_counts.counts(type(failed))
    assert said["jobs"]["transcode"]["failed"] == 1
    assert said["jobs"]["upload"]["total"] == 1
    assert said["storage"] == {
        "total": 13_000_000,
        "sources": 6_000_000,
        "streams": 7_000_000,
        "work": 0,
    }
    # The later end first: its upload failed before, 14 minutes ago.
    assert [failure["jobId"] for failure in said["latestFailures"]] == [failed.job_id, older.job_id]
    assert said["latestFailures"][0] | {"at": ""} == {
        "kind": "transcode",
        "jobId": failed.job_id,
        "mediaId": failed.media_id,
        "name": "Tides",
        "reason": "encoder",
        "error": "No.",
        "at": "",
    }


def test_the_page(as_person: Client) -> None:
    rows.job("failed", name="Tides & Co", failed_reason="encoder", error_message="<b>No.</b>")
    admin = as_person("admin")
    markup = admin.get("/dashboard").text
    page = Page(markup)
    assert "Tides & Co" in page.text
    assert "The encoder failed" in page.text
    assert "<b>No.</b>" not in markup
    assert page.all("a", href="/jobs?status=failed")
    part = admin.get("/dashboard", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="dashboard"')
    assert "<html" not in part


def test_nothing_yet(as_person: Client) -> None:
    assert "Nothing has failed" in as_person("admin").get("/dashboard").text


def test_pending_migrations_are_shown_until_they_are_done(
    as_person: Client, as_program: Client
) -> None:
    first = migrations.catalogue()[0]
    admin = as_person("admin")
    assert first.name in admin.get("/dashboard").text
    migrations.run()
    assert first.name not in admin.get("/dashboard").text
    said = as_program("admin").get("/api/admin/dashboard").get_json()["migrations"]
    assert [one["name"] for one in said] == [one.name for one in migrations.catalogue()]
    assert said[0] == {
        "name": first.name,
        "sentence": first.sentence,
        "done": True,
        "running": False,
        "total": 0,
        "remaining": 0,
        "error": None,
    }
