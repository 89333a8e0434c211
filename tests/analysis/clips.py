"""A clip that changes its picture and in which somebody speaks, and modules of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.analysis.make import make_module
from tasks.jobs import lifecycle
from tasks.media.tools import Tools
from tasks.models import Media, Status, TrainingModule
from tasks.queue import broker
from tests.media.clips import X264, ffmpeg
from tests.subtitles.films import put_in

SPOKEN = Path(__file__).with_name("spoken.opus")
#: Seconds of each scene of the clip.
SCENE = 5


def training_clip(tools: Tools, path: Path, *, sound: bool = True) -> Path:
    """Three scenes of five seconds; in the first one somebody speaks, if ``sound``."""
    colours = ["red", "blue", "yellow"]
    pictures = [f"color={c}:size=160x90:rate=10:duration={SCENE}" for c in colours]
    inputs = [word for p in pictures for word in ("-f", "lavfi", "-i", p)]
    voice: list[str | Path] = [
        "-i",
        SPOKEN,
        "-map",
        "3:a",
        "-af",
        f"apad=whole_dur={3 * SCENE}",
        "-c:a",
        "aac",
    ]
    ffmpeg(
        tools,
        *inputs,
        *(voice if sound else []),
        *("-filter_complex", "[0][1][2]concat=n=3[v]", "-map", "[v]"),
        *X264,
        path,
    )
    return path


def a_module(clip: Path) -> TrainingModule:
    """A module of a new media with this source, waiting for its worker."""
    return make_module(put_in(clip), who="ada")


def claimed(module: TrainingModule) -> TrainingModule:
    """The module in a worker's hands."""
    waiting = lifecycle.find(TrainingModule, module.job_id)
    unit = lifecycle.claim(TrainingModule, module.job_id, waiting.message_id, "worker:1")
    assert unit is not None
    return unit


def attempt(unit: TrainingModule) -> Mapping[str, Any]:
    """The fields of a claimed module when its work is done; raises what the work raises."""
    # Its package makes a broker, so it can only be imported where there is a Redis.
    from tasks.actors.analyse import analyse
    from tasks.actors.heartbeat import Heartbeat

    with Heartbeat(unit) as beat:
        return analyse(unit, beat)


def performed(module: TrainingModule) -> TrainingModule:
    """The row after a worker was given its message."""
    from tasks.actors.analyse import analyse
    from tasks.actors.perform import perform

    waiting = lifecycle.find(TrainingModule, module.job_id)
    perform(TrainingModule, broker.ANALYSE, module.job_id, waiting.message_id, analyse)
    return lifecycle.find(TrainingModule, module.job_id)


def worked(module: TrainingModule) -> TrainingModule:
    """The row after a worker has done it. Raises AssertionError where it is not completed."""
    row = performed(module)
    assert row.status == Status.completed, row.error_message
    return row


def media_of(module: TrainingModule) -> Media:
    """The row of the module's video."""
    found: Media = Media.objects(media_id=module.media_id).get()
    return found
