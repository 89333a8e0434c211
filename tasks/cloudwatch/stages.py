"""What the event feed tells of a job, in the stages and percentages that the log's readers know.

========  ============================================
percent   stage
========  ============================================
0         started
5-10      the source is fetched and looked at
10-70     encoding: one ffmpeg makes all renditions at the same time, so each of them is told with
          the same percentage, where an encoder that makes one after the other would tell each of
          them with a part of the stretch
70-90     files are put where players look
90-100    the master playlist
100       completed
========  ============================================
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.cloudwatch.entry import Entry
from tasks.feed.event_fields import EventKind
from tasks.feed.events import Event, place
from tasks.jobs.progress import WEIGHTS
from tasks.models import Phase

#: Where each phase of a job lies in the log's percentages.
SPANS = {
    Phase.splitting: (5.0, 10.0),
    Phase.transcoding: (10.0, 70.0),
    Phase.merging: (70.0, 70.0),
    Phase.uploading: (70.0, 90.0),
}
MASTER = (90.0, 100.0)
#: Jobs of which is remembered what was said last.
REMEMBERED = 10_000

Said = tuple[Sequence[str], int]


def percent(progress: float, phase: Phase | None = None) -> int:
    """A job's progress (0 to 100 by the weights of `tasks.jobs.progress`) in the log's percentages.

    ``phase`` is the one that it is in; without it, the one in which that progress lies.
    """
    begins = 0.0
    for each, weight in WEIGHTS.items():
        low, high = SPANS[each]
        within = (progress - begins) / weight
        if each is phase or (phase is None and within <= 1):
            return int(low + (high - low) * min(1.0, max(0.0, within)))
        begins += weight
    return int(SPANS[Phase.uploading][1])


class Stages:
    """Turns events into entries: one for each whole percent that a stage has come further.

    ``names``: the names of a job's renditions by its id. What was said last is remembered only
    here, so that after a restart something may be said twice.
    """

    def __init__(self, names: Callable[[str], Sequence[str]]) -> None:
        self._names = names
        self._last: OrderedDict[str, Said] = OrderedDict()

    def entries(self, event: Event) -> list[Entry]:
        """What an event means for its video's log: mostly nothing."""
        data = event.data
        video_id, job_id = data.get("mediaId"), data.get("transcodeId")
        if not isinstance(video_id, str) or not isinstance(job_id, str):
            return []
        said = self._said(event.name, job_id, data)
        if said is None:
            return []
        self._last[job_id] = said
        self._last.move_to_end(job_id)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        at_ms, _ = place(event.id)
        messages, progress = said
        return [Entry(video_id, message, progress, at_ms) for message in messages]

    def _said(self, name: str, job_id: str, data: Mapping[str, Any]) -> Said | None:
        kind, progress = data.get("kind"), float(data.get("progress") or 0.0)
        if kind == EventKind.transcode:
            if name == "jobChanged" and data.get("status") == "active":
                return ["Video encoding started"], percent(progress) if progress else 0
            if name == "transcodeProgress":
                return self._further(job_id, self._working(job_id, data, progress))
            return self._ended(name, job_id, data, progress)
        # An upload that brings a published master up to date is no part of the encoding.
        if kind == EventKind.upload and data.get("jobId") == f"{job_id}.upload.master":
            if name not in ("jobChanged", "uploadProgress") or data.get("status") != "active":
                return None
            low, high = MASTER
            done = int(low + (high - low) * progress / 100)
            return self._further(job_id, (["Generating master playlist"], min(99, done)))
        return None

    def _working(self, job_id: str, data: Mapping[str, Any], progress: float) -> Said | None:
        try:
            phase = Phase(data.get("phase", ""))
        except ValueError:
            return None
        done = percent(progress, phase)
        if phase is Phase.splitting:
            return ["Downloading video from S3"], done
        if phase is Phase.uploading:
            # 90 is said of the master alone.
            return ["Uploading HLS files to S3"], min(done, int(MASTER[0]) - 1)
        return [f"Converting to {name}" for name in self._names(job_id)] or ["Converting"], done

    def _further(self, job_id: str, said: Said | None) -> Said | None:
        """What is said, where it is more than was said last."""
        last = self._last.get(job_id)
        if said is None or last is None:
            return said
        return said if said[1] > last[1] or (said[1] == last[1] and said[0] != last[0]) else None

    def _ended(
        self, name: str, job_id: str, data: Mapping[str, Any], progress: float
    ) -> Said | None:
        last = self._last.get(job_id)
        reached = last[1] if last is not None else percent(progress) if progress else 0
        if name == "JobCompleted":
            return ["Video encoding completed successfully"], 100
        if name == "JobFailed":
            why = data.get("errorMessage") or "The video could not be encoded."
            return [f"Video encoding failed: {why}"], reached
        if name == "JobCancelled":
            return ["Video encoding cancelled"], reached
        return None
