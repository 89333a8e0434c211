"""A worker's way through a real clip: what it makes, what it skips, and what outlives it."""

import sys
from pathlib import Path

import pytest
import webvtt
from dramatiq.errors import Retry

from tasks.analysis import make, stages
from tasks.analysis.stages import MILESTONES
from tasks.analysis.values import Transcript
from tasks.errors import BadInput, Stopped
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import Media, Status, Subtitle, TrainingModule
from tasks.queue.broker import ANALYSE, held_messages
from tasks.recovery.survey import scan
from tasks.settings import get_settings
from tests.analysis.clips import SCENE, a_module, attempt, claimed, media_of, performed, worked
from tests.servers import Servers
from tests.subtitles.films import put_in
from tests.tasks.rows import taken_back


def states(module: TrainingModule) -> dict[str, str]:
    return {row["id"]: row["state"] for row in module.stages}


def test_a_spoken_clip_becomes_a_module(database: Servers, clip: Path) -> None:
    pytest.importorskip("pocketsphinx")
    module = worked(a_module(clip))

    assert module.status == Status.completed
    assert states(module) == {stage.id: "done" for stage in stages.STAGES}
    reached = [(entry["progress"], entry["name"]) for entry in module.milestones]
    assert reached == [(each.progress, each.name) for each in MILESTONES]
    assert module.title == "How to be amiable"
    assert [(s["start"], s["end"]) for s in module.steps] == [(0, 5), (5, 10), (10, 15)]
    assert module.rough
    assert "PocketSphinx" in module.speech

    transcript = Transcript.model_validate_json(get_storage().get_bytes(module.transcript_key))
    assert [word.text for word in transcript.words][:4] == ["he", "might", "even", "have"]
    assert all(0 <= word.start < word.end < SCENE for word in transcript.words)
    assert "he might even have been" in module.steps[0]["summary"].lower()

    subtitle = Subtitle.objects(media_id=module.media_id).get()
    assert subtitle.given_label == "Captions (rough)"
    text = get_storage().get_bytes(subtitle.source_key).decode()
    assert webvtt.from_string(text).captions[0].text.startswith("he might even have")

    for step in module.steps:
        assert get_storage().get_bytes(step["picture_key"]).startswith(b"\xff\xd8")


def test_a_silent_clip_has_steps_of_its_scenes(database: Servers, silent_clip: Path) -> None:
    module = worked(a_module(silent_clip))
    assert states(module) == {
        **{stage.id: "done" for stage in stages.STAGES},
        "speech": "skipped",
        "captions": "skipped",
    }
    notes = {row["id"]: row.get("note") for row in module.stages}
    assert notes["speech"] == "The video has no sound."
    assert [step["title"] for step in module.steps] == ["Step 1", "Step 2", "Step 3"]
    assert Subtitle.objects(media_id=module.media_id).first() is None


def test_who_has_nothing_to_listen_with_is_told_what_to_install(
    database: Servers, clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    monkeypatch.setenv("DAILIES_WHISPER_MODEL", str(tmp_path))
    get_settings.cache_clear()
    try:
        module = worked(a_module(clip))
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    notes = {row["id"]: (row["state"], row.get("note")) for row in module.stages}
    assert notes["speech"] == (
        "skipped",
        "DAILIES_WHISPER_MODEL is set, but the extra “whisper” is not installed.",
    )
    assert len(module.steps) == 3


def test_what_an_attempt_found_out_is_not_found_out_again(
    database: Servers, silent_clip: Path
) -> None:
    module = a_module(silent_clip)
    transcript = Transcript(engine="an earlier attempt")
    key = f"sources/{module.media_id}/modules/{module.job_id}/earlier/transcript.json"
    get_storage().put_bytes(key, transcript.model_dump_json().encode())
    TrainingModule.objects(job_id=module.job_id).update(
        transcript_key=key, cuts=[6.0], cuts_known=True
    )
    module = worked(module)
    assert [step["start"] for step in module.steps] == [0, 6]
    assert states(module)["speech"] == "done"


def test_a_cancelled_module_is_not_written_any_more(database: Servers, silent_clip: Path) -> None:
    module = a_module(silent_clip)
    unit = claimed(module)
    make.act(Action.cancel, module.job_id, "bob")
    with pytest.raises(Stopped):
        attempt(unit)
    row = lifecycle.find(TrainingModule, module.job_id)
    assert row.status == Status.cancelled
    assert row.milestones == []

    make.act(Action.retry, module.job_id, "bob")
    assert worked(row).status == Status.completed


def test_what_is_no_video_fails_for_good_and_says_why(database: Servers, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_bytes(b"not a film\n" * 99)
    row = performed(a_module(tmp_path / "notes.mp4"))
    assert row.status == Status.failed
    assert row.failed_reason == "bad_input"
    assert states(row)["probe"] == "failed"


def test_a_module_is_tried_again_after_trouble_of_the_machine(
    database: Servers, silent_clip: Path
) -> None:
    module = a_module(silent_clip)
    database.s3.stop()
    with pytest.raises(Retry):
        performed(module)
    database.s3.start()
    row = lifecycle.find(TrainingModule, module.job_id)
    assert (row.status, row.attempt, row.failed_reason) == (Status.waiting, 1, "storage")
    assert row.next_attempt_at is not None
    # The same message starts it again.
    row = worked(module)
    assert row.attempt == 2


def test_a_module_whose_video_was_deleted_fails(database: Servers, silent_clip: Path) -> None:
    module = a_module(silent_clip)
    Media.objects(media_id=module.media_id).delete()
    unit = claimed(module)
    with pytest.raises(BadInput):
        attempt(unit)


def test_the_reconciler_takes_a_module_from_a_lost_worker(
    database: Servers, silent_clip: Path
) -> None:
    module = a_module(silent_clip)
    unit = claimed(module)
    TrainingModule.objects(job_id=unit.job_id).update(set__lease__expires_at=unit.created_at)
    found = {finding.ref: finding for finding in scan().findings}
    assert found[module.job_id].rule.id == "worker-lost"
    assert found[module.job_id].kind == "analysis"
    taken_back(lifecycle.find(TrainingModule, module.job_id))
    assert module.job_id in {job_id for _, job_id in held_messages(ANALYSE)}
    assert worked(module).status == Status.completed


def test_a_module_is_made_once_and_deleted_with_its_files(
    database: Servers, silent_clip: Path
) -> None:
    media = put_in(silent_clip)
    made = [make.make_module(media, who="ada", module_id="m-1") for _ in range(2)]
    assert made[0].job_id == made[1].job_id
    module = worked(made[0])
    prefix = f"sources/{media.media_id}/modules/"
    assert get_storage().list(prefix)
    with pytest.raises(lifecycle.Conflict, match="only a failed or cancelled module"):
        make.act(Action.retry, module.job_id, "ada")
    make.act(Action.delete, module.job_id, "ada")
    assert get_storage().list(prefix) == {}
    assert media_of(module).source_key in get_storage().list(f"sources/{media.media_id}/")
