"""Real MongoDB, Redis and S3 for tests, which can be killed, frozen and started again."""

import contextlib
import json
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pymongo
import redis
from botocore.config import Config

from tasks.settings import get_settings
from webapp.cli.up import children
from webapp.cli.up.servers import MongoServer, RedisServer, S3Server, Server, free_port

#: The installation that the tests are.
INSTALLATION = "00000000-0000-4000-8000-00000000da11"


class Running:
    """One server of the tests; it keeps its port and its data over kill and start."""

    def __init__(self, server: Server, log: Path) -> None:
        self.server = server
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to; the same after a restart."""
        return self.server.url

    @property
    def pid(self) -> int:
        """Its process id. Raises AssertionError where it isn't running."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its process runs (frozen counts as running)."""
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Start its process, without waiting until it answers; running already is fine."""
        if self.alive:
            return
        self.server.prepare()
        with self._log.open("ab") as log:
            self._process = children.spawn(
                self.server.argv(), env={**os.environ, **self.server.environment()}, output=log
            )

    def start(self) -> None:
        """Start it and return when it answers. Raises ServerNotReady."""
        self.spawn()
        self.server.wait_ready(lambda: self.alive)

    def stop(self) -> None:
        """End it in order (SIGTERM); stopped already is fine."""
        if self._process is not None:
            children.stop(self._process)

    def kill(self) -> None:
        """SIGKILL, and return when it is gone."""
        if self._process is not None:
            children.signal_group(self._process, signal.SIGKILL)
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: undo `freeze`; harmless otherwise."""
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)


class Servers:
    """MongoDB, Redis and S3 in ``folder``, on free ports, with random keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mongo = Running(MongoServer(folder / "mongo", free_port()), folder / "mongo.log")
        self.redis = Running(RedisServer(folder / "redis", free_port()), folder / "redis.log")
        s3 = S3Server(
            folder / "s3",
            free_port(),
            access_key=f"test{os.urandom(8).hex()}",
            secret_key=os.urandom(20).hex(),
        )
        self.bucket = s3.bucket
        self.s3 = Running(s3, folder / "s3.log")
        # The tests' own clients, apart from those of the code under test.
        self.mongo_client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            self.mongo.url, connect=False, serverSelectionTimeoutMS=5000
        )
        self.redis_client = redis.Redis.from_url(self.redis.url, decode_responses=True)
        self.s3_client = boto3.client(
            "s3",
            endpoint_url=s3.url,
            aws_access_key_id=s3.access_key,
            aws_secret_access_key=s3.secret_key,
            region_name="us-east-1",
            config=Config(proxies={}, response_checksum_validation="when_required"),
        )

    @property
    def all(self) -> tuple[Running, Running, Running]:
        """The three servers."""
        return self.mongo, self.redis, self.s3

    def environment(self) -> dict[str, str]:
        """The variables by which Dailies' processes use these servers and their folder."""
        return {
            **self.mongo.server.variables(),
            **self.redis.server.variables(),
            **self.s3.server.variables(),
            "DAILIES_DATA": str(self.folder / "data"),
            "SECRET_KEY": "a secret key that only the tests use",
        }

    def start(self) -> None:
        """Start whatever isn't running, thaw what is frozen, and return when all answer."""
        for running in self.all:
            running.thaw()
            running.spawn()
        for running in self.all:
            running.start()

    def stop(self) -> None:
        """End all of them for good. Their data are temporary, so nobody waits for a last save."""
        self.mongo_client.close()
        self.redis_client.close()
        for running in self.all:
            running.kill()

    def clean(self) -> None:
        """Empty the database (indexes stay), Redis and the bucket, but for the owner's mark."""
        database = self.mongo_client.get_default_database()
        for name in database.list_collection_names(filter={"type": "collection"}):
            database[name].delete_many({})
        self.redis_client.flushall()
        pages = self.s3_client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        for page in pages:
            contents = page.get("Contents", [])
            if contents:
                self.s3_client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": o["Key"]} for o in contents]}
                )
        row = {"_id": "installation", "installation_id": INSTALLATION, "made_at": datetime.now(UTC)}
        database["installation"].insert_one(row)
        there = self.s3_client.exceptions
        with contextlib.suppress(there.BucketAlreadyExists, there.BucketAlreadyOwnedByYou):
            self.s3_client.create_bucket(Bucket=self.bucket)
        mark = json.dumps({"installation": INSTALLATION}).encode()
        self.s3_client.put_object(Bucket=self.bucket, Key="installation.json", Body=mark)


def isolate_environment() -> None:
    """Forget what the developer's own environment says of Dailies, so that tests see defaults."""
    from tasks.settings import Settings, variable

    for field in Settings.model_fields:
        os.environ.pop(variable(field), None)
    for name in list(os.environ):
        if name.startswith(("DAILIES_", "AWS_")) or name == "MONGODB_URI":
            del os.environ[name]
    # Everything that is asked for is on this machine, whatever proxy leads out of it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    # boto3 must find no profile, no keys and no role of the machine the tests run on.
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    get_settings.cache_clear()
