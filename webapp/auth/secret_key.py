"""The key that signs sessions and links."""

import os
import secrets
import tempfile
from pathlib import Path

from tasks.settings import Settings


def secret_key(settings: Settings) -> str:
    """The key of the settings, else the one kept in the data folder, made at the first call.

    Several processes may ask at once: all get the same.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.data.resolve() / "secret_key"
    if not path.exists():
        _make(path)
    return path.read_text().strip()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret_key")  # 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    # A link fails where the file is there, so the first process wins and nobody reads half a key.
    try:
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
