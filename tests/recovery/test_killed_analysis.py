"""A worker is killed in the middle of an analysis, and another one makes the module."""

from collections.abc import Callable
from pathlib import Path

from tasks.media.tools import Tools
from tasks.models import Status, TrainingModule
from tests.analysis.clips import a_module, training_clip
from tests.analysis.endpoint import Endpoint, Reply, chat, module, serving, transcription
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.waiting import until
from tests.servers import Servers

START = Callable[..., Dailies]


def test_a_killed_worker_loses_no_module(
    empty: Servers, dailies: START, tools: Tools, tmp_path: Path
) -> None:
    with serving() as endpoint:
        endpoint.answers("audio/transcriptions", transcription())
        # The first question is answered when nobody is there any more.
        late = Reply(chat(module()).body, wait=600)
        endpoint.answers("chat/completions", late, chat(module()))
        run = dailies(DAILIES_ANALYSIS_PROVIDER="openai", OPENAI_BASE_URL=endpoint.url)
        run.start("reconciler")
        worker = run.worker(pace=FAST)
        row = a_module(training_clip(tools, tmp_path / "clip.mp4"))
        until(lambda: len(_asked(endpoint)) == 1, "a question that is not answered")
        process = worker.working()
        process.kill()
        process.wait()
        worker.kill()

        run.worker(pace=FAST)

        def ready() -> TrainingModule | None:
            now: TrainingModule = TrainingModule.objects.get(job_id=row.job_id)
            return now if now.finished else None

        done = until(ready, "the module", 90)
        assert done.status == Status.completed, done.error_message
        assert done.title == "Clean hands"
        assert done.lost == 1
        # What was heard before is not paid for again.
        heard = [asked for asked in endpoint.asked if asked.path == "audio/transcriptions"]
        assert len(heard) == 1
        assert [entry["progress"] for entry in done.milestones] == [10, 30, 60, 90, 100]


def _asked(endpoint: Endpoint) -> list[object]:
    return [asked for asked in endpoint.asked if asked.path == "chat/completions"]
