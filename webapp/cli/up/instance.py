"""The one running `dailies up` of a data folder: its lock, and where others find its servers."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.settings import Settings, get_settings
from webapp.cli.up.address import local_url
from webapp.cli.up.data_folder import write_private


@dataclass(frozen=True)
class Instance:
    """A running `dailies up`: its process, its address, and the variables of its servers."""

    pid: int
    url: str
    environment: Mapping[str, str]


def lock(data: Path) -> FileLock:
    """The lock that a running `dailies up` holds; it goes with the process, however it ends."""
    return FileLock(data / "up.lock", timeout=0)


def _file(data: Path) -> Path:
    return data / "run.json"


def announce(data: Path, instance: Instance) -> None:
    """Tell other commands on this machine where the servers are; for the owner's eyes alone."""
    write_private(_file(data), json.dumps(asdict(instance), indent=2) + "\n")


def withdraw(data: Path) -> None:
    """Undo `announce`."""
    _file(data).unlink(missing_ok=True)


def running_instance(data: Path) -> Instance | None:
    """The `dailies up` that runs on this data folder, if one does."""
    try:
        instance = Instance(**json.loads(_file(data).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    try:
        # A file left by one that was killed says nothing: only the lock tells.
        with lock(data):
            return None
    except Timeout:
        return instance


def join_running_instance() -> Settings:
    """The settings, with the servers of the running `dailies up` where none are set.

    So `dailies user` and its like work in a second terminal. Raises SettingsError.
    """
    settings = get_settings()
    instance = running_instance(settings.data)
    if instance:
        for name, value in instance.environment.items():
            os.environ.setdefault(name, value)
        get_settings.cache_clear()
    return get_settings()


def dashboard_url() -> str:
    """Where the dashboard is: of the running `dailies up`, else as the settings say."""
    settings = get_settings()
    instance = running_instance(settings.data)
    return instance.url if instance else local_url(settings)
