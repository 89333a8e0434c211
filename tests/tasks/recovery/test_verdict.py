"""The table of rules, over all combinations of what rows, queue and bucket can say."""

import itertools

import pytest

from tasks.recovery.verdict import (
    RULES,
    FilesState,
    Fix,
    LeaseState,
    LiveState,
    OwnerState,
    Pace,
    ParentState,
    QueueState,
    RowState,
    Situation,
    StreamSays,
    StreamSituation,
    Subject,
    judge,
)

OF_STREAMS = (Subject.stream, Subject.master)
OTHERS = [subject for subject in Subject if subject not in OF_STREAMS]
ALL = [
    Situation(*values)
    for values in itertools.product(OTHERS, RowState, LeaseState, QueueState, ParentState, Pace)
]
STREAMS = [
    StreamSituation(*values)
    for values in itertools.product(OF_STREAMS, StreamSays, LiveState, OwnerState, FilesState, Pace)
]
UNFINISHED = (RowState.waiting, RowState.active)
FINISHED = (RowState.completed, RowState.failed, RowState.cancelled)
OPEN = (ParentState.none, ParentState.open)
STARTS_WORK = (Fix.send, Fix.take_back)


def test_each_situation_matches_exactly_one_rule() -> None:
    every: list[Situation | StreamSituation] = [*ALL, *STREAMS]
    wrong = [
        (situation, [rule.id for rule in RULES if rule.matches(situation)])
        for situation in every
        if sum(rule.matches(situation) for rule in RULES) != 1
    ]
    assert wrong == []


def test_each_rule_is_needed_and_named_once() -> None:
    assert {judge(situation).id for situation in [*ALL, *STREAMS]} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len({rule.sentence for rule in RULES}) >= len(RULES) - 1


def test_what_agrees_is_left_alone_and_what_heals_itself_has_a_fix() -> None:
    for rule in RULES:
        if not rule.drift:
            assert rule.fix is Fix.nothing, rule.id
        if rule.by_itself:
            assert rule.fix is not Fix.nothing, rule.id


def parts() -> list[Situation]:
    return [situation for situation in ALL if situation.subject is Subject.part]


def test_work_whose_lease_is_alive_is_never_given_to_others() -> None:
    for situation in parts():
        if situation.row is RowState.active and situation.lease is LeaseState.alive:
            assert judge(situation).fix not in STARTS_WORK, situation


def test_finished_work_is_never_run_again() -> None:
    for situation in ALL:
        if situation.row in FINISHED:
            rule = judge(situation)
            assert rule.fix not in (*STARTS_WORK, Fix.cancel), situation
            # What a completed job still gets are new uploads, of subtitles that came later.
            assert rule.fix is not Fix.advance or rule.id == "late-part-due", situation


def test_a_lost_lease_of_an_open_job_always_comes_to_somebody_else() -> None:
    for situation in parts():
        lost = situation.lease is not LeaseState.alive and situation.row is RowState.active
        own = situation.queue not in (QueueState.left, QueueState.fetched)
        if lost and own and situation.parent in OPEN:
            assert judge(situation).fix is Fix.take_back, situation


def test_a_message_is_lost_only_when_nothing_else_explains_its_absence() -> None:
    for situation in parts():
        sends = judge(situation).fix is Fix.send
        assert sends == (
            situation.row is RowState.waiting
            and situation.pace is Pace.still
            and (
                (situation.queue is QueueState.lost and situation.parent in OPEN)
                # What belongs to a job is sent by its job, when it is its turn.
                or (situation.queue is QueueState.none and situation.parent is ParentState.none)
            )
        ), situation


def test_nothing_is_removed_from_the_bucket_while_a_job_needs_it_or_within_an_hour() -> None:
    for situation in ALL:
        if judge(situation).fix in (Fix.remove, Fix.abort):
            assert situation.pace is not Pace.moved, situation
            assert situation.subject is Subject.half_upload or situation.row not in UNFINISHED


def test_nothing_of_a_live_stream_is_removed_and_nothing_without_a_row_by_itself() -> None:
    for situation in STREAMS:
        rule = judge(situation)
        if rule.fix is Fix.remove:
            assert situation.live is not LiveState.this, situation
            assert rule.by_itself == (situation.stream is not StreamSays.none), situation
        if situation.stream is StreamSays.building and situation.owner is OwnerState.there:
            assert rule.fix is not Fix.remove


@pytest.mark.parametrize("subject", [Subject.work_area, Subject.media_files, Subject.half_upload])
def test_files_of_nobody_are_removed_only_by_a_person(subject: Subject) -> None:
    for situation in ALL:
        if situation.subject is subject and situation.row is RowState.none:
            assert not judge(situation).by_itself, situation


def test_a_message_that_a_worker_has_is_left_to_it() -> None:
    for situation in parts():
        if situation.queue is QueueState.fetched:
            assert not judge(situation).drift
