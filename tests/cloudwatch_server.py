"""CloudWatch Logs for tests: moto's server, over HTTP, and one in front of it that has moods."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from webapp.cli.up import children
from webapp.cli.up.servers import free_port

#: Any keys will do.
KEYS = {"CLOUDWATCH_ACCESS_KEY_ID": "testing", "CLOUDWATCH_SECRET_ACCESS_KEY": "testing"}


class CloudWatchServer:
    """moto's server in a process of its own."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.client = boto3.client(
            "logs",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(proxies={}),
        )

    def start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as log:
            self._process = children.spawn(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                env=dict(os.environ),
                output=log,
            )
        while True:
            try:
                self.clean()
                return
            except requests.ConnectionError:
                assert self._process.poll() is None, self._log.read_text()

    def stop(self) -> None:
        """Ends it; its data are in memory."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def clean(self) -> None:
        """Forgets every group."""
        requests.post(f"{self.url}/moto-api/reset", timeout=30).raise_for_status()

    def streams(self, group: str) -> list[str]:
        """The names of a group's streams; none where there is no such group."""
        try:
            found = self.client.describe_log_streams(logGroupName=group)["logStreams"]
        except self.client.exceptions.ResourceNotFoundException:
            return []
        return sorted(stream["logStreamName"] for stream in found)

    def entries(self, group: str, stream: str) -> list[dict[str, Any]]:
        """What was logged, as it was logged, by its time."""
        try:
            events = self.client.get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True
            )["events"]
        except self.client.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(event["message"]) for event in events]


class MoodyCloudWatch:
    """In front of a server: ``mood`` may answer a call itself, with a status and an error code."""

    def __init__(self, behind: CloudWatchServer) -> None:
        self.calls: list[str] = []
        self.mood: Callable[[str], tuple[int, str] | None] = lambda _call: None
        moody = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = self.headers["X-Amz-Target"].partition(".")[2]
                moody.calls.append(call)
                refusal = moody.mood(call)
                if refusal is None:
                    answer = requests.post(behind.url, body, headers=dict(self.headers), timeout=30)
                    self._answer(answer.status_code, answer.content)
                else:
                    status, code = refusal
                    said = {"__type": code, "message": f"{code} for a test"}
                    self._answer(status, json.dumps(said).encode())

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
