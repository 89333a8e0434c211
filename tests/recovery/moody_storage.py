"""An HTTP proxy before the real S3 server, which answers 503 now and then, as S3 does."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
)
# They belong to one connection, and the proxy has one on either side.
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "expect"}


class MoodyStorage:
    """Refuses every ``refuse_every``-th request, and passes the others on unchanged.

    The Host header too stays what the client signed.
    """

    def __init__(self, upstream: str, refuse_every: int) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.refuse_every = refuse_every
        self.requests = 0
        self.refused = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def refuses(self) -> bool:
        """Counts a request, and whether it is one of the unlucky."""
        with self._lock:
            self.requests += 1
            unlucky = self.requests % self.refuse_every == 0
            self.refused += unlucky
            return unlucky

    def __enter__(self) -> "MoodyStorage":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(storage: MoodyStorage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            # Read even where it is refused, or it would be taken for the next request.
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if storage.refuses():
                self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
                return
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
                self._answer(reply.status, reply.getheaders(), reply.read())
            finally:
                upstream.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

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
