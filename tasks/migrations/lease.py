"""The right to run a migration: a lease in its record, by the database server's clock."""

import os
import socket
import uuid
from typing import Any

from tasks.models import MigrationRecord
from tasks.models.stored import collection


class LeaseLost(Exception):
    """The lease ran out, and another process may run the migration now."""


class MigrationLease:
    """One process's claim on one migration; ``seconds`` after its last renewal it is free again."""

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.token = uuid.uuid4().hex
        self._seconds = seconds
        self._records = collection(MigrationRecord)

    def claim(self) -> bool:
        """Whether this process may run the migration now; it is neither done nor another's."""
        self._records.update_one({"_id": self.name}, {"$setOnInsert": {"total": 0}}, upsert=True)
        free = {"$lte": [{"$ifNull": ["$lease.expires_at", None]}, "$$NOW"]}
        lease = {
            "worker": {"$literal": f"{socket.gethostname()}:{os.getpid()}"},
            "token": self.token,
            "expires_at": self._end(),
        }
        begun = {"$ifNull": ["$started_at", "$$NOW"]}
        result = self._records.update_one(
            {"_id": self.name, "finished_at": None, "$expr": free},
            [{"$set": {"lease": lease, "started_at": begun}}],
        )
        return bool(result.matched_count)

    def begun(self, remaining: int) -> None:
        """Notes how many rows there are to change. Raises LeaseLost."""
        total = {"$max": [{"$ifNull": ["$total", 0]}, remaining]}
        self._write({"remaining": remaining, "total": total, "error": None})

    def advanced(self, rows: int) -> None:
        """Notes rows that were changed, and keeps the lease. Raises LeaseLost."""
        self._write({"remaining": {"$max": [0, {"$subtract": ["$remaining", rows]}]}})

    def finish(self) -> None:
        """Records the migration as done. Raises LeaseLost."""
        self._write({"remaining": 0, "finished_at": "$$NOW", "lease": None})

    def give_up(self, error: str) -> None:
        """Records why it failed, and lets another attempt begin at once. Raises LeaseLost."""
        self._write({"error": {"$literal": error}, "lease": None})

    def _write(self, fields: dict[str, Any]) -> None:
        kept = {"lease.expires_at": self._end()} if "lease" not in fields else {}
        result = self._records.update_one(
            {"_id": self.name, "lease.token": self.token}, [{"$set": {**kept, **fields}}]
        )
        if not result.matched_count:
            raise LeaseLost(self.name)

    def _end(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", int(self._seconds * 1000)]}
