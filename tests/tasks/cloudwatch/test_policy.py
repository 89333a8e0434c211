"""The code asks AWS for what the policy in the documentation allows, and for all of it."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from tasks.cloudwatch.client import make_cloudwatch
from tasks.cloudwatch.shipping import Shipping
from tasks.errors import StorageFailed
from tasks.infra import ownership
from tasks.infra.storage import Storage
from tasks.infra.storage_client import make_client
from tasks.reports import health
from tasks.settings import get_settings
from tests.servers import Servers
from tests.tasks.cloudwatch.test_shipping import a_job_done
from webapp.cli.up import checkup

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cloudwatch.md").read_text(encoding="utf-8")

#: The rights that a call needs, where they are not called as it is
#: (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html).
RIGHTS = {
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
    "s3:ListParts": {"s3:ListMultipartUploadParts"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3:CreateMultipartUpload": {"s3:PutObject"},
    "s3:UploadPart": {"s3:PutObject"},
    "s3:CompleteMultipartUpload": {"s3:PutObject"},
    "s3:DeleteObjects": {"s3:DeleteObject"},
}


def policy() -> dict[str, set[str]]:
    """The actions of each statement, by its Sid."""
    block = next(b for b in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "Statement" in b)
    statements = json.loads(block)["Statement"]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {statement["Sid"]: set(statement["Action"]) for statement in statements}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The calls that boto3's clients, made from now on, send: ``service:Operation``."""
    calls: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        calls.add(f"{model.service_model.service_name}:{model.name}")

    session = boto3.Session()
    session.events.register("before-call.*.*", note)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    return calls


def rights(calls: set[str]) -> set[str]:
    return set().union(*(RIGHTS.get(call, {call}) for call in calls))


def test_the_logging(shipping: Shipping, asked: set[str]) -> None:
    watched = Shipping(make_cloudwatch(get_settings()))
    a_job_done()
    watched.once()
    assert [finding.state for finding in checkup._cloudwatch(get_settings())] == ["ok"]
    assert rights(asked) == policy()["Progress"]
    assert make_cloudwatch(get_settings()).group in PAGE


def test_the_storage(database: Servers, asked: set[str], tmp_path: Path) -> None:
    settings = get_settings()
    storage = Storage(make_client(settings), settings.s3_bucket, ownership.confirm)
    used: set[str] = set()
    path = tmp_path / "file"
    size = 9 * 1024**2
    path.write_bytes(b"x" * size)

    def use(name: str, *arguments: Any, **named: Any) -> Any:
        used.add(name)
        return getattr(storage, name)(*arguments, **named)

    use("ensure_bucket")
    use("put_bytes", "work/a", b"a", "text/plain")
    use("put_file", "work/b", path)
    use("get_bytes", "work/a")
    use("get_file", "work/b", tmp_path / "back")
    b"".join(use("open", "work/a", "bytes=0-0").chunks)
    use("head", "work/nothing")
    use("list", "work/")
    list(use("pages", "work/"))
    list(use("folders", "work/"))
    assert use("holds", "work/")
    assert storage.endpoint == settings.s3_endpoint_url
    use("copy", "work/a", "work/c", "text/plain")
    with use("writer", "work/d", most=size) as writer:
        writer.write(path.read_bytes())
    half = use("writer", "work/e", most=size)
    half.write(path.read_bytes())
    for upload in list(use("half_uploads", "work/")):
        use("last_part_at", upload)
        use("abort_upload", upload)
    half = use("writer", "work/f", most=size)
    half.write(path.read_bytes())
    half.abort()
    use("abort_uploads", "work/")
    use("delete", ["work/c"])
    use("delete_prefix", "work/")
    # A method that is new is to be used here too.
    public = {name for name, _ in inspect.getmembers(Storage, inspect.isfunction)}
    assert {name for name in public if not name.startswith("_")} - used == set()
    health._probe_client.cache_clear()
    assert health.check()["s3"].ok
    assert checkup._storage(settings).state == "ok"
    health._probe_client.cache_clear()
    allowed = policy()
    assert rights(asked) == allowed["Bucket"] | allowed["Objects"]


def test_a_bucket_is_made_only_where_there_is_none(database: Servers, asked: set[str]) -> None:
    storage = Storage(make_client(get_settings(), tries=1), "another-bucket", ownership.confirm)
    try:
        storage.ensure_bucket()
    except StorageFailed as error:
        pytest.fail(str(error))
    finally:
        database.s3_client.delete_bucket(Bucket="another-bucket")
    assert "s3:CreateBucket" in asked
    assert "`s3:CreateBucket`" in PAGE


def test_nothing_else_makes_a_client() -> None:
    root = Path(__file__).resolve().parents[3]
    makers = {
        str(path.relative_to(root))
        for folder in ("tasks", "webapp")
        for path in (root / folder).rglob("*.py")
        if re.search(
            r"\bboto3\.(client|resource|Session)\(|get_storage\(\)\.client\b",
            path.read_text(encoding="utf-8"),
        )
    }
    # The embedded server is not AWS.
    assert makers - {"webapp/cli/up/servers.py"} == {
        "tasks/cloudwatch/client.py",
        "tasks/infra/storage_client.py",
    }
