"""The drift page: both sides of what disagrees, the rule, the fix, the button, the last repairs."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.infra.storage import get_storage
from tasks.jobs.advance import advance
from tasks.models import Step
from tasks.queue import messages
from tasks.recovery import bucket_look, orphans
from tasks.recovery.survey import reading
from tests.servers import Servers
from tests.tasks.rows import a_job, a_media
from tests.webapp.pages.reading import Page
from tests.webapp.people import csrf_token
from webapp.pages.drift_context import count_markup

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: in these tests nobody else moves them."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


def lose_messages(servers: Servers, count: int) -> list[Step]:
    for _ in range(count):
        advance(a_job().job_id)
    servers.redis_client.flushall()
    return list(Step.objects)


def test_nothing_to_see_is_said(app: Flask, as_person: AsPerson) -> None:
    bucket_look.look()
    text = Page(as_person("viewer").get("/drift").text).text
    assert "Nothing to see here. Rows and queue agree, and nothing lies in the bucket" in text
    assert "No reconciler has reported" in text
    assert "None in the last two weeks." in text


def test_what_disagrees_is_shown_side_by_side(
    app: Flask, clean: Servers, as_person: AsPerson
) -> None:
    (step,) = lose_messages(clean, 1)
    page = Page(as_person("viewer").get("/drift").text)
    assert (
        f"Row Waiting, message {step.message_id[:8]} Queue That message is not there" in page.text
    )
    assert "It waits for a message that is not in the queue. A new message is sent." in page.text
    assert "1 disagreement" in page.text
    # Who may not fix sees no button.
    assert page.posts == []
    assert page.all("a", href=f"/jobs/{step.transcode_id}")


def test_a_button_fixes_one_and_says_what_was_done(
    app: Flask, clean: Servers, as_person: AsPerson
) -> None:
    lose_messages(clean, 2)
    editor = as_person("editor")
    page = Page(editor.get("/drift").text)
    assert "Fix all 2" in page.text
    one = next(path for path in page.posts if path.startswith("/drift/fix/"))
    headers = {"X-CSRFToken": csrf_token(app), "HX-Request": "true"}
    answer = Page(editor.post(one, headers=headers).text)
    assert [part["hx-target"] for part in answer.all("hx-partial")] == ["#drift", "#toasts"]
    assert "A new message was sent." in answer.text
    assert "by editor@example.com" in answer.text
    assert "1 disagreement" in answer.text
    assert len(messages.held_ids()) == 1
    again = Page(editor.post(one, headers=headers).text)
    assert "nothing to do any more" in again.text
    last = Page(editor.post("/drift/fix-all", headers=headers).text)
    assert "Nothing to see here." in last.text
    assert len(messages.held_ids()) == 2


def test_an_admin_removes_all_that_lies_unused_after_reading_how_much(
    app: Flask, clean: Servers, as_person: AsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        get_storage().put_bytes(a_media().source_key, b"a film")
    get_storage().put_bytes("sources/00000000-0000-4000-8000-00000000dead/film.mp4", b"a film")
    monkeypatch.setattr(orphans, "YOUNG_SECONDS", 0.0)
    bucket_look.look()
    editor = as_person("editor")
    assert "/drift/remove-unused" not in Page(editor.get("/drift").text).posts
    admin = as_person("admin")
    html = admin.get("/drift").text
    assert "Remove 1 source; 6 B, which belong to nothing, from the bucket for good?" in html
    headers = {"X-CSRFToken": csrf_token(app), "HX-Request": "true"}
    assert editor.post("/drift/remove-unused", headers=headers).status_code == 403
    answer = Page(admin.post("/drift/remove-unused", headers=headers).text)
    assert "1 file removed." in answer.text
    assert len(get_storage().list("sources/")) == 10


def test_the_navigation_counts_what_is_known() -> None:
    assert "12,431" in count_markup(12431)
    assert 'class="none"' in count_markup(0)
    assert count_markup(None) == '<span id="drift-count"></span>'
