"""The HTTP API as a program uses it."""

import http.client
import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.options import CannotMeasure

PIECE_BYTES = 256 * 1024


class Client:
    """One kept connection to the web process. Not for several threads at a time."""

    def __init__(self, url: str, token: str, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout
        )
        self._headers = {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        self._connection.close()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON answer. Raises CannotMeasure."""
        return self._call("GET", path, None, {}, 200)

    def convert(self, video_id: str, s3_key: str) -> None:
        """Asks for encoding. Raises CannotMeasure unless it is accepted."""
        body = json.dumps({"s3Key": s3_key}).encode()
        path = f"/api/upload/convert-to-hls/{video_id}"
        self._call("POST", path, body, {"Content-Type": "application/json"}, 202)

    def post(self, path: str) -> dict[str, Any]:
        """The JSON answer to a request without a body. Raises CannotMeasure."""
        return self._call("POST", path, None, {}, 200)

    def upload(self, name: str, size: int, pieces: Iterable[bytes]) -> dict[str, str]:
        """Sends a file of ``size`` bytes without holding it; returns its ``{id, s3Key}``."""
        boundary = secrets.token_hex(16)
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="video"; filename="{name}"\r\n'
            "Content-Type: video/mp4\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        def body() -> Iterator[bytes]:
            yield head
            yield from pieces
            yield tail

        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        answer = self._call("POST", "/api/upload/video", body(), headers, 201)
        video: dict[str, str] = answer["video"]
        return video

    def upload_file(self, path: Path) -> dict[str, str]:
        """Sends a file from disk."""
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(PIECE_BYTES), b"")
            return self.upload(path.name, path.stat().st_size, pieces)

    def _call(
        self, method: str, path: str, body: Any, headers: dict[str, str], wanted: int
    ) -> dict[str, Any]:
        try:
            self._connection.request(method, path, body, {**self._headers, **headers})
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise CannotMeasure(f"{method} {path}: {error!r}") from None
        if answer.status != wanted:
            raise CannotMeasure(f"{method} {path} answered {answer.status}: {data[:300]!r}")
        result: dict[str, Any] = json.loads(data)
        return result
