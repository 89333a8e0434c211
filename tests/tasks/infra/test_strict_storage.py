"""Storages that refuse what others take: deletions without a header, parts of unequal size."""

from collections.abc import Iterator

import pytest

from tasks.infra.multipart_writer import MAX_PARTS, PART_BYTES, part_bytes
from tasks.infra.storage import get_storage
from tasks.settings import get_settings
from tests.recovery.storage_proxy import StorageProxy
from tests.servers import Servers

MIB = 1024**2


@pytest.fixture
def proxy(database: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageProxy]:
    with StorageProxy(database.s3.url) as proxy:
        monkeypatch.setenv("S3_ENDPOINT_URL", proxy.url)
        get_settings.cache_clear()
        yield proxy


@pytest.mark.parametrize("header", ["content-md5", "x-amz-checksum-crc32"])
def test_objects_are_removed_whichever_header_a_storage_wants(
    proxy: StorageProxy, header: str
) -> None:
    strict = proxy.be_strict(header)
    storage = get_storage()
    for name in ("a", "b", "ü & c"):
        storage.put_bytes(f"x/{name}", b"some bytes")
    assert storage.delete_prefix("x/") == 3
    assert storage.list("x/") == {}
    assert strict.refused == []


@pytest.mark.parametrize("most", [60 * MIB, None])
def test_all_parts_but_the_last_are_of_one_size(proxy: StorageProxy, most: int | None) -> None:
    strict = proxy.be_strict("content-md5")
    with get_storage().writer("big", most=most) as writer:
        for _ in range(60):
            writer.write(b"x" * MIB)
    info = get_storage().head("big")
    assert info is not None
    assert info.size == 60 * MIB
    assert strict.refused == []
    parts = [request.size for request in proxy.done if request.part]
    assert parts[0] == PART_BYTES if most else part_bytes(get_settings().max_upload_bytes)
    assert len(parts) > 2


@pytest.mark.parametrize("most", [1, 10**9, 200 * 1024**3, 5 * 1024**4])
def test_the_largest_object_fits_into_the_parts_that_are_allowed(most: int) -> None:
    part = part_bytes(most)
    assert part >= PART_BYTES
    assert -(-most // part) <= MAX_PARTS
