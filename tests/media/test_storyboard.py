from tasks.media.plan import make_plan
from tasks.media.storyboard import sheets, webvtt
from tests.media.values import source_info


def test_sheets_are_full_but_for_the_last() -> None:
    assert [(s.name, s.first, s.count, s.columns, s.rows) for s in sheets(113)] == [
        ("storyboard_000.jpg", 0, 100, 10, 10),
        ("storyboard_001.jpg", 100, 13, 10, 2),
    ]
    assert [(s.count, s.columns, s.rows) for s in sheets(4)] == [(4, 4, 1)]
    assert sheets(0) == ()


def test_each_cue_finds_its_tile() -> None:
    plan = make_plan(source_info(rate=25, frames=25 * 12 + 10))

    cues = webvtt(plan).split("\n\n")

    assert cues[0] == "WEBVTT"
    assert cues[1] == "00:00:00.000 --> 00:00:01.000\nstoryboard_000.jpg#xywh=0,0,160,90"
    assert cues[3] == "00:00:02.000 --> 00:00:03.000\nstoryboard_000.jpg#xywh=320,0,160,90"
    assert cues[11] == "00:00:10.000 --> 00:00:11.000\nstoryboard_000.jpg#xywh=0,90,160,90"
    assert cues[13] == "00:00:12.000 --> 00:00:12.400\nstoryboard_000.jpg#xywh=320,90,160,90\n"


def test_a_film_has_several_sheets_and_hours_on_its_clock() -> None:
    plan = make_plan(source_info(rate=24, frames=24 * 7200))

    cues = webvtt(plan).split("\n\n")

    assert len(cues) == 721
    assert cues[102] == "00:16:50.000 --> 00:17:00.000\nstoryboard_001.jpg#xywh=160,0,160,90"
    assert cues[-1].startswith("01:59:50.000 --> 02:00:00.000\nstoryboard_007.jpg#")


def test_a_source_that_ended_early_has_fewer_cues() -> None:
    plan = make_plan(source_info(rate=25, frames=25 * 12 + 10))

    cues = webvtt(plan, thumbnails=12).split("\n\n")

    assert len(cues) == 13
    assert cues[-1].startswith("00:00:11.000 --> 00:00:12.400\n")
