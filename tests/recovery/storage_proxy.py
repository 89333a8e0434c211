"""An HTTP proxy before the real S3 server, which can refuse requests, hold them, or lose them."""

import base64
import hashlib
import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.recovery.waiting import until

# They belong to one connection, and the proxy has one on either side.
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "expect"}


@dataclass(frozen=True)
class Request:
    """A request as storage sees it; ``number`` counts them from 1."""

    number: int
    method: str
    #: Of the object; empty where it is about the bucket.
    key: str
    #: Number of a part of a multipart upload, or 0.
    part: int = 0
    query: str = ""
    #: By names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Of the body, in bytes, and its MD5 as Content-MD5 has it.
    size: int = 0
    md5: str = ""


Wanted = Callable[[Request], bool]


def writes(ending: str) -> Wanted:
    """Requests that put or copy an object of the stream whose key ends so."""
    return lambda r: r.method == "PUT" and r.key.startswith("hls/") and r.key.endswith(ending)


class _Lost(Exception):
    """The connection ends without an answer."""


class Refusal:
    """Answers wanted requests with an error, until ``end``."""

    def __init__(self, wanted: Wanted, status: int, code: str) -> None:
        self.wanted = wanted
        self.status = status
        self.body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
        if status == 200:
            # Of many that are to be removed, one is kept.
            of_one = f"<Error><Key>a/key</Key><Code>{code}</Code></Error>"
            self.body = f"<?xml version='1.0'?><DeleteResult>{of_one}</DeleteResult>".encode()
        self.count = 0
        self._ended = False

    def end(self) -> None:
        """From now on they are passed on."""
        self._ended = True

    def meet(self, request: Request) -> tuple[int, bytes] | None:
        """The answer to a wanted request, or None to pass it on."""
        if self._ended:
            return None
        self.count += 1
        return self.status, self.body


class Hold:
    """Keeps wanted requests from storage until it is over; a client sees that nothing comes."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.held: list[Request] = []
        self._over = threading.Event()
        self._lost = False

    def reached(self, count: int = 1) -> list[Request]:
        """What is held, once it is so many."""
        until(lambda: len(self.held) >= count, f"{count} requests held", 60)
        return list(self.held)

    def release(self) -> None:
        """Passes on what is held, and all that comes."""
        self._over.set()

    def drop(self) -> None:
        """Cuts the connections of what is held, and passes on all that comes."""
        self._lost = True
        self._over.set()

    def meet(self, request: Request) -> tuple[int, bytes] | None:
        """Returns None, to pass it on, when the hold is over. Raises _Lost."""
        if self._over.is_set():
            return None
        self.held.append(request)
        self._over.wait()
        if self._lost:
            raise _Lost
        return None


class Strict:
    """Refuses what some storages refuse, with their answers.

    ``deletion``: the header without which many objects are not removed at once: ``content-md5`` or
    ``x-amz-checksum-crc32``; an MD5 that is there must be that of the body. Parts of an object
    but the last must be of one size (R2, Garage).
    """

    def __init__(self, deletion: str) -> None:
        self.deletion = deletion
        self.refused: list[str] = []
        self._parts: dict[str, dict[int, int]] = {}

    def wanted(self, request: Request) -> bool:
        """All requests are looked at."""
        return True

    def meet(self, request: Request) -> tuple[int, bytes] | None:
        """The answer to a request that is refused, or None to pass it on."""
        upload = parse_qs(request.query).get("uploadId", [""])[0]
        if request.method == "PUT" and upload:
            self._parts.setdefault(upload, {})[request.part] = request.size
        if request.method == "POST" and upload:
            *first, last = [size for _, size in sorted(self._parts.pop(upload).items())]
            if len(set(first)) > 1 or (first and last > first[0]):
                return self._refuse("InvalidPart", "All non-trailing parts must have equal length.")
        if request.method == "POST" and "delete" in parse_qs(request.query, keep_blank_values=True):
            given = request.headers.get("content-md5")
            if given is not None and given != request.md5:
                return self._refuse("BadDigest", "The Content-MD5 is not that of the body.")
            if self.deletion not in request.headers:
                return self._refuse("InvalidRequest", f"Missing required header {self.deletion}")
        return None

    def _refuse(self, code: str, message: str) -> tuple[int, bytes]:
        self.refused.append(message)
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return 400, f"<?xml version='1.0'?>{text}".encode()


AnyRule = Refusal | Hold | Strict
Rule = TypeVar("Rule", Refusal, Hold, Strict)


class StorageProxy:
    """Passes requests on unchanged, except where a rule says otherwise; the newest rule first.

    The Host header too stays what the client signed.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        #: What storage did, in the order of its answers: only requests that it did not refuse.
        self.done: list[Request] = []
        self._rules: list[AnyRule] = []
        self._requests = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def refuse(self, wanted: Wanted, status: int, code: str) -> Refusal:
        """Answers wanted requests with an S3 error from now on."""
        return self._add(Refusal(wanted, status, code))

    def hold(self, wanted: Wanted) -> Hold:
        """Holds wanted requests from now on."""
        return self._add(Hold(wanted))

    def be_strict(self, deletion: str) -> Strict:
        """Refuses from now on what strict storages refuse."""
        return self._add(Strict(deletion))

    def written(self, prefix: str = "hls/") -> list[str]:
        """Keys below a prefix that were put or copied, as often as they were."""
        return [r.key for r in self.done if r.method == "PUT" and r.key.startswith(prefix)]

    def _add(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.insert(0, rule)
        return rule

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Request, tuple[int, bytes] | None]:
        """The request, and what to answer instead of passing it on, once that is clear."""
        parts = urlsplit(path)
        number = parse_qs(parts.query).get("partNumber", ["0"])[0]
        with self._lock:
            self._requests += 1
            key = unquote(parts.path).removeprefix("/").partition("/")[2]
            request = Request(
                *(self._requests, method, key, int(number), parts.query),
                headers={name.lower(): value for name, value in headers.items()},
                size=len(body),
                md5=base64.b64encode(hashlib.md5(body).digest()).decode(),
            )
            rules = [rule for rule in self._rules if rule.wanted(request)]
        for rule in rules:
            instead = rule.meet(request)
            if instead is not None:
                return request, instead
        return request, None

    def __enter__(self) -> "StorageProxy":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for rule in self._rules:
            if isinstance(rule, Hold):
                rule.drop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(storage: StorageProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            # Read even where it is refused, or it would be taken for the next request.
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                request, instead = storage.answer(self.command, self.path, dict(self.headers), body)
                if instead is not None:
                    self._answer(instead[0], [("Content-Type", "application/xml")], instead[1])
                    return
                self._answer(*self._ask(request, body))
            except (_Lost, OSError, http.client.HTTPException):
                # Storage is away, or the client is.
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

        def _ask(self, request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            upstream = http.client.HTTPConnection(storage.upstream, timeout=30)
            try:
                upstream.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() not in _OF_ONE_CONNECTION:
                        upstream.putheader(name, value)
                upstream.endheaders(body)
                reply = upstream.getresponse()
                text = reply.read()
                if reply.status < 300:
                    storage.done.append(request)
                return reply.status, reply.getheaders(), text
            finally:
                upstream.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            sized = False
            for name, value in headers:
                if name.lower() not in _OF_ONE_CONNECTION:
                    sized = sized or name.lower() == "content-length"
                    self.send_header(name, value)
            if not sized:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler
