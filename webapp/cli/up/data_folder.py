"""Files of `dailies up` in the data folder, beside the servers' data."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

Secrets = TypeVar("Secrets", "StorageKeys", "ServerPasswords")


class DataFolderError(Exception):
    """The data folder cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class StorageKeys:
    """Access key and secret of the embedded S3 server."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class ServerPasswords:
    """What opens the embedded MongoDB and Redis."""

    mongo: str
    redis: str


def make_data_folder(data: Path) -> None:
    """Make ``data``, its owner's alone, and see that files can be written there.

    Raises DataFolderError.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if data.stat().st_uid == os.geteuid():
            # One of a version before, too: others of this machine have nothing to look for here.
            data.chmod(0o700)
        probe = data / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DataFolderError(
            f"DAILIES_DATA={str(data)!r}: must be a folder that can be written to"
            f" ({error.strerror or error})"
        ) from None


def write_private(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all, readable and writable by its owner alone."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def storage_keys(data: Path) -> StorageKeys:
    """The keys of the embedded S3 server, made at the first call. Raises DataFolderError."""
    # Letters and digits only: rclone reads them between commas and quotes.
    return _kept(
        data / "storage_keys.json",
        StorageKeys,
        lambda: StorageKeys(f"dailies{secrets.token_hex(8)}", secrets.token_hex(24)),
        "Delete it, and new keys are made.",
    )


def server_passwords(data: Path) -> ServerPasswords:
    """The passwords of the embedded servers, made at the first call. Raises DataFolderError."""
    return _kept(
        data / "server_passwords.json",
        ServerPasswords,
        lambda: ServerPasswords(secrets.token_hex(24), secrets.token_hex(24)),
        "Put it back: MongoDB knows no other password.",
    )


def _kept(path: Path, kind: type[Secrets], make: Callable[[], Secrets], advice: str) -> Secrets:
    try:
        return kind(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        made = make()
        write_private(path, json.dumps(asdict(made), indent=2) + "\n")
        return made
    except (OSError, ValueError, TypeError) as error:
        raise DataFolderError(f"{path}: cannot be read ({error}). {advice}") from None
