"""The jobs page: what it lists, for whom, and how it is narrowed and paged."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tasks.control import pausing
from tasks.control.titles import NewTitle, create_title
from tasks.queue import broker
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from webapp.pages.jobs.job_list import PAGE_SIZE

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture
def viewer(as_person: AsPerson) -> FlaskClient:
    return as_person("viewer")


def read(client: FlaskClient, path: str = "/jobs", **headers: str) -> Page:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return Page(response.text)


def test_who_is_not_signed_in_is_asked_to(client: FlaskClient) -> None:
    response = client.get("/jobs?status=failed", headers={"Accept": "text/html"})
    assert response.status_code == 303
    assert response.location.endswith("/sign-in?next=/jobs?status%3Dfailed")


def test_start_page_leads_to_jobs(client: FlaskClient) -> None:
    assert client.get("/").location == "/jobs"


def test_jobs_are_listed_newest_first_and_counted(viewer: FlaskClient) -> None:
    old = rows.job("completed", age=100)
    new = rows.job("active", age=1)
    middle = rows.job("failed", age=50)

    page = read(viewer)

    assert page.jobs == [new.job_id, middle.job_id, old.job_id]
    assert re.search(
        r"Total 3 .*Waiting 0 .*Active 1 .*Completed 1 .*Failed 1 .*Cancelled 0", page.text
    )
    assert page.all("nav", id="stats")[0]["data-active"] == "1"


@pytest.mark.parametrize(
    ("status", "fields", "says"),
    [
        ("waiting", {}, "Next in line"),
        (
            "active",
            {
                "phase": "transcoding",
                "phases": {"splitting": 100, "transcoding": 40},
                "chunks_total": 34,
                "chunks_done": 21,
                "speed": 1.8,
                "eta_seconds": 240,
            },
            "Transcoding · 21 of 34 chunks · 1.8\N{MULTIPLICATION SIGN} real time 4 min left",
        ),
        (
            "active",
            {"phase": "uploading", "detail": "720p · 2 of 9 files"},
            "Uploading 720p · 2 of 9 files",
        ),
        ("failed", {"error_message": "It is a text file.", "attempt": 3}, "It is a text file."),
        ("cancelled", {"error_message": "Cancelled by ada."}, "Cancelled by ada."),
        (
            "completed",
            {
                "duration": 596.0,
                "renditions": [
                    {"name": "720p", "height": 720, "size": 1_000_000_000},
                    {"name": "audio", "size": 200_000_000},
                ],
            },
            "720p · 1.2 GB · 9:56 long",
        ),
        ("completed", {}, "took 3 min 12 s"),
    ],
)
def test_a_row_says_what_is_happening(
    viewer: FlaskClient, status: str, fields: dict[str, Any], says: str
) -> None:
    rows.job(status, **fields)
    page = read(viewer)
    assert says in page.text
    assert page.all("i", class_=status)
    assert status.capitalize() in page.text


def test_the_bar_has_a_segment_a_phase(viewer: FlaskClient) -> None:
    rows.job("failed", phases={"splitting": 100, "transcoding": 37.5}, error_message="No.")
    bar = [(s["class"], s["value"]) for s in read(viewer).all("progress", class_="phase")]
    assert bar == [
        ("phase splitting active", "100.0"),
        ("phase transcoding failed", "37.5"),
        ("phase merging failed", "0.0"),
        ("phase uploading failed", "0.0"),
    ]


def test_a_poster_and_a_play_link_appear_when_there_is_something_to_play(
    viewer: FlaskClient,
) -> None:
    playable = rows.media(playable=True)
    rows.job("completed", of=playable)
    page = read(viewer)
    assert page.all("img")[0]["src"] == f"/media/{playable.poster_key}"
    assert page.all("a", href=f"/watch/{playable.media_id}")


def test_only_editors_get_buttons_for_what_the_state_allows(as_person: AsPerson) -> None:
    running, broken = rows.job("active", age=1), rows.job("failed", age=2)
    done = rows.job("completed", age=3)

    page = read(as_person("editor"))
    both = [p for p in page.posts if running.job_id in p or broken.job_id in p]
    assert both == [
        *(f"/jobs/transcode/{running.job_id}/{verb}" for verb in ("cancel", "sync")),
        *(f"/jobs/transcode/{broken.job_id}/{verb}" for verb in ("retry", "cleanup")),
        *(f"/jobs/transcode/{broken.job_id}/{verb}" for verb in ("sync", "delete")),
    ]
    assert "This job is active: only a failed or cancelled job is retried." in page.text
    assert "This job is completed: only a failed or cancelled job is cleaned up." in page.text
    assert page.all("a", href="/upload")

    page = read(as_person("viewer"))
    assert page.jobs == [running.job_id, broken.job_id, done.job_id]
    assert page.posts == []
    assert not page.all("a", href="/upload")
    assert not [
        b
        for b in page.all("button")
        if "data-opens" not in b
        and "submit" not in b["type"]
        and b.get("id") not in ("held", "filter-button")
    ]


def test_a_job_that_cannot_be_cancelled_says_so(as_person: AsPerson) -> None:
    job = rows.job("active", can_cancel=False)
    page = read(as_person("editor"))
    assert not [post for post in page.posts if post.endswith(f"{job.job_id}/cancel")]
    assert "This job cannot be cancelled at this point." in page.text


def test_filter_by_status_keeps_the_search_in_every_card(viewer: FlaskClient) -> None:
    rows.job("completed", name="Fog")
    broken = rows.job("failed", name="Fog")
    rows.job("failed", name="Rain")

    page = read(viewer, "/jobs?status=failed&q=fog")

    assert page.jobs == [broken.job_id]
    cards = page.all("a", class_="stat")
    assert [c["href"] for c in cards if "aria-current" in c] == ["/jobs?status=failed&q=fog"]
    assert cards[0]["href"] == "/jobs?q=fog"
    assert page.all("input", id="search")[0]["value"] == "fog"
    assert page.all("option", value="failed", selected="")


def test_search_finds_by_name_file_and_id_and_takes_no_pattern(viewer: FlaskClient) -> None:
    wanted = rows.job(name="The Crossing", filename="S01E03.mov")
    rows.job(name="Other", filename="other.mp4")
    for words in ("crossing", "s01e03", wanted.job_id[:13], wanted.media_id):
        assert read(viewer, f"/jobs?q={words}").jobs == [wanted.job_id], words
    assert read(viewer, "/jobs?q=.*").jobs == []


@pytest.mark.parametrize(
    "query",
    [
        "?status=odd",
        "?after=x",
        "?before=9.",
        "?after=W3sibXMiOjFlOTl9LCJhIl0",
        "?q=",
        "?kind=odd&span=1y&sort=random&size=1000000&label=8K&type=series&uploadType=none",
        "?from=yesterday&to=",
    ],
)
def test_an_odd_query_string_is_no_filter(viewer: FlaskClient, query: str) -> None:
    only = rows.job()
    page = read(viewer, "/jobs" + query)
    assert page.jobs == [only.job_id]


def test_empty_page_says_what_to_do(as_person: AsPerson) -> None:
    editor = read(as_person("editor"))
    assert "No jobs yet." in editor.text
    assert editor.all("a", class_="drop-link")
    assert not read(as_person("viewer")).all("a", class_="drop-link")


def test_a_filter_that_matches_nothing_is_said_in_words(viewer: FlaskClient) -> None:
    rows.job("completed")
    page = read(viewer, "/jobs?status=failed&q=fog")
    assert "No failed jobs match “fog”." in page.text
    assert page.all("a", href="/jobs", class_="btn")
    assert (
        "No failed jobs (HD, 7 days)." in read(viewer, "/jobs?status=failed&label=HD&span=7d").text
    )


def test_paging_goes_through_all_rows_and_back(viewer: FlaskClient) -> None:
    # Some share a creation time, as jobs of one upload of many files do.
    jobs = [rows.job(age=n // 3, name=f"Job {n}") for n in range(2 * PAGE_SIZE + 5)]
    expected = [
        job.job_id
        for job in sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True)
    ]

    def links(page: Page) -> dict[str, str]:
        found = [a["href"] for a in page.all("a", class_="btn") if "?" in a["href"]]
        return {("older" if "after=" in href else "newer"): href for href in found}

    seen, path = [], "/jobs"
    while path:
        page = read(viewer, path)
        seen.append(page.jobs)
        path = links(page).get("older", "")
    assert [job_id for ids in seen for job_id in ids] == expected
    assert [len(ids) for ids in seen] == [PAGE_SIZE, PAGE_SIZE, 5]

    back = read(viewer, links(page)["newer"])
    assert back.jobs == seen[1]
    first = read(viewer, links(back)["newer"])
    assert first.jobs == seen[0]
    assert "newer" not in links(first)


def test_hostile_names_are_text(viewer: FlaskClient) -> None:
    name = "<script>alert(1)</script>'\"><img src=x onerror=alert(2)>"
    hostile = rows.job("failed", name=name, filename=name, error_message=name)
    page = read(viewer)
    assert page.jobs == [hostile.job_id]
    assert not [s for s in page.all("script") if not s.get("src")]
    assert not page.all("img", src="x")
    assert name in page.text
    assert page.all("a", title=name)


def test_htmx_gets_only_the_parts_that_a_filter_changes(viewer: FlaskClient) -> None:
    job = rows.job("failed")
    response = viewer.get("/jobs?status=failed", headers={"HX-Request": "true"})
    page = Page(response.text)
    assert "<html" not in response.text
    assert [p["hx-target"] for p in page.all("hx-partial")] == [
        "#kinds",
        "#stats",
        "#filter-status",
        "#narrowed",
        "#job-list",
    ]
    assert page.jobs == [job.job_id]
    assert "no-store" in response.headers["Cache-Control"]


def test_no_page_needs_anything_inline(as_person: AsPerson) -> None:
    job = rows.job("active", phases={"splitting": 50})
    rows.job("completed", of=rows.media(playable=True))
    editor = as_person("editor")
    for path in ("/jobs", "/jobs?kind=upload", f"/jobs/{job.job_id}", "/library", "/upload"):
        page = read(editor, path)
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")], (path, tag)
            assert "style" not in attributes, (path, tag)
        assert all(script.get("src") for script in page.all("script")), path
        assert not page.all("style"), path


def test_a_job_is_called_by_its_title(viewer: FlaskClient) -> None:
    season = create_title(
        NewTitle(kind="season", name="Season 1", series="Harbour Lights", number=1)
    )
    episode = create_title(
        NewTitle(kind="episode", name="Low Tide", parent_id=season.title_id, number=4)
    )
    film = create_title(NewTitle(kind="film", name="Fog"))
    for title in (episode, film):
        source = rows.media(title_id=title.title_id)
        rows.job(of=source, resource_id=title.title_id, resource_type=title.kind)
    text = read(viewer).text
    assert "S1 E04 · Low Tide Episode · Harbour Lights" in text
    assert "Fog Film · film.mp4" in text


def test_a_paused_queue_is_told_above_the_list(viewer: FlaskClient) -> None:
    rows.job("waiting")
    assert "Paused:" not in read(viewer).text
    pausing.pause(broker.CHUNKS, "ada@example.com")
    assert f"Paused: {broker.CHUNKS}. Nothing new of it starts." in read(viewer).text
