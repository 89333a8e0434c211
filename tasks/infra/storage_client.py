"""The client of the object storage, and its failures as ours."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks.errors import StorageFailed
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: What storages answer of what is not there.
MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})


def is_missing(error: ClientError) -> bool:
    """Whether storage said that there is no such thing."""
    return error.response.get("Error", {}).get("Code") in MISSING


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Makes every failure inside a StorageFailed that says it was asked to ``what``."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise StorageFailed(f"Storage answered {code} when asked to {what}.") from error
    except (BotoCoreError, Boto3Error) as error:
        raise StorageFailed(f"Storage did not answer when asked to {what}.") from error


def make_client(settings: Settings, *, patience: float = 60, tries: int = 8) -> "S3Client":
    """A boto3 client for the storage that the settings name.

    ``patience``: seconds that one try waits for an answer.
    """
    secret = settings.aws_secret_access_key
    session_token = settings.aws_session_token
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name=settings.aws_region,
        aws_access_key_id=settings.aws_access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=session_token.get_secret_value() if session_token else None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if settings.s3_endpoint_url else "auto"},
            retries={"mode": "standard", "total_max_attempts": tries},
            connect_timeout=min(5.0, patience),
            read_timeout=patience,
            max_pool_connections=64,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    client.meta.events.register("before-sign.s3.DeleteObjects", _add_content_md5)
    return client


def _add_content_md5(request: Any, **_: Any) -> None:
    """Adds Content-MD5 to a request that removes many objects.

    boto3 sends a CRC32 alone, which older storages do not know: they refuse a deletion without
    Content-MD5. S3 checks both where both are there.
    """
    if "Content-MD5" not in request.headers:
        digest = hashlib.md5(request.data, usedforsecurity=False).digest()
        request.headers["Content-MD5"] = base64.b64encode(digest).decode()
