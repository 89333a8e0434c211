"""A video is being deleted when the process that removes its files is killed."""

from collections.abc import Callable

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import DeletedVideo, Media, TranscodeJob
from tasks.models.clock import now
from tasks.removal.videos import delete_videos
from tests.recovery.processes import Dailies
from tests.recovery.storage_proxy import StorageProxy
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.rows import a_job


def test_a_deletion_is_finished_after_a_kill(
    empty: Servers, dailies: Callable[..., Dailies]
) -> None:
    job = a_job()
    media_id = job.media_id
    key = keys.source(media_id, "film.mp4")
    Media(media_id=media_id, filename="film.mp4", source_key=key, size=1, created_at=now()).save()
    storage = get_storage()
    for name in (key, keys.video(media_id, "a", "0.m4s"), keys.work(job.job_id, "0.m4s")):
        storage.put_bytes(name, b"x")
    TranscodeJob.objects.update(set__status="failed")
    with StorageProxy(empty.s3.url) as proxy:
        hold = proxy.hold(lambda request: request.method == "POST" and "delete" in request.query)
        run = dailies(S3_ENDPOINT_URL=proxy.url)
        first = run.start("reconciler")
        assert delete_videos([media_id], "ada") == [media_id]
        hold.reached()
        first.kill()
        hold.drop()
        assert DeletedVideo.objects.get().media_id == media_id
        run.start("reconciler")
        until(lambda: DeletedVideo.objects.first() is None, "the end of the deletion", 200)
    assert sorted(storage.list("")) == [keys.owner_mark()]
    assert TranscodeJob.objects.first() is None
