"""`dailies up` keeps everything running, and takes everything with it when it goes."""

import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pymongo
import pytest
import redis

from tests.up.running import SMALL_PROCFILE, RunningUp, all_gone, command_line, dailies, eventually


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    up = RunningUp(tmp_path_factory.mktemp("up"))
    up.wait_for("Stop      Ctrl-C")
    yield up
    up.stop(signal.SIGTERM)


def test_newcomers_read_where_to_go_and_how_to_sign_in(running: RunningUp) -> None:
    lines = running.output.splitlines()
    assert f" demo --data {running.data} " in running.output
    url = f"http://127.0.0.1:{running.port}"
    assert f" Open      {url}" in lines
    sign_in = next(line for line in lines if line.startswith(" Sign in "))
    assert sign_in.split()[2].startswith(f"{url}/sign-in/")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mongo", ("mongod", "--dbpath")),
        ("redis", ("redis-server",)),
        ("s3", ("rclone", "serve")),
        ("web", ("small_web",)),
        ("ticker", ("sleep", "1000")),
    ],
)
def test_what_is_killed_is_started_again_and_said(
    running: RunningUp, name: str, words: tuple[str, ...]
) -> None:
    before = running.child(*words)
    line = before.cmdline()
    before.kill()
    running.wait_for(f"{name} ended (killed by SIGKILL); starting it again")
    assert eventually(lambda: any(command_line(p) == line for p in running.process.children()))
    assert running.child(*words).pid != before.pid


def test_servers_keep_port_and_data_over_a_kill(running: RunningUp) -> None:
    found = running.instance()["environment"]
    mongo: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(found["MONGO_URL"])
    with mongo:
        people = mongo["dailies"]["kept"]
        people.insert_one({"name": "Ada"})
        with redis.Redis.from_url(found["REDIS_URL"]) as queue:
            queue.set("kept", "yes")
            # Where the disk is slow, it is written a second later.
            assert eventually(lambda: not queue.info("persistence")["aof_buffer_length"])
            running.child("mongod").kill()
            running.child("redis-server").kill()

            assert people.count_documents({"name": "Ada"}) == 1
            assert eventually(lambda: _get(queue, "kept") == b"yes")
    running.wait_for("mongo answers again")
    running.wait_for("redis answers again")


def _get(client: redis.Redis, key: str) -> object:
    try:
        return client.get(key)
    except redis.ConnectionError:
        return None


def test_a_second_one_on_the_same_data_says_so(running: RunningUp) -> None:
    second = dailies("up", "--data", str(running.data))
    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1
    assert "already runs" in second.stderr
    assert f"http://127.0.0.1:{running.port}" in second.stderr


def test_other_commands_find_the_running_servers(running: RunningUp) -> None:
    data = ("--data", str(running.data))
    added = dailies("user", *data, "add", "ada@example.org", "--password", "correct horse battery")
    assert added.returncode == 0, added.stderr
    assert "ada@example.org" in dailies("user", *data, "list").stdout
    again = dailies("user", *data, "add", "ada@example.org", "--password", "correct horse battery")
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)

    secret = dailies("token", *data, "add", "script", "--role", "viewer").stdout.strip()
    listed = dailies("token", *data, "list").stdout
    assert "script" in listed
    assert secret not in listed
    assert dailies("token", *data, "revoke", "script").returncode == 1
    (line,) = [line for line in listed.splitlines() if "script" in line]
    assert dailies("token", *data, "revoke", line.split()[0]).returncode == 0
    assert "script" not in dailies("token", *data, "list").stdout


def test_secrets_are_for_the_owners_eyes(running: RunningUp) -> None:
    for name in ("run.json", "storage_keys.json", "server_passwords.json"):
        assert stat.S_IMODE((running.data / name).stat().st_mode) == 0o600
    secret = running.instance()["environment"]["AWS_SECRET_ACCESS_KEY"]
    for process in running.children():
        assert secret not in " ".join(process.cmdline())


def test_what_keeps_ending_is_started_ever_more_rarely(tmp_path: Path) -> None:
    up = RunningUp(tmp_path, "web: python -m tests.up.small_web\nbroken: sh -c 'exit 3'\n")
    try:
        up.wait_for("broken ended (exit code 3); starting it again now")
        up.wait_for("broken ended (exit code 3); starting it again in 0.5 s")
        up.wait_for("broken ended (exit code 3); starting it again in 1 s")
    finally:
        up.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_every_child_in_order(tmp_path: Path, number: signal.Signals) -> None:
    up = RunningUp(tmp_path)
    up.wait_for("Stop      Ctrl-C")
    children = up.children()
    assert len(children) == 5
    assert up.stop(number) == 0
    assert all_gone(children, timeout=0) == []
    assert "Traceback" not in up.output
    assert "ended (" not in up.output
    assert not (up.data / "run.json").exists()


def test_a_killed_one_leaves_nothing_behind_and_can_start_again(tmp_path: Path) -> None:
    up = RunningUp(tmp_path)
    up.wait_for("Stop      Ctrl-C")
    children = up.children()
    assert len(children) == 5
    up.process.kill()
    assert all_gone(children) == []

    again = RunningUp(tmp_path)
    again.wait_for("Stop      Ctrl-C", count=2)
    assert again.output.count("as admin@dailies.local") == 2
    assert again.stop() == 0


def test_a_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A frozen server and a second Ctrl-C: nothing is left, and soon."""
    deaf = "deaf: sh -c 'trap \"\" INT TERM; sleep 999'\n"
    up = RunningUp(tmp_path, SMALL_PROCFILE + deaf)
    up.wait_for("Stop      Ctrl-C")
    children = up.children()
    up.child("mongod").send_signal(signal.SIGSTOP)
    up.process.send_signal(signal.SIGINT)
    up.wait_for("stopping everything")
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert all_gone(children) == []


def test_gone_is_seen_as_gone() -> None:
    """The helper that the tests above rely on does see a process that stays."""
    assert all_gone([psutil.Process()], timeout=0.1) != []
