"""Object storage over a real S3 server."""

import threading
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tasks.errors import Stopped, StorageFailed
from tasks.infra.multipart_writer import PART_BYTES
from tasks.infra.storage import RangeNotSatisfiable, Storage, get_storage
from tasks.infra.storage_client import make_client
from tasks.settings import get_settings
from tests.servers import Servers

pytestmark = pytest.mark.usefixtures("database")


def uploads_under_way(servers: Servers) -> list[str]:
    reply = servers.s3_client.list_multipart_uploads(Bucket=servers.bucket)
    return [upload["Key"] for upload in reply.get("Uploads", [])]


def test_what_is_put_is_read_back_whole_and_in_parts() -> None:
    storage = get_storage()
    storage.put_bytes("a/b.vtt", b"0123456789", "text/vtt")
    assert storage.get_bytes("a/b.vtt") == b"0123456789"
    opened = storage.open("a/b.vtt", "bytes=2-4")
    assert (b"".join(opened.chunks), opened.status, opened.total) == (b"234", 206, 10)
    info = storage.head("a/b.vtt")
    assert info is not None
    assert (info.size, info.content_type) == (10, "text/vtt")


def test_what_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    storage = get_storage()
    assert storage.head("no/such") is None
    with pytest.raises(KeyError):
        storage.open("no/such")
    with pytest.raises(KeyError):
        storage.copy("no/such", "copy", "text/plain")
    with pytest.raises(KeyError):
        storage.get_file("no/such", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_bytes_beyond_the_end_are_refused() -> None:
    get_storage().put_bytes("a", b"0123")
    with pytest.raises(RangeNotSatisfiable):
        get_storage().open("a", "bytes=100-200")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 7])
def test_a_written_object_is_complete_whatever_its_size(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    with get_storage().writer("big", "video/mp4", most=3 * PART_BYTES) as writer:
        for start in range(0, size, 1_000_003):
            writer.write(data[start : start + 1_000_003])
    assert writer.size == size
    assert get_storage().get_bytes("big") == data


def test_a_write_that_breaks_off_leaves_nothing(database: Servers) -> None:
    def write_and_break_off() -> None:
        with get_storage().writer("big", most=3 * PART_BYTES) as writer:
            writer.write(b"x" * (PART_BYTES + 1))
            assert uploads_under_way(database) == ["big"]
            raise RuntimeError("the browser went away")

    with pytest.raises(RuntimeError, match="went away"):
        write_and_break_off()
    assert get_storage().head("big") is None
    assert uploads_under_way(database) == []


def test_an_upload_that_was_finished_unheard_is_finished(database: Servers) -> None:
    data = b"x" * (PART_BYTES + 1)
    with get_storage().writer("big", most=3 * PART_BYTES) as writer:
        writer.write(data)
        writer._send()
        # As boto3 asks where the answer is lost; and then it asks again.
        database.s3_client.complete_multipart_upload(
            Bucket=database.bucket,
            Key="big",
            UploadId=writer._upload_id or "",
            MultipartUpload={"Parts": writer._parts},  # type: ignore[typeddict-item]
        )
    assert get_storage().get_bytes("big") == data


def test_an_upload_that_somebody_gave_up_is_not_taken_for_finished(database: Servers) -> None:
    def write() -> None:
        with get_storage().writer("big", most=3 * PART_BYTES) as writer:
            writer.write(b"x" * (PART_BYTES + 1))
            assert get_storage().abort_uploads("big") == 1

    with pytest.raises(StorageFailed):
        write()


def test_half_uploads_below_a_prefix_are_given_up(database: Servers) -> None:
    storage = get_storage()
    assert storage.abort_uploads("work/1/") == 0
    for key in ("work/1/a", "work/10/a"):
        storage.writer(key, most=PART_BYTES).write(b"x" * PART_BYTES)
    assert storage.abort_uploads("work/1/") == 1
    assert uploads_under_way(database) == ["work/10/a"]
    assert storage.abort_uploads("work/10/") == 1


def test_a_stopped_read_leaves_no_half_file(tmp_path: Path) -> None:
    get_storage().put_bytes("a", b"0123")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        get_storage().get_file("a", tmp_path / "file", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_listed_and_removed_whole() -> None:
    storage = get_storage()
    for number in range(5):
        storage.put_bytes(f"work/1/{number}", b"x")
    storage.put_bytes("work/10/0", b"x")
    assert sorted(storage.list("work/1/")) == [f"work/1/{number}" for number in range(5)]
    assert storage.delete_prefix("work/1/") == 5
    assert list(storage.list("work/")) == ["work/10/0"]


def test_a_storage_that_is_away_is_a_storage_failure(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = get_storage()
    database.s3.kill()
    try:
        with pytest.raises(StorageFailed, match="did not answer"):
            storage.put_bytes("a", b"x")
    finally:
        database.s3.start()


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_missing_bucket_is_made_in_the_region_of_the_settings(region: str) -> None:
    # A server that minds regions, as Amazon's does.
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings = get_settings().model_copy(
            update={
                "s3_endpoint_url": f"http://{host}:{port}",
                "aws_region": region,
                "s3_bucket": f"dailies-{region}",
            }
        )
        storage = Storage(make_client(settings), settings.s3_bucket, lambda _storage: None)
        storage.ensure_bucket()
        storage.ensure_bucket()
        where = storage.client.get_bucket_location(Bucket=settings.s3_bucket)
        assert where["LocationConstraint"] == (None if region == "us-east-1" else region)
    finally:
        server.stop()
