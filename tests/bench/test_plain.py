"""The work compared with is the product's own: same ladder, same filters, same encoder settings."""

import re
from pathlib import Path

import pytest

from bench.plain import one_each, one_process
from tasks.media.commands import audio_command, chunk_command
from tasks.media.plan import Plan, make_plan
from tasks.media.probe import ProbeLimits, probe
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools, find_tools
from webapp.demo import CLIP

PRESET = "faster"
ENCODER = (
    *("-c:v", "-preset", "-profile:v", "-level:v", "-crf", "-maxrate", "-bufsize", "-pix_fmt"),
    *("-g", "-keyint_min", "-sc_threshold", "-flags", "-hls_time", "-hls_segment_type"),
)
SOUND = ("-c:a", "-b:a", "-ac", "-ar", "-hls_time", "-hls_segment_type")


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_tools()


@pytest.fixture(scope="module")
def info(tools: Tools) -> SourceInfo:
    return probe(CLIP, tools, ProbeLimits())


@pytest.fixture(scope="module")
def plan(info: SourceInfo) -> Plan:
    return make_plan(info)


def output_options(command: list[str], folder: Path, rendition: str) -> dict[str, str]:
    """The options that a command gives for one output: what stands since the output before."""
    end = command.index(str(folder / rendition / "playlist.m3u8"))
    begin = end
    while begin > 0 and command[begin - 1] != "-map" and not command[begin - 1].endswith(".m3u8"):
        begin -= 1
    words = command[begin + 1 : end]
    return dict(zip(words[::2], words[1::2], strict=True))


def scales(command: list[str], plan: Plan) -> set[str]:
    """The scale filters of a command's rungs.

    Not the one for thumbnails, nor the product's that makes all pictures of a source of one size.
    """
    graph = command[command.index("-filter_complex") + 1]
    found = set(re.findall(r"\](scale=[^\[]*)\[", graph))
    return {
        step
        for step in found
        if "out_color_matrix" in step and f"w={plan.thumbnail_width}" not in step
    }


@pytest.mark.parametrize("number", range(3))
def test_every_rung_is_encoded_with_the_products_settings(
    number: int, info: SourceInfo, plan: Plan, tools: Tools, tmp_path: Path
) -> None:
    name = plan.rungs[number].name
    product = chunk_command(CLIP, info, plan, plan.chunks[0], tmp_path, tools, preset=PRESET)
    wanted = output_options(product, tmp_path, name)
    together = one_process(CLIP, info, plan, tmp_path, tools, PRESET)
    alone = one_each(CLIP, info, plan, tmp_path, tools, PRESET)[number]
    for plain in (together, alone):
        options = output_options(plain, tmp_path, name)
        assert {key: options[key] for key in ENCODER} == {key: wanted[key] for key in ENCODER}


def test_pictures_are_scaled_as_the_product_scales_them(
    info: SourceInfo, plan: Plan, tools: Tools, tmp_path: Path
) -> None:
    product = chunk_command(CLIP, info, plan, plan.chunks[0], tmp_path, tools)
    command = one_process(CLIP, info, plan, tmp_path, tools, PRESET)
    assert len(scales(command, plan)) == len(plan.rungs)
    assert scales(command, plan) == scales(product, plan)


def test_sound_is_encoded_with_the_products_settings(
    info: SourceInfo, plan: Plan, tools: Tools, tmp_path: Path
) -> None:
    product = audio_command(CLIP, info, plan, plan.sounds[:1], tmp_path, tools)
    wanted = output_options(product, tmp_path, "audio")
    for plain in (
        one_process(CLIP, info, plan, tmp_path, tools, PRESET),
        one_each(CLIP, info, plan, tmp_path, tools, PRESET)[-1],
    ):
        options = output_options(plain, tmp_path, "audio")
        assert {key: options[key] for key in SOUND} == {key: wanted[key] for key in SOUND}


def test_one_each_decodes_once_for_every_rendition(
    info: SourceInfo, plan: Plan, tools: Tools, tmp_path: Path
) -> None:
    commands = one_each(CLIP, info, plan, tmp_path, tools, PRESET)
    assert len(commands) == len(plan.rungs) + 1
    assert all(sum(word.endswith(".m3u8") for word in command) == 1 for command in commands)
