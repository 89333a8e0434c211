"""An upload that is cancelled stops where it is: nothing more is put, and no half file stays."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.control.actions import act
from tasks.errors import Stopped
from tasks.infra import storage
from tasks.infra.multipart_writer import PART_BYTES
from tasks.infra.storage import get_storage
from tasks.jobs.allowed import Action
from tasks.models import Kind, Status, UploadJob
from tasks.settings import get_settings
from tests.recovery.storage_proxy import Request, StorageProxy, Wanted, writes
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.uploading import AtWork, do_uploads, upload_of, uploading_job

EDITOR = "editor@studio"
#: Segments of the rendition, and how many files of it are on their way at the same time.
SEGMENTS, PARALLEL = 12, 8


@pytest.fixture
def proxy(database: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageProxy]:
    """Between the code under test and its storage."""
    with StorageProxy(database.s3.url) as between:
        monkeypatch.setenv("S3_ENDPOINT_URL", between.url)
        get_settings.cache_clear()
        yield between
    monkeypatch.undo()
    get_settings.cache_clear()


def reads_master(request: Request) -> bool:
    return request.method == "GET" and request.key.endswith("/master.m3u8")


@pytest.mark.parametrize(
    ("upload_type", "wanted", "under_way"),
    [
        ("hls", writes(""), PARALLEL),
        ("subtitle", writes(""), 1),
        ("master_playlist", reads_master, 0),
    ],
)
def test_no_more_is_put_than_was_on_its_way(
    proxy: StorageProxy, upload_type: str, wanted: Wanted, under_way: int
) -> None:
    subtitle = upload_type == "subtitle"
    job = uploading_job(segments=SEGMENTS, subtitle=subtitle)
    if upload_type == "master_playlist":
        do_uploads(job, "hls")
    before = proxy.written()
    hold = proxy.hold(wanted)
    upload = upload_of(job, upload_type)
    worker = AtWork(upload)
    hold.reached(max(1, under_way))

    act(Kind.upload, Action.cancel, upload.job_id, EDITOR)

    assert upload_of(job, upload_type).status == Status.cancelled
    until(worker.told_to_stop, "the worker to hear of it")
    hold.release()
    worker.end()
    put = proxy.written()[len(before) :]
    assert sorted(put) == sorted(request.key for request in hold.held if request.method == "PUT")
    assert len(put) == under_way
    assert [*get_storage().half_uploads()] == []
    assert upload_of(job, upload_type).history[-1].who == EDITOR


def test_uploads_are_cancelled_with_their_job(proxy: StorageProxy) -> None:
    job = uploading_job(segments=SEGMENTS, subtitle=True)
    hold = proxy.hold(writes(""))
    worker = AtWork(upload_of(job))
    hold.reached(PARALLEL)

    act(Kind.transcode, Action.cancel, job.job_id, EDITOR)

    uploads = UploadJob.objects(transcode_id=job.job_id)
    assert {upload.status for upload in uploads} == {Status.cancelled}
    assert uploads.count() == 3
    until(worker.told_to_stop, "the worker to hear of it")
    hold.release()
    worker.end()
    assert len(proxy.written()) == PARALLEL
    do_uploads(job)
    assert len(proxy.written()) == PARALLEL


def test_a_file_in_parts_stops_between_two_of_them(
    proxy: StorageProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WHOLE_BYTES", PART_BYTES)
    path = tmp_path / "large"
    path.write_bytes(bytes(3 * PART_BYTES))
    hold = proxy.hold(lambda request: request.part == 2)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        put = pool.submit(get_storage().put_file, "work/large", path, None, stop)
        hold.reached()
        assert len([*get_storage().half_uploads()]) == 1
        stop.set()
        hold.release()
        with pytest.raises(Stopped):
            put.result(30)
    assert [request.part for request in proxy.done if request.part] == [1, 2]
    assert [*get_storage().half_uploads()] == []
    assert get_storage().head("work/large") is None
