"""Writes an object piece by piece, as a multipart upload where it is large."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tasks.errors import StorageFailed
from tasks.infra.storage_client import is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Bytes of one part of a multipart upload, at least; S3 asks for 5 MiB at least.
PART_BYTES = 8 * 1024**2
#: Parts that S3 allows for one object.
MAX_PARTS = 10_000
#: Part sizes are a multiple of this, in bytes.
_STEP = 1024**2


def part_bytes(most: int) -> int:
    """Part size in bytes for an object of up to ``most`` bytes.

    All parts of an object but the last have it: some storages (R2, Garage) refuse others.
    """
    steps = -(-most // (MAX_PARTS * _STEP))
    return max(PART_BYTES, steps * _STEP)


class MultipartWriter:
    """Writes an object as its bytes come in; nothing is visible before ``close``.

    Holds one part in memory. As a context manager it closes at the end, and aborts on an error.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        content_type: str | None,
        part_size: int = PART_BYTES,
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.key = key
        self.content_type = content_type
        self.part_size = part_size
        self.size = 0
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        """Takes the next bytes; blocks while a full part is on its way."""
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            room = self.part_size - len(self._buffer)
            self._buffer += rest[:room]
            rest = rest[room:]
            if len(self._buffer) == self.part_size:
                self._send()

    def close(self) -> None:
        """Finishes the object."""
        if self._upload_id is None:
            extra: dict[str, Any] = {"ContentType": self.content_type} if self.content_type else {}
            with translated(f"write {self.key}"):
                self.client.put_object(
                    Bucket=self.bucket, Key=self.key, Body=bytes(self._buffer), **extra
                )
            return
        if self._buffer:
            self._send()
        with translated(f"finish {self.key}"):
            try:
                self.client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=self.key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": self._parts},  # type: ignore[typeddict-item]
                )
            except ClientError as error:
                # boto3 asks again where an answer was lost, and then the upload is over already.
                if not (is_missing(error) and self._is_there()):
                    raise
        self._upload_id = None

    def _is_there(self) -> bool:
        try:
            reply = self.client.head_object(Bucket=self.bucket, Key=self.key)
        except ClientError:
            return False
        return int(reply["ContentLength"]) == self.size

    def abort(self) -> None:
        """Gives up; what was sent is removed."""
        self._buffer.clear()
        if self._upload_id is not None:
            upload_id, self._upload_id = self._upload_id, None
            with translated(f"give up {self.key}"):
                self.client.abort_multipart_upload(
                    Bucket=self.bucket, Key=self.key, UploadId=upload_id
                )

    def __enter__(self) -> "MultipartWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except StorageFailed:
            self.abort()
            raise

    def _send(self) -> None:
        part, self._buffer = self._buffer, bytearray()
        with translated(f"write {self.key}"):
            client, bucket = self.client, self.bucket
            if self._upload_id is None:
                extra: dict[str, Any] = (
                    {"ContentType": self.content_type} if self.content_type else {}
                )
                reply = client.create_multipart_upload(Bucket=bucket, Key=self.key, **extra)
                self._upload_id = reply["UploadId"]
            number = len(self._parts) + 1
            sent = client.upload_part(
                Bucket=bucket,
                Key=self.key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=part,  # type: ignore[arg-type]  # botocore takes a bytearray too
            )
            self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
