"""Object storage: the one path by which anything reaches or leaves the bucket."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tasks import keys
from tasks.errors import Stopped, StorageFailed
from tasks.infra import ownership
from tasks.infra.multipart_writer import PART_BYTES, MultipartWriter, part_bytes
from tasks.infra.storage_client import MISSING, is_missing, make_client, translated
from tasks.settings import Settings, get_settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

#: Bytes read from storage at a time when a body is passed on.
READ_BYTES = 256 * 1024
#: Bytes of a file that is written in one request. Any segment is smaller: an object written in
#: parts has an etag that its copy has not, so an upload could not tell that the copy is there.
WHOLE_BYTES = 64 * 1024**2
#: Keys that one delete request may name.
DELETE_BATCH = 1000


class RangeNotSatisfiable(Exception):
    """The bytes asked for lie outside of the object."""


@dataclass(frozen=True)
class ObjectInfo:
    """An object in the bucket; ``size`` in bytes, ``etag`` without quotes."""

    key: str
    size: int
    etag: str
    last_modified: datetime | None = None
    content_type: str | None = None


@dataclass(frozen=True)
class HalfUpload:
    """A multipart upload that was begun and neither finished nor given up."""

    key: str
    upload_id: str
    begun_at: datetime


@dataclass(frozen=True)
class Opened:
    """An object being read. ``size`` is of this body, ``total`` of the object, in bytes."""

    chunks: Iterator[bytes]
    size: int
    total: int
    content_range: str | None
    content_type: str
    etag: str
    status: int


class Storage:
    """The bucket of this installation. Every failure is a StorageFailed.

    ``may_remove`` is called before anything is removed, and raises NotOwner where that is refused.
    """

    def __init__(
        self, client: "S3Client", bucket: str, may_remove: Callable[["Storage"], None]
    ) -> None:
        self.client = client
        self.bucket = bucket
        self._may_remove = may_remove

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return str(self.client.meta.endpoint_url)

    def ensure_bucket(self) -> None:
        """Makes the bucket where it is missing and may be made."""
        with translated(f"find the bucket {self.bucket}"):
            try:
                self.client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if code not in MISSING | {"NoSuchBucket"}:
                    raise
                self._create_bucket()

    def _create_bucket(self) -> None:
        region = self.client.meta.region_name
        if region == "us-east-1":
            # The one region that must not be named.
            self.client.create_bucket(Bucket=self.bucket)
            return
        place = cast("BucketLocationConstraintType", region)
        self.client.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": place}
        )

    def put_bytes(self, key: str, data: bytes, content_type: str | None = None) -> None:
        """Writes a whole object."""
        extra = _headers(key, content_type)
        with translated(f"write {key}"):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=data, **extra)

    def put_file(
        self,
        key: str,
        path: Path,
        content_type: str | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Writes a file of any size, whole or not at all; it may be stopped between two parts.

        Raises Stopped.
        """
        extra = _headers(key, content_type)
        size = path.stat().st_size
        if size <= WHOLE_BYTES:
            with path.open("rb") as file, translated(f"write {key}"):
                self.client.put_object(Bucket=self.bucket, Key=key, Body=file, **extra)
            return
        with path.open("rb") as file, self.writer(key, content_type, most=size) as writer:
            while data := file.read(PART_BYTES):
                if stop is not None and stop.is_set():
                    raise Stopped("Stopped while writing to storage.")
                writer.write(data)

    def get_bytes(self, key: str) -> bytes:
        """Reads a whole object. Raises KeyError for an unknown key."""
        return b"".join(self.open(key).chunks)

    def get_file(self, key: str, path: Path, stop: threading.Event | None = None) -> None:
        """Reads an object into ``path``, whole or not at all. Raises KeyError, Stopped."""
        partial = path.with_name(path.name + ".partial")
        path.parent.mkdir(parents=True, exist_ok=True)

        def heed(_bytes: int) -> None:
            if stop is not None and stop.is_set():
                raise Stopped("Stopped while reading from storage.")

        try:
            with translated(f"read {key}"):
                try:
                    self.client.download_file(
                        self.bucket,
                        key,
                        str(partial),
                        Callback=heed,
                        Config=TransferConfig(max_concurrency=4),
                    )
                except ClientError as error:
                    if is_missing(error):
                        raise KeyError(key) from error
                    raise
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def open(self, key: str, byte_range: str | None = None) -> Opened:
        """Starts to read; ``byte_range`` is an HTTP Range header's value.

        Raises KeyError for an unknown key, RangeNotSatisfiable.
        """
        extra: dict[str, Any] = {"Range": byte_range} if byte_range else {}
        with translated(f"read {key}"):
            try:
                reply = self.client.get_object(Bucket=self.bucket, Key=key, **extra)
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code"))
                if is_missing(error):
                    raise KeyError(key) from error
                if code in {"InvalidRange", "416"}:
                    raise RangeNotSatisfiable(byte_range) from error
                raise
        body, size = reply["Body"], reply["ContentLength"]
        content_range = reply.get("ContentRange")

        def chunks() -> Iterator[bytes]:
            try:
                with translated(f"read {key}"):
                    while data := body.read(READ_BYTES):
                        yield data
            finally:
                body.close()

        return Opened(
            chunks=chunks(),
            size=size,
            total=int(content_range.rsplit("/", 1)[1]) if content_range else size,
            content_range=content_range,
            content_type=reply.get("ContentType", "application/octet-stream"),
            etag=reply["ETag"].strip('"'),
            status=206 if content_range else 200,
        )

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object, or None where there is none."""
        with translated(f"look at {key}"):
            try:
                reply = self.client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return ObjectInfo(
            key=key,
            size=reply["ContentLength"],
            etag=reply["ETag"].strip('"'),
            last_modified=reply["LastModified"],
            content_type=reply.get("ContentType"),
        )

    def pages(self, prefix: str) -> Iterator[tuple[ObjectInfo, ...]]:
        """Every object whose key begins with ``prefix``, up to a thousand at a time."""
        with translated(f"list {prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            for page in pages:
                yield tuple(
                    ObjectInfo(
                        key=entry["Key"],
                        size=entry["Size"],
                        etag=entry["ETag"].strip('"'),
                        last_modified=entry["LastModified"],
                    )
                    for entry in page.get("Contents", [])
                )

    def list(self, prefix: str) -> dict[str, ObjectInfo]:
        """Every object whose key begins with ``prefix``, by key."""
        return {info.key: info for page in self.pages(prefix) for info in page}

    def holds(self, prefix: str) -> bool:
        """Whether there is an object whose key begins with ``prefix``."""
        with translated(f"list {prefix}"):
            reply = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=1)
        return bool(reply.get("Contents"))

    def folders(self, prefix: str, first: str = "") -> Iterator[str]:
        """What follows ``prefix`` (which ends with a slash) in keys, up to the next slash.

        In the order of the keys; ``first`` is where to begin.
        """
        with translated(f"list {prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/", StartAfter=prefix + first
            )
            for page in pages:
                for entry in page.get("CommonPrefixes", []):
                    yield entry["Prefix"].removeprefix(prefix).rstrip("/")

    def copy(self, source: str, target: str, content_type: str) -> None:
        """Copies an object inside of the bucket, without reading it. Raises KeyError."""
        with translated(f"copy {source} to {target}"):
            try:
                self.client.copy_object(
                    Bucket=self.bucket,
                    Key=target,
                    CopySource={"Bucket": self.bucket, "Key": source},
                    MetadataDirective="REPLACE",
                    **_headers(target, content_type),
                )
            except ClientError as error:
                if is_missing(error):
                    raise KeyError(source) from error
                raise

    def delete(self, names: Sequence[str]) -> None:
        """Removes objects; unknown keys don't matter.

        Where storage keeps some, all others are removed before that is a StorageFailed. Raises
        NotOwner.
        """
        if names:
            self._may_remove(self)
        refused: list[str] = []
        for start in range(0, len(names), DELETE_BATCH):
            batch = names[start : start + DELETE_BATCH]
            with translated(f"remove {batch[0]}"):
                reply = self.client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            # What is refused of single keys comes with an answer of success.
            refused += [
                f"{error.get('Code')} when asked to remove {error.get('Key')}"
                for error in reply.get("Errors", [])
                if error.get("Code") not in MISSING
            ]
        if refused:
            more = f", and to {len(refused) - 1:,} keys more" if len(refused) > 1 else ""
            raise StorageFailed(f"Storage answered {refused[0]}{more}.")

    def delete_prefix(self, prefix: str) -> int:
        """Removes every object whose key begins with ``prefix``; returns how many."""
        found = [*self.list(prefix)]
        self.delete(found)
        return len(found)

    def abort_uploads(self, prefix: str) -> int:
        """Gives up every unfinished multipart upload below ``prefix``; returns how many."""
        found = [*self.half_uploads(prefix)]
        for upload in found:
            self.abort_upload(upload)
        return len(found)

    def half_uploads(self, prefix: str = "") -> Iterator[HalfUpload]:
        """Every unfinished multipart upload below ``prefix``."""
        with translated("list unfinished uploads"):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            try:
                for page in pages:
                    for entry in page.get("Uploads", []):
                        yield HalfUpload(entry["Key"], entry["UploadId"], entry["Initiated"])
            except ClientError as error:
                # What some storages answer where there never was one.
                if not is_missing(error):
                    raise

    def last_part_at(self, upload: HalfUpload) -> datetime | None:
        """When its newest part came; None where it has none, or is gone."""
        with translated(f"list the parts of {upload.key}"):
            pages = self.client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id
            )
            try:
                times = [part["LastModified"] for page in pages for part in page.get("Parts", [])]
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return max(times, default=None)

    def abort_upload(self, upload: HalfUpload) -> None:
        """Gives up one unfinished multipart upload; one that is gone doesn't matter.

        Raises NotOwner.
        """
        self._may_remove(self)
        with translated(f"give up {upload.key}"):
            try:
                self.client.abort_multipart_upload(
                    Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id
                )
            except ClientError as error:
                if not is_missing(error):
                    raise

    def writer(
        self, key: str, content_type: str | None = None, *, most: int | None = None
    ) -> MultipartWriter:
        """An object to be written piece by piece; ``most`` is the largest size it can have, in
        bytes, where something less than DAILIES_MAX_UPLOAD_BYTES is known."""
        limit = get_settings().max_upload_bytes
        part = part_bytes(limit if most is None else min(most, limit))
        return MultipartWriter(self.client, self.bucket, key, content_type, part)


def _headers(key: str, content_type: str | None) -> dict[str, Any]:
    """What storage is told to send with an object, to those who read it there."""
    headers = {"ContentType": content_type, "CacheControl": keys.cache_control(key)}
    return {name: value for name, value in headers.items() if value}


@lru_cache(maxsize=4)
def _storage(settings: Settings) -> Storage:
    return Storage(make_client(settings), settings.s3_bucket, ownership.confirm)


def get_storage() -> Storage:
    """The bucket that the settings of this process name."""
    return _storage(get_settings())
