"""Files of `dailies up` in the data folder, beside the servers' data."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


class DataFolderError(Exception):
    """The data folder cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class StorageKeys:
    """Access key and secret of the embedded S3 server."""

    access_key: str
    secret_key: str


def make_data_folder(data: Path) -> None:
    """Make ``data`` and see that files can be written there. Raises DataFolderError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
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
    path = data / "storage_keys.json"
    try:
        return StorageKeys(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        # Letters and digits only: rclone reads them between commas and quotes.
        keys = StorageKeys(f"dailies{secrets.token_hex(8)}", secrets.token_hex(24))
        write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
        return keys
    except (OSError, ValueError, TypeError) as error:
        raise DataFolderError(
            f"{path}: cannot be read ({error}). Delete it, and new keys are made."
        ) from None
