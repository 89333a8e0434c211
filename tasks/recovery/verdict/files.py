"""Rules for what lies in the bucket."""

from tasks.recovery.verdict.columns import A_ROW, FINISHED, GIVEN_UP, NOT_MOVED, NOT_STILL, OPEN
from tasks.recovery.verdict.rule import Fix, Rule, agree, heal, report
from tasks.recovery.verdict.situation import Pace, RowState, Subject

AREA, FILES, HALF = Subject.work_area, Subject.media_files, Subject.half_upload

RULES: tuple[Rule, ...] = (
    # Work areas: what a retry can use is kept for a week.
    heal(
        "work-left",
        AREA,
        "Its job is completed and needs it no more.",
        Fix.remove,
        row=RowState.completed,
        pace=NOT_MOVED,
    ),
    heal(
        "work-expired",
        AREA,
        "Its job failed or was cancelled a week ago, and nobody retried it.",
        Fix.remove,
        row=GIVEN_UP,
        pace=Pace.still,
    ),
    report(
        "work-orphan",
        AREA,
        "It belongs to no job.",
        Fix.remove,
        row=RowState.none,
        pace=NOT_MOVED,
    ),
    agree(
        "work-kept",
        AREA,
        "A retry of its job can use what is in it.",
        row=GIVEN_UP,
        pace=Pace.resting,
    ),
    agree("work-in-use", AREA, "Its job is unfinished.", row=OPEN),
    agree(
        "work-young",
        AREA,
        "It changed within the last hour.",
        row=FINISHED | {RowState.none},
        pace=Pace.moved,
    ),
    # Sources and streams.
    report(
        "files-orphan",
        FILES,
        "They belong to no media.",
        Fix.remove,
        row=RowState.none,
        pace=NOT_MOVED,
    ),
    agree("files-owned", FILES, "They belong to a media.", row=A_ROW),
    agree(
        "files-young",
        FILES,
        "They changed within the last hour.",
        row=RowState.none,
        pace=Pace.moved,
    ),
    # Multipart uploads take room that no listing shows.
    report(
        "half-upload",
        HALF,
        "It was begun more than a day ago, and nothing arrived for an hour.",
        Fix.abort,
        pace=Pace.still,
    ),
    agree("upload-under-way", HALF, "It may still be under way.", pace=NOT_STILL),
)
