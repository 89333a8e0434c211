import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.media.ladder import build_ladder
from tests.media.values import source_info


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((3840, 2160), ["2160p UHD 3840x2160", "1440p UHD 2560x1440", "1080p FHD 1920x1080",
                        "720p HD 1280x720", "480p SD 854x480", "360p SD 640x360"]),
        ((1920, 1080), ["1080p FHD 1920x1080", "720p HD 1280x720", "480p SD 854x480",
                        "360p SD 640x360"]),
        ((1080, 1920), ["1080p FHD 1080x1920", "720p HD 720x1280", "480p SD 480x854",
                        "360p SD 360x640"]),
        ((1920, 800), ["720p HD 1728x720", "480p SD 1152x480", "360p SD 864x360"]),
        ((768, 576), ["480p SD 640x480", "360p SD 480x360"]),
        ((360, 360), ["360p SD 360x360"]),
        ((641, 361), ["360p SD 640x360"]),
        ((480, 359), ["358p SD 478x358"]),
        ((160, 90), ["90p SD 160x90"]),
        ((1, 1), ["2p SD 2x2"]),
    ],
)  # fmt: skip
def test_rungs_by_the_short_side(size: tuple[int, int], rungs: list[str]) -> None:
    ladder = build_ladder(source_info(size=size))

    assert [f"{rung.name} {rung.label} {rung.width}x{rung.height}" for rung in ladder] == rungs


@settings(deadline=None)
@given(width=st.integers(2, 8192), height=st.integers(2, 8192), rate=st.sampled_from([24, 60]))
def test_any_size_gets_even_rungs_in_its_aspect_and_none_larger(
    width: int, height: int, rate: int
) -> None:
    ladder = build_ladder(source_info(size=(width, height), rate=rate))

    assert ladder
    assert len({rung.name for rung in ladder}) == len(ladder)
    for rung in ladder:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= width
        assert rung.height <= height
        # As near to the aspect as even numbers of pixels can be.
        assert abs(rung.width - width * rung.height / height) <= 2 * max(1, width / height)
    assert [rung.maxrate for rung in ladder] == sorted((r.maxrate for r in ladder), reverse=True)


def test_more_frames_may_take_more_bits_and_need_a_higher_level() -> None:
    (slow, *_), (fast, *_) = (build_ladder(source_info(rate=rate)) for rate in (30, 60))

    assert (slow.level, fast.level) == ("4.0", "4.2")
    assert fast.maxrate == 1.5 * slow.maxrate
    assert fast.bufsize == 2 * fast.maxrate


@pytest.mark.parametrize(
    ("size", "rate", "level"),
    [
        ((3840, 2160), 30, "5.1"),
        ((3840, 2160), 60, "5.2"),
        ((2560, 1440), 30, "5.0"),
        ((1280, 720), 30, "3.1"),
        ((1280, 720), 60, "3.2"),
        ((640, 360), 30, "3.0"),
        ((5120, 360), 24, "4.0"),
    ],
)
def test_level_of_the_top_rung(size: tuple[int, int], rate: int, level: str) -> None:
    assert build_ladder(source_info(size=size, rate=rate))[0].level == level
