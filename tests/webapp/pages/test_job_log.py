"""The log on the job page: what is said, how much of it, and that it is there live."""

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from tasks.records import job_log
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from webapp.pages.jobs import job_log_view
from webapp.pages.panels import Renderer, View

Client = Callable[[str], FlaskClient]


def test_the_job_page_shows_the_log(app: Flask, as_person: Client) -> None:
    job = rows.job("failed")
    job_log.note(job.job_id, "split", "Ladder: 720p; 3 chunks.")
    job_log.note(job.job_id, "chunk 2", "<i>No.</i>", level="error", detail="[x264] <broken>")
    markup = as_person("viewer").get(f"/jobs/{job.job_id}").text
    page = Page(markup)
    assert "Ladder: 720p; 3 chunks." in page.text
    assert "Error: <i>No.</i>" in page.text
    assert "[x264] <broken>" in page.text
    assert "<i>No.</i>" not in markup
    assert "Log 2 lines" in page.text

    view = View.parse(f"page=job&id={job.job_id}", can_edit=False)
    live = Renderer(app.jinja_env, 1).render(view).parts["#job-log"]
    assert "Ladder: 720p; 3 chunks." in live


def test_of_a_long_log_the_latest_lines_are_shown(app: Flask) -> None:
    for number in range(job_log_view.SHOWN + 2):
        job_log.note("j", "job", f"line {number}.")
    context = job_log_view.context("j")
    assert context["log_more"]
    assert [line.message for line, _ in context["log_lines"]][:1] == ["line 2."]
    assert len(context["log_lines"]) == job_log_view.SHOWN
