"""Subtitles in a real browser: chosen in the player, shown when they should be, and attached."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tasks.jobs import lifecycle
from tasks.models import Media, Subtitle, TranscodeJob
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE
from tests.servers import Servers
from tests.subtitles.films import GERMAN, SPANISH, offers
from tests.webapp.gunicorn import Gunicorn
from webapp.auth import accounts
from webapp.models import User

PASSWORD = "correct horse battery staple"
SRT = "1\n00:00:02,000 --> 00:00:03,000\n<script>document.title='owned'</script> Привет, друзья!\n"


@pytest.fixture(scope="module")
def site(_servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web server's address."""
    with Gunicorn(tmp_path_factory.mktemp("web") / "web.log") as web:
        yield web.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, site: str, stream: Media) -> Iterator[Page]:
    """The page on which the film is watched, as an editor sees it; nothing may complain there."""
    if User.objects(email="editor@example.com").first() is None:
        accounts.add_user("editor@example.com", PASSWORD, "editor")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.goto(f"{site}/sign-in")
    page.fill("#email", "editor@example.com")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#live[data-state=live]")
    page.goto(f"{site}/watch/{stream.media_id}")
    page.wait_for_selector("#live[data-state=live]")
    yield page
    context.close()
    assert complaints == []


def until(page: Page, expression: str) -> None:
    """Waits for a script expression to be true. Raises AssertionError."""
    for _ in range(PATIENCE // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def choose(page: Page, name: str) -> None:
    """Chooses a track in the player's menu, and waits for its first cues."""
    until(page, "document.querySelector('video')?.readyState >= 2")
    page.hover("media-controller")
    page.click("media-captions-menu-button")
    page.locator("media-captions-menu [role=menuitemradio]", has_text=name).first.click()
    until(
        page,
        "[...document.querySelector('video').textTracks].some("
        f"t => t.label === '{name}' && t.mode === 'showing' && t.cues?.length)",
    )


def shown_at(page: Page, seconds: float) -> list[str]:
    """The texts of the chosen track that are on screen at a time of the film."""
    page.evaluate(f"document.querySelector('video').currentTime = {seconds}")
    until(
        page,
        "!document.querySelector('video').seeking"
        " && document.querySelector('video').readyState >= 2",
    )
    # Cues follow a seek when the next picture is shown.
    page.wait_for_timeout(150)
    texts: list[str] = page.evaluate(
        "[...document.querySelector('video').textTracks]"
        ".filter(t => t.mode === 'showing' && t.kind !== 'metadata')"
        ".flatMap(t => [...t.activeCues].map(c => c.text))"
    )
    return texts


def test_the_menu_offers_every_track_by_its_own_name(page: Page) -> None:
    choose(page, "Español")
    names = page.evaluate(
        "[...document.querySelector('video').textTracks]"
        ".filter(t => t.kind === 'subtitles').map(t => [t.label, t.language])"
    )
    assert names == [["Deutsch", "de"], ["Español", "es"], ["Deutsch 2", "de"]]
    start, end, text = SPANISH[0]
    assert shown_at(page, start + 0.5) == [text]
    assert shown_at(page, end + 0.5) == []


def test_cues_are_shown_when_the_film_s_clock_says(page: Page) -> None:
    choose(page, "Deutsch")
    for start, end, text in GERMAN:
        plain = text.replace("&", "&amp;")
        for seconds, expected in [
            (start - 0.1, []),
            (start + 0.1, [plain]),
            (end - 0.1, [plain]),
            (end + 0.1, []),
        ]:
            assert shown_at(page, seconds) == expected, seconds
    times = page.evaluate(
        "[...document.querySelector('video').textTracks].find(t => t.mode === 'showing').cues"
        ".length && [...[...document.querySelector('video').textTracks]"
        ".find(t => t.mode === 'showing').cues].map(c => [c.startTime, c.endTime])"
    )
    expected_times = [pytest.approx([start, end], abs=0.1) for start, end, _ in GERMAN]
    assert times == expected_times


def test_a_person_attaches_a_subtitle_and_deletes_it(
    page: Page, stream: Media, tmp_path: Path
) -> None:
    path = tmp_path / "tides.ru.srt"
    path.write_text(SRT, encoding="utf-16")
    page.click("text=Add a file")
    page.set_input_files("#subtitle-file", str(path))
    page.select_option("#subtitle-language", "ru")
    page.click("text=Add subtitles")
    row = page.locator("#subtitle-list li", has_text="tides.ru.srt")
    expect(row).to_contain_text("In the player", timeout=PATIENCE)
    expect(row).to_contain_text("Русский")
    assert offers(stream, "Deutsch", "Español", "Deutsch 2", "Русский")

    page.reload()
    choose(page, "Русский")
    (text,) = shown_at(page, 2.5)
    assert "&lt;script&gt;" in text
    assert "Привет, друзья!" in text
    assert "owned" not in page.title()

    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#subtitle-list li", has_text="tides.ru.srt").get_by_role("button").click()
    expect(page.locator("#subtitle-list li", has_text="tides.ru.srt")).to_have_count(0)
    gone: Callable[[], bool] = lambda: offers(stream, "Deutsch", "Español", "Deutsch 2")  # noqa: E731
    for _ in range(PATIENCE // 50):
        if gone():
            break
        page.wait_for_timeout(50)
    assert gone()


def test_what_is_wrong_with_a_file_is_said_on_the_page(page: Page, tmp_path: Path) -> None:
    row = page.locator("#subtitle-list li", has_text="broken.srt")
    expect(row).to_contain_text("Failed")
    expect(row).to_contain_text("Line 2: here should be times like")


def test_subtitles_come_with_their_video_on_the_upload_page(
    page: Page, site: str, film: Path, tmp_path: Path
) -> None:
    page.goto(f"{site}/upload")
    lone = tmp_path / "other.srt"
    lone.write_text(SRT)
    page.set_input_files("#files", str(lone))
    expect(page.locator("#title-problem")).to_contain_text("together with their video")

    named = [tmp_path / name for name in ("tides.ger.srt", "tides.forced.srt", "tides.vtt")]
    for path in named:
        path.write_text(SRT)
    second = tmp_path / "waves.mkv"
    second.write_bytes(film.read_bytes())
    page.set_input_files("#files", [str(film), str(second), *map(str, named)])
    row = page.locator(".upload[data-state=done]", has_text="tides.mkv")
    expect(row).to_contain_text("with 3 subtitle files")
    other = page.locator(".upload[data-state=done]", has_text="waves.mkv")
    expect(other).not_to_contain_text("subtitle")
    media = Media.objects(filename="tides.mkv").order_by("-created_at").first()
    rows = Subtitle.objects(media_id=media.media_id, origin="attached").order_by("filename")
    assert [(row.filename, row.given_language) for row in rows] == [
        ("tides.forced.srt", None),
        ("tides.ger.srt", "de"),
        ("tides.vtt", None),
    ]
    for each in Media.objects(filename__in=["tides.mkv", "waves.mkv"], master_key=None):
        job = TranscodeJob.objects(media_id=each.media_id).first()
        if job is not None and not job.finished:
            lifecycle.cancel(TranscodeJob, job.job_id, "a test")
