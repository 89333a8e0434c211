"""The connection to MongoDB, and its clock."""

import threading
from datetime import datetime

import mongoengine
from pymongo import ReadPreference
from pymongo.uri_parser import parse_uri

from tasks.settings import get_settings

#: How long work waits for a server that is away, in milliseconds. A request waits less.
WORK_PATIENCE_MS = 30_000

#: Options of a URL that Dailies sets by itself, in lower case.
_OURS = frozenset(
    {
        *("w", "wtimeout", "wtimeoutms", "journal", "j", "fsync", "readconcernlevel"),
        *("readpreference", "readpreferencetags", "maxstalenessseconds"),
    }
)

_lock = threading.Lock()
_connected: list[str] = []


class NotConfigured(Exception):
    """A server's address is not set and none was started; the message names the variable."""


def connect(patience_ms: int = WORK_PATIENCE_MS) -> None:
    """Connects this process once; later calls do nothing. Raises NotConfigured without a URL.

    ``patience_ms``: how long an operation waits for a server that is away.
    """
    with _lock:
        url = get_settings().mongo_url
        if url is None:
            raise NotConfigured(
                "MONGO_URL is not set: set it to a MongoDB, or start everything with `dailies up`"
            )
        if _connected == [url]:
            return
        mongoengine.disconnect()
        mongoengine.connect(
            db=parse_uri(url, validate=False)["database"] or "dailies",
            host=without_concerns(url),
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=patience_ms,
            connectTimeoutMS=5_000,
            socketTimeoutMS=60_000,
            appname="dailies",
            # Whatever the URL says: what was acknowledged survives the loss of a server, and reads
            # see the last write.
            w="majority",
            journal=True,
            read_preference=ReadPreference.PRIMARY,
        )
        _connected[:] = [url]


def without_concerns(url: str) -> str:
    """The URL without what it says of write concern, read concern and read preference."""
    base, mark, query = url.partition("?")
    kept = [option for option in query.split("&") if option.partition("=")[0].lower() not in _OURS]
    return f"{base}?{'&'.join(kept)}" if mark and any(kept) else base


def server_time() -> datetime:
    """The database server's clock (UTC), the one clock that leases are measured by."""
    database = mongoengine.get_db()
    reply = database.command("hello", codec_options=database.codec_options)
    now: datetime = reply["localTime"]
    return now
