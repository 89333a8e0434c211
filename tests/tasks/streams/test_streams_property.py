"""Whatever is asked of the jobs of a video, and whoever is killed or overtaken: the stream that its
master names is there, whole, and of one encoding.

Hypothesis drives several jobs of one video over real servers. Uploads are the product's own; what
encodes is played here, and writes into every file by which encoding it was made.
"""

import contextlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tasks import keys, streams
from tasks.control.actions import act
from tasks.errors import EncoderFailed
from tasks.infra.storage import Storage, get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.allowed import Action
from tasks.models import (
    Kind,
    Media,
    Step,
    StepKind,
    Stream,
    StreamState,
    TranscodeJob,
    UploadJob,
)
from tasks.models.clock import now
from tasks.recovery import bucket_look
from tasks.recovery.reconciler import reconcile
from tasks.recovery.survey import reading
from tests.tasks.rows import a_job, a_media, a_step, claimed
from tests.tasks.streams.encodings import MASTER, NAMES, PLAYLIST, live_id, played
from tests.tasks.uploading import do

WHO = "ada@example.com"
PICK = st.integers(min_value=0, max_value=1000)
#: Jobs of the video in one example.
MOST_JOBS = 4
OPEN = ("waiting", "active")


class Killed(BaseException):
    """As if the process was gone."""


