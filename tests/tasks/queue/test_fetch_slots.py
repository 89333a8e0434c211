"""A worker holds no more than it can work on, so that others find the rest."""

from tasks.queue.fetch_slots import FetchSlots


def test_a_place_is_taken_kept_and_left() -> None:
    rung: list[str] = []
    room = FetchSlots(rung.append)
    room.open(1)
    assert room.enter("chunks")
    assert not room.enter("uploads")
    room.settle("chunks", "message-1")
    assert not room.enter("splits")
    assert rung == []
    room.leave("message-1")
    assert sorted(rung) == ["splits", "uploads"]
    assert room.enter("uploads")


def test_a_look_in_vain_leaves_its_place_to_who_was_turned_away() -> None:
    rung: list[str] = []
    room = FetchSlots(rung.append)
    room.open(1)
    assert room.enter("chunks")
    assert not room.enter("uploads")
    room.settle("chunks", None)
    assert rung == ["uploads"]
    assert room.enter("uploads")


def test_leaving_twice_makes_no_second_place() -> None:
    room = FetchSlots(lambda name: None)
    room.open(1)
    assert room.enter("chunks")
    room.settle("chunks", "message-1")
    room.leave("message-1")
    room.leave("message-1")
    assert room.enter("chunks")
    assert not room.enter("chunks")


def test_a_worker_that_begins_has_all_its_places() -> None:
    room = FetchSlots(lambda name: None)
    room.open(1)
    assert room.enter("chunks")
    room.settle("chunks", "message-of-a-worker-before")
    room.open(1)
    assert room.enter("chunks")


def test_without_a_worker_there_is_room_for_everything() -> None:
    room = FetchSlots(lambda name: None)
    assert all(room.enter("chunks") for _ in range(100))


def test_a_queue_that_goes_before_another_keeps_that_one_waiting() -> None:
    rung: list[str] = []
    room = FetchSlots(rung.append, {"chunks": "first"})
    room.open(3)
    assert room.enter("first")
    assert not room.enter("chunks")
    room.settle("first", "message-1")
    assert not room.enter("chunks")
    room.leave("message-1")
    assert "chunks" in rung
    assert room.enter("chunks")
    room.settle("chunks", "message-2")
    assert room.enter("first")
