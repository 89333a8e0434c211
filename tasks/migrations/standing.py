"""Which migrations are pending, and how far they are."""

from dataclasses import dataclass

from tasks.migrations.catalogue import catalogue
from tasks.models import MigrationRecord


@dataclass(frozen=True)
class Standing:
    """One migration. ``total`` and ``remaining`` are rows, 0 until it begins.

    ``running``: a process has it, or had it until a moment ago. ``error``: a sentence, where the
    last attempt failed.
    """

    name: str
    sentence: str
    done: bool
    running: bool
    total: int
    remaining: int
    error: str | None

    @property
    def said(self) -> str:
        """One sentence without a full stop: ``running, 15,000 of 20,000 rows``."""
        if self.done:
            return "done"
        if self.error is not None:
            return self.error
        if not self.running:
            return "pending"
        return f"running, {self.total - self.remaining:,} of {self.total:,} rows"


def standing() -> list[Standing]:
    """Every migration, by number. Raises PyMongoError."""
    records = {record.name: record for record in MigrationRecord.objects}
    found = []
    for migration in catalogue():
        record = records.get(migration.name) or MigrationRecord()
        found.append(
            Standing(
                name=migration.name,
                sentence=migration.sentence,
                done=record.finished_at is not None,
                running=record.lease is not None,
                total=record.total,
                remaining=record.remaining,
                error=record.error,
            )
        )
    return found
