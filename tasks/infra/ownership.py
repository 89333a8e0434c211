"""Which installation owns the objects below the key prefix: asked before anything is removed.

The database has the id of its installation, and the bucket an object with the id of its owner. A
bucket without that object gets it where nothing lies below the prefix, or where a source lies there
that a row of this database names. What nobody can prove to be ours is never removed.
"""

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING

from tasks import keys
from tasks.errors import NotOwner
from tasks.models import Installation, Media
from tasks.models.clock import now

if TYPE_CHECKING:
    from tasks.infra.storage import Storage

#: Seconds for which a process relies on a mark that it has read.
TRUSTED_SECONDS = 30.0
#: Rows whose sources are looked for as a proof, the newest first.
PROOFS = 20
_KEY = "installation"

_lock = threading.Lock()
_confirmed: dict[tuple[str, str, str], float] = {}


def installation_id() -> str:
    """The id of this installation, made at the first call. Raises PyMongoError."""
    made = {"installation_id": str(uuid.uuid4()), "made_at": now()}
    mine = Installation.objects(key=_KEY)
    row: Installation = mine.modify(
        upsert=True, new=True, **{f"set_on_insert__{name}": value for name, value in made.items()}
    )
    return str(row.installation_id)


def confirm(storage: "Storage") -> None:
    """Returns where this installation owns what lies below its prefix.

    Marks a bucket that has no mark where that is proven. Raises NotOwner, StorageFailed,
    PyMongoError.
    """
    place = (storage.endpoint, storage.bucket, keys.prefix())
    with _lock:
        until = _confirmed.get(place, 0.0)
    if time.monotonic() < until:
        return
    own = installation_id()
    owner = marked_owner(storage)
    if owner is None:
        _require_proof(storage)
        claim(storage)
    elif owner != own:
        raise NotOwner(
            f"{_place(storage)} belongs to another installation ({owner}): nothing is removed "
            "there. Set DAILIES_KEY_PREFIX to a folder of this installation's own, or run "
            "`dailies claim-bucket` if that installation is no more."
        )
    with _lock:
        _confirmed[place] = time.monotonic() + TRUSTED_SECONDS


def claim(storage: "Storage") -> str | None:
    """Makes this installation the owner; returns the id of the former one.

    Raises StorageFailed, PyMongoError.
    """
    former = marked_owner(storage)
    mark = {"installation": installation_id(), "markedAt": now().isoformat()}
    storage.put_bytes(keys.owner_mark(), json.dumps(mark).encode(), "application/json")
    return former


def marked_owner(storage: "Storage") -> str | None:
    """The installation that the mark in the bucket names; None without a mark.

    Raises StorageFailed.
    """
    try:
        return str(json.loads(storage.get_bytes(keys.owner_mark()))["installation"])
    except KeyError:
        return None
    except (ValueError, TypeError):
        return "unreadable mark"


def _require_proof(storage: "Storage") -> None:
    """Raises NotOwner where something lies there and no source of ours is among it."""
    folders = (keys.sources(), keys.work_areas(), keys.streams())
    if not any(storage.holds(folder) for folder in folders):
        return
    sources = Media.objects.order_by("-created_at").limit(PROOFS).scalar("source_key")
    if not any(storage.head(key) for key in sources):
        raise NotOwner(
            f"{_place(storage)} has files, and none that a row of this database names: nothing is "
            "removed there. Run `dailies claim-bucket` if they are this installation's."
        )


def _place(storage: "Storage") -> str:
    return f"The bucket {storage.bucket}" + (f" below {keys.prefix()}" if keys.prefix() else "")
