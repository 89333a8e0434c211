"""Storage that keeps what should be removed is told of, and holds no job up."""

from collections.abc import Iterator

import pytest

from tasks.errors import StorageFailed
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.attach import remove
from tasks.models import Media, Status, Subtitle, TranscodeJob
from tasks.settings import get_settings
from tests.recovery.storage_proxy import StorageProxy
from tests.servers import Servers
from tests.tasks.uploading import attached, do_uploads, uploading_job


@pytest.fixture
def keeping(database: Servers) -> Iterator[StorageProxy]:
    """Storage whose user may not delete, as it says of each key with an answer of success."""
    with StorageProxy(database.s3.url) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("S3_ENDPOINT_URL", proxy.url)
        get_settings.cache_clear()
        yield proxy
    get_settings.cache_clear()


def test_keys_that_are_kept_are_named(keeping: StorageProxy) -> None:
    keeping.refuse(lambda request: request.method == "POST", 200, "AccessDenied")
    with pytest.raises(StorageFailed, match="answered AccessDenied when asked to remove a/key"):
        get_storage().delete(["a/key", "another"])


def test_a_job_comes_to_its_end_all_the_same(keeping: StorageProxy) -> None:
    job = uploading_job("720p")
    media = Media.objects(media_id=job.media_id).get()
    subtitle = attached(media)
    refusal = keeping.refuse(lambda request: request.method == "POST", 200, "AccessDenied")
    with pytest.raises(StorageFailed):
        remove(media.media_id, subtitle.subtitle_id, "a test")

    do_uploads(job, "hls", "master_playlist")

    assert lifecycle.find(TranscodeJob, job.job_id).status == Status.completed
    assert Subtitle.objects(subtitle_id=subtitle.subtitle_id).count() == 1
    refusal.end()
    advance(job.job_id)
    assert Subtitle.objects(subtitle_id=subtitle.subtitle_id).count() == 0
