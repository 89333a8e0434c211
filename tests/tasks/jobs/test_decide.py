"""What is due for a job, for every stretch of its way."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tasks.errors import BadInput
from tasks.jobs.decide import (
    Activate,
    CancelPart,
    CancelParts,
    CompleteJob,
    CreateEncodes,
    CreateMaster,
    CreateStep,
    CreateSubtitleUploads,
    CreateUploads,
    Enqueue,
    EnterPhase,
    FailJob,
    JobState,
    RefreshMaster,
    RemoveSubtitle,
    Retry,
    SayWhy,
    StepState,
    UploadState,
    decide,
)
from tasks.models import Phase, Status, StepKind

WAITING, ACTIVE, COMPLETED = Status.waiting, Status.active, Status.completed
FAILED, CANCELLED = Status.failed, Status.cancelled


def step(
    kind: StepKind, status: Status = COMPLETED, index: int = 0, message: str | None = None
) -> StepState:
    error = BadInput("Not a film.") if status is FAILED else None
    return StepState(f"{kind.value}.{index}", kind, index, status, message, error)


def upload(name: str, status: Status = COMPLETED, message: str | None = None) -> UploadState:
    return UploadState(name, None if name == "master" else name, status, message)


def subtitle(name: str, status: Status = COMPLETED, message: str | None = None) -> UploadState:
    return UploadState(name, None, status, message, subtitle=name)


SPLIT, AUDIO, MERGE = step(StepKind.SPLIT), step(StepKind.AUDIO), step(StepKind.MERGE)


def chunks(*statuses: Status, messages: bool = False) -> list[StepState]:
    return [
        step(StepKind.CHUNK, status, index, "m" if messages else None)
        for index, status in enumerate(statuses)
    ]


def job(
    phase: Phase, steps: list[StepState], uploads: Sequence[UploadState] = (), **fields: object
) -> JobState:
    encodes = sum(one.kind in (StepKind.CHUNK, StepKind.AUDIO) for one in steps)
    values = {
        "status": ACTIVE,
        "phase": phase,
        "encodes": encodes,
        "renditions": ["720p"],
        **fields,
    }
    return JobState(steps=steps, uploads=uploads, **values)  # type: ignore[arg-type]


def test_a_new_job_is_split_first() -> None:
    new = job(Phase.splitting, [], status=WAITING, encodes=0)
    assert decide(new, window=4) == [CreateStep(StepKind.SPLIT)]


def test_a_step_that_waits_without_a_message_gets_one() -> None:
    state = job(Phase.splitting, [step(StepKind.SPLIT, WAITING)], status=WAITING)
    assert decide(state, window=4) == [Enqueue("split.0", upload=False)]


def test_a_step_that_has_a_message_or_a_worker_is_left_alone() -> None:
    queued = job(Phase.splitting, [step(StepKind.SPLIT, WAITING, message="m")])
    running = job(Phase.splitting, [step(StepKind.SPLIT, ACTIVE)])
    assert decide(queued, window=4) == decide(running, window=4) == []


def test_a_waiting_job_is_active_once_a_part_of_it_moves() -> None:
    state = job(Phase.splitting, [step(StepKind.SPLIT, ACTIVE)], status=WAITING)
    assert decide(state, window=4) == [Activate()]


def test_after_the_split_the_chunks_are_made() -> None:
    state = job(Phase.splitting, [SPLIT], encodes=2)
    assert decide(state, window=4) == [EnterPhase(Phase.transcoding), CreateEncodes()]


def test_a_job_whose_plan_is_lost_says_what_helps() -> None:
    fail, _ = decide(job(Phase.transcoding, [SPLIT], encodes=0), window=4)
    assert isinstance(fail, FailJob)
    assert "Clean it up" in fail.error.sentence


def test_chunks_that_were_not_all_made_are_made_before_anything_else() -> None:
    state = job(Phase.transcoding, [SPLIT, AUDIO, *chunks(COMPLETED)], encodes=3)
    assert decide(state, window=4) == [CreateEncodes()]


def test_the_first_chunks_go_one_at_a_time_and_the_sound_beside_them() -> None:
    state = job(
        Phase.transcoding,
        [SPLIT, step(StepKind.AUDIO, WAITING), *chunks(*[WAITING] * 6)],
    )
    assert decide(state, window=4) == [
        Enqueue("chunk.0", upload=False),
        Enqueue("audio.0", upload=False),
    ]
    queued = replace(state.steps[2], message_id="m")
    assert decide(replace(state, steps=[SPLIT, AUDIO, queued, *state.steps[3:]]), window=4) == []
    taken = replace(queued, status=ACTIVE, tried=True)
    assert decide(replace(state, steps=[SPLIT, AUDIO, taken, *state.steps[3:]]), window=4) == [
        Enqueue("chunk.1", upload=False)
    ]


def test_when_the_first_chunks_are_taken_a_window_of_the_others_waits() -> None:
    begun = [SPLIT, AUDIO, *chunks(COMPLETED, ACTIVE, ACTIVE, ACTIVE, *[WAITING] * 4)]
    state = job(Phase.transcoding, begun)
    assert decide(state, window=2) == [
        Enqueue("chunk.4", upload=False),
        Enqueue("chunk.5", upload=False),
    ]
    queued = job(Phase.transcoding, [*begun[:6], replace(begun[6], message_id="m"), *begun[7:]])
    assert decide(queued, window=2) == [Enqueue("chunk.5", upload=False)]
    assert decide(queued, window=1) == []


def test_a_chunk_that_is_tried_again_holds_no_other_back() -> None:
    again = replace(step(StepKind.CHUNK, WAITING, 0, "m"), tried=True)
    state = job(Phase.transcoding, [SPLIT, AUDIO, again, step(StepKind.CHUNK, WAITING, 1)])
    assert decide(state, window=1) == [Enqueue("chunk.1", upload=False)]


def test_merging_waits_for_the_last_chunk_and_the_sound() -> None:
    for parts in ([AUDIO, *chunks(COMPLETED, ACTIVE)], [step(StepKind.AUDIO, ACTIVE), *chunks()]):
        assert decide(job(Phase.transcoding, [SPLIT, *parts]), window=4) == []
    done = job(Phase.transcoding, [SPLIT, AUDIO, *chunks(COMPLETED, COMPLETED)])
    assert decide(done, window=4) == [EnterPhase(Phase.merging), CreateStep(StepKind.MERGE)]


def test_a_chunk_sent_back_by_merge_is_encoded_before_merge_goes_on() -> None:
    merge = step(StepKind.MERGE, WAITING)
    state = job(Phase.merging, [SPLIT, AUDIO, *chunks(WAITING, COMPLETED), merge])
    assert decide(state, window=4) == [
        EnterPhase(Phase.transcoding),
        Enqueue("chunk.0", upload=False),
    ]


ENCODED = [SPLIT, AUDIO, *chunks(COMPLETED), MERGE]


def test_renditions_are_uploaded_before_the_master() -> None:
    assert decide(job(Phase.merging, ENCODED), window=4) == [
        EnterPhase(Phase.uploading),
        CreateUploads(),
    ]
    started = job(Phase.uploading, ENCODED, [upload("720p", WAITING), upload("360p", ACTIVE)])
    assert decide(started, window=4) == [Enqueue("720p", upload=True)]
    done = job(Phase.uploading, ENCODED, [upload("720p"), upload("360p")])
    assert decide(done, window=4) == [CreateMaster()]


def test_a_job_is_completed_when_its_master_is_there() -> None:
    state = job(Phase.uploading, ENCODED, [upload("720p"), upload("master")])
    assert decide(state, window=4) == [CompleteJob()]


def test_a_failed_step_fails_the_job_with_its_reason_and_stops_the_rest() -> None:
    state = job(Phase.transcoding, [SPLIT, AUDIO, *chunks(ACTIVE, FAILED)])
    fail, cancel = decide(state, window=4)
    assert isinstance(fail, FailJob)
    assert fail.error.sentence == "Not a film."
    assert isinstance(cancel, CancelParts)


def test_a_failed_upload_lets_the_others_finish_first() -> None:
    running = job(Phase.uploading, ENCODED, [upload("720p", FAILED), upload("360p", ACTIVE)])
    assert decide(running, window=4) == []
    over = job(Phase.uploading, ENCODED, [upload("720p", FAILED), upload("360p")])
    assert [type(action) for action in decide(over, window=4)] == [FailJob, CancelParts]


def test_a_master_says_what_it_waits_for() -> None:
    master = upload("master", WAITING)
    running = job(Phase.uploading, ENCODED, [upload("720p", ACTIVE), master])
    (fine,) = decide(running, window=4)
    assert isinstance(fine, SayWhy)
    said = replace(master, waits_for=fine.why)
    assert decide(replace(running, uploads=[upload("720p", ACTIVE), said]), window=4) == []
    lost = [upload("720p", FAILED), upload("480p", CANCELLED), upload("360p", ACTIVE)]
    (why,) = decide(replace(running, uploads=[*lost, said]), window=4)
    assert why == SayWhy("master", "Waits: 720p and 1 more failed to upload.")
    cancelled = [upload("720p", CANCELLED), upload("360p", ACTIVE)]
    (why,) = decide(replace(running, uploads=[*cancelled, said]), window=4)
    assert why == SayWhy("master", "Waits: the upload of 720p was cancelled.")
    queued = upload("master", WAITING, "m")
    assert decide(replace(running, uploads=[upload("720p", ACTIVE), queued]), window=4) == []


def test_a_refresh_of_the_master_has_no_say_in_whether_a_job_completes() -> None:
    for status in Status:
        refresh = UploadState("m2", None, status, refresh=True)
        uploads = [upload("720p"), upload("master"), refresh]
        assert decide(job(Phase.uploading, ENCODED, uploads), window=4) == [CompleteJob()]
        uploads = [upload("720p"), refresh]
        assert decide(job(Phase.uploading, ENCODED, uploads), window=4) == [CreateMaster()]


def test_what_an_upload_needs_is_retried_with_it() -> None:
    uploads = [upload("720p", FAILED), upload("360p", FAILED), upload("master", CANCELLED)]
    resumed = {"status": WAITING, "retrying": True, "retry_only": ["720p"]}
    assert decide(job(Phase.uploading, ENCODED, uploads, **resumed), window=4) == [
        Retry("720p", upload=True),
        Retry("master", upload=True),
    ]
    steps = [SPLIT, AUDIO, *chunks(COMPLETED), step(StepKind.MERGE, CANCELLED)]
    text = step(StepKind.SUBTITLES, FAILED)
    again = decide(job(Phase.uploading, [*steps, text], uploads[:2], **resumed), window=4)
    assert again == [Retry("merge.0", upload=False), Retry("720p", upload=True)]


def test_of_a_retried_job_what_failed_waits_again_and_what_is_done_stays() -> None:
    parts = [SPLIT, AUDIO, *chunks(COMPLETED, FAILED)]
    state = job(Phase.transcoding, parts, status=WAITING, retrying=True)
    assert decide(state, window=4) == [Retry("chunk.1", upload=False)]


def test_of_a_job_resumed_for_one_upload_other_failed_uploads_stay_failed() -> None:
    uploads = [upload("720p", FAILED), upload("360p", FAILED)]
    resumed = {"status": WAITING, "retrying": True, "retry_only": ["720p"]}
    state = job(Phase.uploading, ENCODED, uploads, **resumed)
    assert decide(state, window=4) == [Retry("720p", upload=True)]
    uploads = [upload("720p", WAITING), upload("360p", FAILED)]
    state = job(Phase.uploading, ENCODED, uploads, **resumed)
    assert decide(state, window=4) == [Activate(), Enqueue("720p", upload=True)]


def test_an_upload_whose_row_was_deleted_is_made_again() -> None:
    state = job(Phase.uploading, ENCODED, [upload("720p")], renditions=["720p", "360p"])
    assert decide(state, window=4) == [CreateUploads()]


@pytest.mark.parametrize("status", [FAILED, CANCELLED])
def test_nothing_of_a_job_that_is_over_goes_on(status: Status) -> None:
    running = job(Phase.transcoding, [SPLIT, *chunks(ACTIVE)], status=status)
    assert [type(action) for action in decide(running, window=4)] == [CancelParts]
    uploading = job(Phase.uploading, ENCODED, [subtitle("de", ACTIVE)], status=status)
    assert [type(action) for action in decide(uploading, window=4)] == [CancelParts]
    over = job(Phase.transcoding, [SPLIT, *chunks(CANCELLED)], status=status)
    assert decide(over, window=4) == []


def test_text_tracks_are_read_beside_the_encoding_and_hold_nothing_up() -> None:
    text = step(StepKind.SUBTITLES, WAITING)
    state = job(Phase.transcoding, [SPLIT, AUDIO, *chunks(ACTIVE), text])
    assert decide(state, window=1) == []
    state = job(Phase.transcoding, [SPLIT, AUDIO, *chunks(COMPLETED, ACTIVE), text])
    assert decide(state, window=1) == [Enqueue("subtitles.0", upload=False)]
    merging = job(Phase.merging, [SPLIT, AUDIO, *chunks(COMPLETED), step(StepKind.MERGE, WAITING)])
    assert decide(merging, window=1) == [Enqueue("merge.0", upload=False)]


UPLOADED = [upload("720p")]


@pytest.mark.parametrize("status", [FAILED, CANCELLED])
def test_text_tracks_that_cannot_be_read_do_not_fail_the_film(status: Status) -> None:
    text = step(StepKind.SUBTITLES, status)
    assert decide(job(Phase.uploading, [*ENCODED, text], UPLOADED), window=1) == [CreateMaster()]
    done = [*UPLOADED, upload("master")]
    assert decide(job(Phase.uploading, [*ENCODED, text], done), window=1) == [CompleteJob()]


def test_subtitles_are_uploaded_before_the_master() -> None:
    due = job(Phase.uploading, ENCODED, UPLOADED, subtitles_due=["de"])
    assert decide(due, window=1) == [CreateSubtitleUploads()]
    waiting = job(Phase.uploading, ENCODED, [*UPLOADED, subtitle("de", WAITING)])
    assert decide(waiting, window=1) == [Enqueue("de", upload=True)]
    running = job(Phase.uploading, ENCODED, [*UPLOADED, subtitle("de", ACTIVE)])
    assert decide(running, window=1) == []
    reading = job(Phase.uploading, [*ENCODED, step(StepKind.SUBTITLES, ACTIVE)], UPLOADED)
    assert decide(reading, window=1) == []


@pytest.mark.parametrize("status", [FAILED, CANCELLED])
def test_a_broken_subtitle_fails_alone(status: Status) -> None:
    state = job(Phase.uploading, ENCODED, [*UPLOADED, subtitle("de", status), subtitle("en")])
    assert decide(state, window=1) == [CreateMaster()]
    done = job(Phase.uploading, ENCODED, [*UPLOADED, subtitle("de", status), upload("master")])
    assert decide(done, window=1) == [CompleteJob()]


def completed(*uploads: UploadState, **fields: object) -> JobState:
    rows = [*UPLOADED, upload("master"), *uploads]
    return job(Phase.uploading, ENCODED, rows, status=COMPLETED, **fields)


def test_a_completed_job_takes_subtitles_and_then_renews_its_master() -> None:
    assert decide(completed(), window=1) == []
    due = completed(subtitles_due=["de"], master_due="m2")
    assert decide(due, window=1) == [CreateSubtitleUploads()]
    waiting = completed(subtitle("de", WAITING), master_due="m2")
    assert decide(waiting, window=1) == [Enqueue("de", upload=True)]
    assert decide(completed(subtitle("de", ACTIVE), master_due="m2"), window=1) == []
    done = completed(subtitle("de"), master_due="m2")
    assert decide(done, window=1) == [RefreshMaster("m2")]
    renewing = completed(subtitle("de"), UploadState("m2", None, WAITING), master_due="m2")
    assert decide(renewing, window=1) == [Enqueue("m2", upload=True)]
    assert decide(completed(subtitle("de"), UploadState("m2", None, COMPLETED)), window=1) == []


def test_a_master_that_could_not_be_renewed_waits_for_a_person_or_another_change() -> None:
    failed = UploadState("m2", None, FAILED)
    assert decide(completed(failed, master_due="m2"), window=1) == []
    assert decide(completed(failed, master_due="m3"), window=1) == [RefreshMaster("m3")]


def test_a_completed_job_encodes_nothing_more() -> None:
    state = job(
        Phase.uploading,
        [*ENCODED, step(StepKind.CHUNK, ACTIVE, 1)],
        [upload("720p", WAITING), subtitle("de", ACTIVE)],
        status=COMPLETED,
    )
    assert decide(state, window=1) == [CancelPart("chunk.1", False), CancelPart("720p", True)]


@pytest.mark.parametrize("status", Status)
def test_files_of_a_deleted_subtitle_go_whatever_the_job_does(status: Status) -> None:
    state = job(Phase.uploading, ENCODED, UPLOADED, status=status, removals=["de", "en"])
    without = replace(state, removals=())
    removals = [RemoveSubtitle("de"), RemoveSubtitle("en")]
    assert decide(state, window=1) == removals + decide(without, window=1)


def test_a_job_without_sound_or_without_pictures_is_done_with_what_it_has() -> None:
    silent = job(Phase.transcoding, [SPLIT, *chunks(COMPLETED)])
    sound = job(Phase.transcoding, [SPLIT, AUDIO])
    for state in (silent, sound):
        assert CreateStep(StepKind.MERGE) in decide(state, window=4)


def test_no_combination_is_left_where_nobody_ever_moves_it_on() -> None:
    """An active job with nothing queued and nothing running always has something due."""
    statuses = [WAITING, COMPLETED, FAILED, CANCELLED]
    for split, chunk, audio, merge, up, master in itertools.product(statuses, repeat=6):
        for text, track in itertools.product([None, *statuses], repeat=2):
            steps = [
                step(StepKind.SPLIT, split),
                step(StepKind.CHUNK, chunk),
                step(StepKind.AUDIO, audio),
                step(StepKind.MERGE, merge),
            ]
            uploads = [upload("720p", up), upload("master", master)]
            if text is not None:
                steps.append(step(StepKind.SUBTITLES, text))
            if track is not None:
                uploads.append(subtitle("de", track))
            # Subtitles matter in the last phase only.
            for phase in Phase if text is track is None else [Phase.uploading]:
                assert decide(job(phase, steps, uploads), window=1), (steps, uploads)


def test_no_subtitle_of_a_completed_job_is_left_where_nobody_ever_moves_it_on() -> None:
    """With nothing queued and nothing running it rests only where the master is right, or its
    upload failed."""
    statuses = [WAITING, COMPLETED, FAILED, CANCELLED]
    for track, renewed, old, due in itertools.product(
        [None, *statuses], [None, *statuses], statuses, [(), ("fr",)]
    ):
        uploads = [UploadState("m1", None, old)]
        if track is not None:
            uploads.append(subtitle("de", track))
        if renewed is not None:
            uploads.append(UploadState("m2", None, renewed))
        state = completed(*uploads, subtitles_due=due, master_due="m2")
        at_rest = renewed in (COMPLETED, FAILED, CANCELLED)
        moves = bool(due) or WAITING in (track, old) or not at_rest
        assert bool(decide(state, window=1)) is moves, uploads
