"""The whole job on a clip, from convert to completed, against plain ffmpeg with the same ladder."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import plain
from bench.client import Client
from bench.clip import make_clip
from bench.memory import peak_of, processor_seconds
from bench.options import CannotMeasure, Options
from bench.plain import Cost
from bench.report import Result
from bench.stack import Stack, running_stack
from bench.timeline import timeline
from tasks.media.plan import Plan, make_plan
from tasks.media.probe import ProbeLimits, probe
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools, find_tools

CLIP_SECONDS, QUICK_SECONDS = 60, 12
#: Each question costs the processors a little: often only when the end is near.
POLL_SECONDS, POLL_NEAR_END_SECONDS, NEAR_END = 1.0, 0.1, 85
#: Goals: the most that a job may take, for what plain ffmpeg takes.
MOST_TO_ONE, MOST_TO_EACH = 1.10, 0.75
#: A job that comes no further for so long is given up.
STALL_SECONDS = 120


@dataclass(frozen=True)
class JobCost:
    """What a job took. ``ffmpeg``, ``others``: seconds of the processors, of ffmpeg and ffprobe,
    and of all servers and processes around them."""

    seconds: float
    ffmpeg: float
    others: float
    worker_mb: float
    web_mb: float


@dataclass(frozen=True)
class Round:
    """One round. Plain ffmpeg runs before and after the job, since a machine's speed drifts."""

    job: JobCost
    before: Cost
    after: Cost
    each: Cost

    @property
    def one(self) -> float:
        """Seconds of one plain ffmpeg."""
        return (self.before.seconds + self.after.seconds) / 2

    @property
    def processor_ratio(self) -> float:
        """All that the job cost the processors, for what one plain ffmpeg cost them."""
        plain_ffmpeg = (self.before.processor_seconds + self.after.processor_seconds) / 2
        return (self.job.ffmpeg + self.job.others) / plain_ffmpeg


def measure(options: Options) -> list[Result]:
    """Ratios of the job's time to plain ffmpeg's, and the memory of it. Raises CannotMeasure."""
    tools = find_tools(options.settings.get("FFMPEG"), options.settings.get("FFPROBE"))
    seconds = QUICK_SECONDS if options.quick else CLIP_SECONDS
    clip = options.clip or options.folder / "clip.mp4"
    if options.clip is None:
        print(f"making a clip of {seconds} s …", flush=True)
        make_clip(clip, seconds, tools)
    info = probe(clip, tools, ProbeLimits())
    rivals = _Rivals(clip, info, options, tools)
    rounds = []
    with running_stack(options.folder / "transcode", options.settings) as stack:
        job = _Job(stack, clip)
        for _ in range(options.rounds):
            before = rivals.one_process()
            cost = job.run()
            now = Round(cost, before, rivals.one_process(), rivals.one_each())
            rounds.append(now)
            print(
                f"plain ffmpeg {before.seconds:.1f} s, job {cost.seconds:.1f} s, plain ffmpeg "
                f"{now.after.seconds:.1f} s, one per rendition {now.each.seconds:.1f} s; "
                f"job / plain {cost.seconds / now.one:.3f}, by processor time "
                f"{now.processor_ratio:.3f}\n{job.timeline}",
                flush=True,
            )
    return _results(f"{info.duration:.0f} s clip", rounds)


