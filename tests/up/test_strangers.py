"""What another user of the machine can do to a running `dailies up`: nothing."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
import redis
import requests
from pymongo.errors import OperationFailure

from tests.servers import Running
from tests.up.running import RunningUp
from webapp.cli.up.servers import MongoServer, RedisServer, ServerNotReady, free_port

NOBODY = 65534
# Reads and writes whatever it is pointed at, as far as it may, and says what went.
TRIES = """
for path in $(find "$1" 2>/dev/null); do
    [ -f "$path" ] && cat "$path" >/dev/null 2>&1 && echo "read $path"
done
touch "$1/new" 2>/dev/null && echo wrote
ls "$1" 2>/dev/null
true
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    folder = tmp_path_factory.mktemp("strangers")
    # All but the data folder itself is open to everybody.
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    up = RunningUp(folder)
    up.wait_for("Stop      Ctrl-C")
    yield up
    up.stop()


def test_nobody_reads_or_writes_the_data_folder(running: RunningUp) -> None:
    command = ["sh", "-c", TRIES, "sh", str(running.data)]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        assert setpriv
        drop = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        said = subprocess.run([setpriv, *drop, *command], capture_output=True, check=True)
        assert said.stdout == b""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in running.data.rglob("*")}
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700
    private = [path for path, mode in modes.items() if path.is_file() and mode & 0o077]
    assert len(modes) > 20
    assert private == []


def test_nobody_without_their_passwords_is_let_in_by_the_servers(running: RunningUp) -> None:
    found = running.instance()["environment"]
    where = found["MONGO_URL"].partition("@")[2].partition("/")[0]
    mongo: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(f"mongodb://{where}/")
    with mongo:
        for refused in (
            lambda: mongo["dailies"]["users"].find_one(),
            lambda: mongo["dailies"]["users"].insert_one({"email": "me"}),
            lambda: mongo.admin.command("createUser", "me", pwd="me", roles=["root"]),
            lambda: mongo.admin.command("shutdown"),
        ):
            with pytest.raises(OperationFailure):
                refused()
    where = found["REDIS_URL"].partition("@")[2]
    anybody = redis.Redis.from_url(f"redis://{where}")
    with anybody, pytest.raises(redis.AuthenticationError):
        anybody.keys()
    with redis.Redis.from_url(found["REDIS_URL"]) as queue:
        assert queue.ping()
        for command in ("CONFIG GET *", "FLUSHALL", "DEBUG SLEEP 0", "MODULE LIST", "SHUTDOWN"):
            with pytest.raises(redis.ResponseError):
                queue.execute_command(*command.split())
    answer = requests.get(f"{found['S3_ENDPOINT_URL']}/dailies", timeout=60)
    assert answer.status_code in (400, 403)


def test_passwords_are_no_argument_of_a_process(running: RunningUp) -> None:
    secret = (running.data / "server_passwords.json").read_text()
    passwords = [word for word in secret.split('"') if len(word) == 48]
    assert len(passwords) == 2
    lines = " ".join(" ".join(child.cmdline()) for child in running.children())
    assert not any(password in lines for password in passwords)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_data_of_a_version_without_passwords_go_on_with_one(tmp_path: Path, log: Path) -> None:
    folder, port = tmp_path / "mongo", free_port()
    before = Running(MongoServer(folder, port), log)
    before.start()
    open_to_all: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(before.url)
    with open_to_all:
        open_to_all["dailies"]["people"].insert_one({"name": "Ada"})
    before.stop()
    after = Running(MongoServer(folder, port, password="right"), log)
    after.start()
    known: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(after.url)
    with known:
        person = known["dailies"]["people"].find_one()
    assert person is not None
    assert person["name"] == "Ada"
    wrong = MongoServer(folder, port, password="wrong")
    with pytest.raises(ServerNotReady, match="another password"):
        wrong.ping()
    after.stop()


def test_a_queue_of_a_version_without_a_password_goes_on_with_one(
    tmp_path: Path, log: Path
) -> None:
    folder, port = tmp_path / "redis", free_port()
    before = Running(RedisServer(folder, port), log)
    before.start()
    with redis.Redis.from_url(before.url) as queue:
        queue.set("lost", "x")
        # A command that is refused later is in what was written before.
        queue.flushall()
        queue.set("kept", "x")
    before.stop()
    after = Running(RedisServer(folder, port, password="right"), log)
    after.start()
    with redis.Redis.from_url(after.url) as queue:
        assert queue.get("kept") == b"x"
        assert queue.exists("lost") == 0
    after.stop()
