"""Only the owner of a bucket removes anything from it."""

import pytest

from tasks import keys
from tasks.errors import NotOwner
from tasks.infra import ownership
from tasks.infra.storage import get_storage
from tasks.models import Media
from tasks.models.clock import now
from tests.servers import INSTALLATION, Servers

ANOTHER = b'{"installation": "00000000-0000-4000-8000-0000000000aa"}'
NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture(autouse=True)
def unmarked(database: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket without a mark, of which this process knows nothing yet."""
    database.s3_client.delete_object(Bucket=database.bucket, Key=keys.owner_mark())
    monkeypatch.setattr(ownership, "_confirmed", {})
    monkeypatch.setattr(ownership, "TRUSTED_SECONDS", 0.0)


def test_an_empty_bucket_becomes_this_installations() -> None:
    get_storage().delete(["film.mp4"])
    assert ownership.marked_owner(get_storage()) == INSTALLATION == ownership.installation_id()


def test_nothing_is_removed_from_a_bucket_of_another(database: Servers) -> None:
    storage = get_storage()
    storage.put_bytes(keys.owner_mark(), ANOTHER)
    storage.put_bytes("a", b"a")
    half = storage.writer("b")
    half.write(b"x" * half.part_size)
    with pytest.raises(NotOwner, match=r"belongs to another installation .*0000aa"):
        storage.delete(["a"])
    with pytest.raises(NotOwner, match="nothing is removed"):
        storage.delete_prefix("a")
    with pytest.raises(NotOwner, match="nothing is removed"):
        storage.abort_uploads("b")
    assert storage.head("a") is not None
    assert len(list(storage.half_uploads("b"))) == 1
    # Its own upload is another matter: whoever began it may give it up.
    half.abort()
    assert ownership.claim(storage) == "00000000-0000-4000-8000-0000000000aa"
    storage.delete(["a"])
    assert storage.head("a") is None


def test_files_that_no_row_names_are_a_strangers() -> None:
    storage = get_storage()
    key = keys.source(NOBODY, "film.mp4")
    storage.put_bytes(key, b"a film")
    with pytest.raises(NotOwner, match="none that a row of this database names"):
        storage.delete([key])
    assert ownership.marked_owner(storage) is None


def test_a_bucket_of_an_earlier_version_is_known_by_its_sources() -> None:
    storage = get_storage()
    key = keys.source(NOBODY, "film.mp4")
    storage.put_bytes(key, b"a film")
    Media(media_id=NOBODY, filename="film.mp4", source_key=key, size=6, created_at=now()).save()
    storage.delete([key])
    assert storage.head(key) is None
    assert ownership.marked_owner(storage) == INSTALLATION


def test_a_mark_that_cannot_be_read_is_nobodys() -> None:
    get_storage().put_bytes(keys.owner_mark(), b"<html>")
    with pytest.raises(NotOwner):
        get_storage().delete(["a"])