class Machine(RuleBasedStateMachine):
    """The rules are what may happen at any time."""

    def __init__(self) -> None:
        super().__init__()
        for model in (Media, Stream, TranscodeJob, Step, UploadJob):
            model._get_collection().delete_many({})
        self.media_id = a_media().media_id

    # What jobs do

    @precondition(lambda self: TranscodeJob.objects.count() < MOST_JOBS)
    @rule()
    def submit_and_encode(self) -> None:
        self.encode(a_job(media_id=self.media_id))

    @precondition(lambda self: self.jobs("waiting"))
    @rule(pick=PICK)
    def encode_again(self, pick: int) -> None:
        """What was cleaned up and retried."""
        job = _one_of(self.jobs("waiting"), pick)
        if not job.plan:
            self.encode(job)

    @precondition(lambda self: self.queued())
    @rule(count=st.integers(min_value=1, max_value=6))
    def upload(self, count: int) -> None:
        for _ in range(count):
            if queued := self.queued():
                do(queued[0])

    @precondition(lambda self: self.queued())
    @rule(pick=PICK, writes=st.integers(min_value=1, max_value=5))
    def be_killed(self, pick: int, writes: int) -> None:
        """A worker dies after so many writes to the bucket; its lease runs out."""
        upload = _one_of(self.queued(), pick)

        def die() -> None:
            raise Killed

        with contextlib.suppress(Killed), after_writes(writes, die):
            do(upload)
        UploadJob._get_collection().update_one(
            {"job_id": upload.job_id, "status": "active"},
            [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
        )

    @precondition(lambda self: self.queued())
    @rule(
        pick=PICK,
        writes=st.integers(min_value=1, max_value=5),
        meanwhile=st.sampled_from(["clean_up", "delete", "start_over", "publish", "overtake"]),
        other=PICK,
    )
    def be_paused(self, pick: int, writes: int, meanwhile: str, other: int) -> None:
        """A worker stands still before a write; then it goes on, knowing nothing of what was."""
        upload = _one_of(self.queued(), pick)
        job = lifecycle.find(TranscodeJob, upload.transcode_id)

        def act_meanwhile() -> None:
            if meanwhile == "publish":
                self.publish(other)
            elif meanwhile == "overtake":
                self.upload(6)
            else:
                self.give_up(job, EncoderFailed("It stumbled."))
                with contextlib.suppress(lifecycle.Conflict, lifecycle.NotFound):
                    if meanwhile == "delete":
                        act(Kind.transcode, Action.delete, job.job_id, WHO, outputs=True)
                    else:
                        act(Kind.transcode, Action.cleanup, job.job_id, WHO)
                    if meanwhile == "start_over":
                        act(Kind.transcode, Action.retry, job.job_id, WHO)
                        self.encode(lifecycle.find(TranscodeJob, job.job_id))
                        self.upload(6)

        with after_writes(writes, act_meanwhile):
            do(upload)

    # What people do

    @precondition(lambda self: self.jobs(*OPEN))
    @rule(pick=PICK)
    def fail(self, pick: int) -> None:
        self.give_up(_one_of(self.jobs(*OPEN), pick), EncoderFailed("It stumbled."))

    @precondition(lambda self: self.jobs(*OPEN))
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        act(Kind.transcode, Action.cancel, _one_of(self.jobs(*OPEN), pick).job_id, WHO)

    @precondition(lambda self: self.jobs("failed", "cancelled"))
    @rule(pick=PICK, action=st.sampled_from([Action.retry, Action.cleanup, Action.sync]))
    def act_on_failed(self, pick: int, action: Action) -> None:
        job = _one_of(self.jobs("failed", "cancelled"), pick)
        act(Kind.transcode, action, job.job_id, WHO)

    @precondition(lambda self: self.jobs("completed", "failed", "cancelled"))
    @rule(pick=PICK, outputs=st.booleans())
    def delete(self, pick: int, outputs: bool) -> None:
        job = _one_of(self.jobs("completed", "failed", "cancelled"), pick)
        act(Kind.transcode, Action.delete, job.job_id, WHO, outputs=outputs)

    @rule(pick=PICK)
    def publish(self, pick: int) -> None:
        found = list(Stream.objects.order_by("created_at", "stream_id"))
        if found:
            with contextlib.suppress(streams.NotPublishable, streams.NoSuchStream):
                streams.publish(self.media_id, _one_of(found, pick).stream_id, WHO)

    # What heals it

    @rule(days=st.booleans())
    def look(self, days: bool) -> None:
        if days:
            past = now() - timedelta(days=2)
            Stream.objects(state=StreamState.retired.value).update(set__retired_at=past)
            Media.objects(master_due__ne=None).update(set__master_due=past)
        reconcile()
        bucket_look.look()

    @invariant()
    def what_the_master_names_is_whole_and_of_one_encoding(self) -> None:
        played(self.media_id)

    def teardown(self) -> None:
        self.look(days=True)
        assert played(self.media_id) == (self.encoding_of(live_id(self.media_id)))
        states = Stream.objects(state=StreamState.live.value).scalar("stream_id")
        assert list(states) == [one for one in [live_id(self.media_id)] if one]
        assert list(bucket_look.look().orphans) == []

    # Played parts

    def encoding_of(self, stream_id: str | None) -> str | None:
        """What the files of a stream say by which encoding they were made."""
        if stream_id is None:
            return None
        stream = Stream.objects(stream_id=stream_id).get()
        return get_storage().get_bytes(f"{streams.prefix(stream)}720p/init.mp4").decode()

    def jobs(self, *statuses: str) -> list[TranscodeJob]:
        return list(TranscodeJob.objects(status__in=statuses).order_by("created_at", "job_id"))

    def queued(self) -> list[UploadJob]:
        waiting = UploadJob.objects(status="waiting", message_id__ne=None, next_attempt_at=None)
        return list(waiting.order_by("created_at", "job_id"))

    def encode(self, job: TranscodeJob) -> None:
        """All steps of a job are completed, and its work area has what they made."""
        token = secrets.token_hex(6)
        prefix = keys.work(job.job_id, token, "")
        files = {f"720p/{name}": token for name in NAMES}
        for name, text in {**files, "720p/playlist.m3u8": PLAYLIST, keys.MASTER: MASTER}.items():
            get_storage().put_bytes(prefix + name, text.encode())
        outputs = [
            {
                "name": "720p",
                "init_name": "720p/init.mp4",
                "segments": [{"name": f"720p/{name}"} for name in NAMES[1:]],
            }
        ]
        results: dict[StepKind, dict[str, Any]] = {
            StepKind.SPLIT: {},
            StepKind.CHUNK: {"renditions": outputs, "prefix": prefix},
            StepKind.MERGE: {"playlists": ["720p/playlist.m3u8"], "prefix": prefix},
        }
        fields = {"plan": {"chunks": [{}]}, "renditions": [{"name": "720p"}]}
        lifecycle.activate(job.job_id)
        lifecycle.update_job(job.job_id, fields)
        Step.objects(transcode_id=job.job_id).delete()
        for kind, result in results.items():
            lifecycle.complete(claimed(a_step(job, kind)), {"result": result})
        advance(job.job_id)

    def give_up(self, job: TranscodeJob, error: EncoderFailed) -> None:
        lifecycle.activate(job.job_id)
        lifecycle.fail_jobs({job.job_id: error})
        lifecycle.cancel_children([job.job_id], WHO, "Its job failed.")


@contextlib.contextmanager
def after_writes(count: int, do_it: Callable[[], None]) -> Any:
    """Does something once, before the write to the bucket of that number."""
    left = [count]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("put_bytes", "copy"):
            patch.setattr(Storage, name, _counting(getattr(Storage, name), left, do_it))
        yield


def _counting(write: Any, left: list[int], do_it: Callable[[], None]) -> Any:
    def writes(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            do_it()
        return write(*args, **more)

    return writes


def _one_of(items: Any, pick: int) -> Any:
    return items[pick % len(items)]


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: here nothing moves while a pass looks."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


# Minutes on a machine that is busy with something else.
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("no_grace", "database")
def test_what_a_master_names_is_always_there_whole_and_of_one_encoding() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            # An example takes about ten seconds.
            max_examples=settings().max_examples // 25,
            stateful_step_count=20,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
