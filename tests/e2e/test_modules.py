"""A training module as a person makes it: upload, watch it being made, play its steps, edit it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tasks.media.tools import Tools, find_tools
from tasks.models import TrainingModule
from tests.analysis.clips import a_module, training_clip, worked
from tests.e2e.conftest import Site, Tab

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


def test_upload_watch_and_learn(site: Site, tab: OpenTab, tools: Tools, tmp_path: Path) -> None:
    clip = training_clip(tools, tmp_path / "How_to_be_amiable.mp4")
    editor = tab("editor")
    page = editor.open("/modules")
    page.click("text=Upload a video")
    page.wait_for_selector("#make-module")
    editor.live()
    assert page.is_checked("#make-module")
    page.set_input_files("#files", str(clip))
    page.click("text=Watch its module")
    page.wait_for_selector("#module-progress[data-state=processing]")
    editor.live()
    # Nobody works yet; then every state that the screen shows is noted by the browser itself.
    expect(page.locator("#stage-probe")).to_contain_text("Next")
    page.evaluate(
        """() => {
          const note = () => {
            for (const stage of document.querySelectorAll('.stage')) {
              const seen = JSON.parse(sessionStorage.seen || '{}');
              const states = seen[stage.id] ??= [];
              if (states.at(-1) !== stage.dataset.state) states.push(stage.dataset.state);
              sessionStorage.seen = JSON.stringify(seen);
            }
          };
          new MutationObserver(note).observe(document.getElementById('main'),
            {subtree: true, attributes: true, childList: true});
        }"""
    )
    site.dailies.worker(pace=20, threads=2)

    # It leads to the module by itself.
    page.wait_for_selector("#module .module-step", timeout=90_000)
    seen = page.evaluate("JSON.parse(sessionStorage.seen)")
    assert "running" in seen["stage-speech"]
    assert "done" in seen["stage-scenes"]
    editor.live()
    expect(page.locator("h1")).to_have_text("How to be amiable")
    expect(page.locator(".module-step")).to_have_count(3)
    expect(page.locator(".sentence").first).to_contain_text("He might even have been")

    # A step plays its part, and no more.
    editor.eventually("document.querySelector('#module video')?.readyState >= 1")
    page.locator(".step-play").nth(1).click()
    editor.eventually("document.querySelector('.module-step:nth-child(2)').ariaCurrent === 'true'")
    editor.eventually(
        "(v => v.paused && v.currentTime >= 10 && v.currentTime < 11.5)"
        "(document.querySelector('#module video'))"
    )


def test_two_people_edit_and_nothing_is_lost(
    site: Site, tab: OpenTab, tools: Tools, tmp_path: Path
) -> None:
    module = worked(a_module(training_clip(tools, tmp_path / "clip.mp4", sound=False)))
    ada, bob = tab("editor"), tab("admin")
    path = f"/modules/{module.job_id}/edit"
    first, second = ada.open(path), bob.open(path)

    first.fill("#step-title-1", "Ada's first step")
    first.click("[aria-label='Add a step after step 1']")
    expect(first.locator("[role=status].note")).to_have_text("Not saved yet.")
    ada.live()
    expect(first.locator("#step-title-1")).to_have_value("Ada's first step")
    first.fill("#step-title-2", "Ada's new step")
    first.locator("text=Save").last.click()
    expect(first.locator(".module-step")).to_have_count(4)
    ada.live()

    second.fill("#title", "Bob's title")
    second.locator("text=Save").last.click()
    expect(second.locator("#problem")).to_contain_text("Nothing of yours was saved")
    bob.live()
    expect(second.locator("#title")).to_have_value("Bob's title")
    row = TrainingModule.objects(job_id=module.job_id).get()
    assert [step["title"] for step in row.steps][:2] == ["Ada's first step", "Ada's new step"]
    assert all("409" in complaint for complaint in bob.complaints)
    bob.complaints.clear()
