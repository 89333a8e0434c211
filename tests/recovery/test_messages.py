"""A queue may deliver a message more than once; the work is done once."""

from collections.abc import Callable
from pathlib import Path

from tasks import keys
from tasks.media.tools import Tools
from tasks.models import Step, StepKind
from tasks.queue import broker
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.processes import Dailies
from tests.recovery.waiting import claims, complete, encoding_chunk, steps, until
from tests.servers import Servers


def test_the_same_message_twice_gives_one_result(
    empty: Servers,
    dailies: Callable[..., Dailies],
    film: Callable[[int], Path],
    tools: Tools,
    tmp_path: Path,
) -> None:
    def send_again(step: Step, message_id: str) -> None:
        assert broker.send(step.queue_name, step.job_id, message_id)

    def all_delivered() -> bool:
        return not any(broker.depths().values())

    job = job_of(empty, film(1))
    split = steps(job, StepKind.SPLIT)[0]
    # Both lie in the queue when the workers come; two threads, or two workers, take one each.
    send_again(split, split.message_id)
    run = dailies()
    workers = [run.worker(pace=2), run.worker(pace=2)]
    chunk = encoding_chunk(job)
    send_again(chunk, chunk.message_id)
    encoders = [e for worker in workers for e in worker.encoders(chunk)]
    until(lambda: broker.depths()[chunk.queue_name] == 1, "the idle worker to drop the message")
    assert [e for worker in workers for e in worker.encoders(chunk)] == encoders
    assert len(encoders) == 1

    complete(job)
    objects = _published(empty)
    for step, message_id in ((split, split.message_id), (chunk, chunk.message_id)):
        send_again(step, message_id)
    until(all_delivered, "every message to be dropped")
    for kind in StepKind.SPLIT, StepKind.CHUNK, StepKind.MERGE:
        (step,) = steps(job, kind)
        assert step.attempt == 1
        assert len(claims(step)) == 1
    assert _published(empty) == objects
    check_stream(empty, tools, job, tmp_path, frames_of(1))


def _published(servers: Servers) -> dict[str, object]:
    reply = servers.s3_client.list_objects_v2(Bucket=servers.bucket, Prefix=keys.streams())
    return {entry["Key"]: entry["LastModified"] for entry in reply["Contents"]}
