"""An OpenAI-compatible endpoint over real HTTP that answers what a test tells it to."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SAID = "Wash your hands. Then dry them."


@dataclass
class Reply:
    """One answer; ``body`` is JSON, or bytes as they are. ``cut`` bytes of it are not sent."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: int = 0


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Endpoint:
    """Gives the replies in order, the last one again and again."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[Asked] = []
        self.url = ""

    def answers(self, path: str, *replies: Reply) -> None:
        """What it answers to requests of a path from now on."""
        self.replies[path] = list(replies)

    def next(self, path: str) -> Reply:
        replies = self.replies.get(path) or [Reply({"error": {"message": "no such path"}}, 404)]
        return replies.pop(0) if len(replies) > 1 else replies[0]


def transcription() -> Reply:
    """As the format verbose_json has it: words without punctuation, segments with."""
    words = [w.strip(".") for w in SAID.split()]
    timed = [{"word": word, "start": n * 0.5, "end": n * 0.5 + 0.4} for n, word in enumerate(words)]
    segments = [{"id": 0, "text": f" {SAID}", "start": 0.0, "end": 3.0}]
    return Reply({"language": "english", "duration": 3, "words": timed, "segments": segments})


def chat(content: Any, *, refusal: str | None = None) -> Reply:
    """A message of a model, with its count of tokens."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    return Reply({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})


def module(**changes: Any) -> dict[str, Any]:
    """An answer that fits the schema."""
    steps = [
        {"title": "Wash", "summary": "With soap.", "start": 0, "end": 6.5},
        {"title": "Dry", "summary": "", "start": 6.5, "end": 15},
    ]
    return {"title": "Clean hands", "summary": "Two steps.", "steps": steps, **changes}


@contextmanager
def serving() -> Iterator[Endpoint]:
    """The endpoint on a port of its own."""
    endpoint = Endpoint()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.removeprefix("/v1/")
            endpoint.asked.append(Asked(path, dict(self.headers), body))
            reply = endpoint.next(path)
            if over.wait(reply.wait):
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) - reply.cut])
            except ConnectionError:
                return  # who asked did not wait

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        over.set()
        server.shutdown()
        server.server_close()