def _results(clip: str, rounds: Sequence[Round]) -> list[Result]:
    def middle(value: Callable[[Round], float]) -> float:
        return median(value(entry) for entry in rounds)

    return [
        Result(f"job, {clip}", middle(lambda r: r.job.seconds), "s"),
        Result(f"one plain ffmpeg, {clip}", middle(lambda r: r.one), "s"),
        Result(f"one ffmpeg per rendition in turn, {clip}", middle(lambda r: r.each.seconds), "s"),
        Result(
            f"job / one plain ffmpeg, {clip}",
            middle(lambda r: r.job.seconds / r.one),
            "ratio",
            MOST_TO_ONE,
        ),
        Result(
            f"job / one ffmpeg per rendition, {clip}",
            middle(lambda r: r.job.seconds / r.each.seconds),
            "ratio",
            MOST_TO_EACH,
        ),
        Result(
            "job / one plain ffmpeg, by processor time",
            middle(lambda r: r.processor_ratio),
            "ratio",
        ),
        Result("processor time of a job outside of ffmpeg", middle(lambda r: r.job.others), "s"),
        Result("peak memory of worker and ffmpeg, job", max(r.job.worker_mb for r in rounds), "MB"),
        Result("peak memory of the web process, job", max(r.job.web_mb for r in rounds), "MB"),
        Result("peak memory of one plain ffmpeg", max(r.before.peak_mb for r in rounds), "MB"),
    ]


class _Rivals:
    """Plain ffmpeg, with the ladder that the product makes for this source."""

    def __init__(self, clip: Path, info: SourceInfo, options: Options, tools: Tools) -> None:
        self._clip, self._info, self._tools = clip, info, tools
        self._plan: Plan = make_plan(info)
        self._preset = options.settings.get("DAILIES_X264_PRESET", "veryfast")
        self._folder = options.folder / "plain"

    def one_process(self) -> Cost:
        """One ffmpeg for everything."""
        arguments = (self._clip, self._info, self._plan, self._folder, self._tools, self._preset)
        return self._run([plain.one_process(*arguments)])

    def one_each(self) -> Cost:
        """One ffmpeg for each rendition, in turn."""
        arguments = (self._clip, self._info, self._plan, self._folder, self._tools, self._preset)
        return self._run(plain.one_each(*arguments))

    def _run(self, commands: Sequence[Sequence[str]]) -> Cost:
        try:
            return plain.run(commands)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Job:
    """The product's job on the clip, by its API."""

    def __init__(self, stack: Stack, clip: Path) -> None:
        self._stack, self._clip = stack, clip
        self.timeline = ""

    def run(self) -> JobCost:
        """Uploads the clip anew, so that nothing is there already; the cost is from convert on."""
        client = Client(self._stack.url, self._stack.token)
        video = client.upload_file(self._clip)
        trees = {name: lambda name=name: self._stack.tree(name) for name in ("web", "worker")}
        ffmpeg, others = self._used()
        with peak_of(trees) as peak:
            started = time.monotonic()
            client.convert(video["id"], video["s3Key"])
            self._wait(client, video["id"])
            seconds = time.monotonic() - started
        client.close()
        ffmpeg_after, others_after = self._used()
        self.timeline = timeline(self._stack, video["id"])
        return JobCost(
            seconds=seconds,
            ffmpeg=ffmpeg_after - ffmpeg,
            others=others_after - others,
            worker_mb=peak.mb["worker"],
            web_mb=peak.mb["web"],
        )

    def _wait(self, client: Client, video_id: str) -> None:
        progress, moved_at = -1, time.monotonic()
        while True:
            state = client.get(f"/api/upload/status/{video_id}")
            if state["status"] == "completed":
                return
            if state["status"] == "failed":
                raise CannotMeasure(f"the job failed: {state.get('error')}\n{self._stack.logs()}")
            if state["progress"] > progress:
                progress, moved_at = state["progress"], time.monotonic()
            if time.monotonic() - moved_at > STALL_SECONDS:
                raise CannotMeasure(f"the job stands still: {state}\n{self._stack.logs()}")
            near_end = progress >= NEAR_END
            time.sleep(POLL_NEAR_END_SECONDS if near_end else POLL_SECONDS)

    def _used(self) -> tuple[float, float]:
        """Processor seconds of the worker's ended ffmpegs, and of all servers and processes."""
        names = ("web", "worker", "reconciler", "mongo", "redis", "s3")
        others = sum(processor_seconds(self._stack.tree(name)) for name in names)
        return processor_seconds(self._stack.tree("worker"), ended_children=True), others
