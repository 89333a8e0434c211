"""Counts of a clean-up or a deletion."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Removed:
    """Counts of files in the bucket, their bytes, multipart uploads given up, and rows.

    ``retired``: streams that were taken off; their files go when they were kept long enough.
    """

    files: int = 0
    size: int = 0
    uploads: int = 0
    rows: int = 0
    retired: int = 0

    def add(self, other: "Removed") -> None:
        """Counts what else was taken away."""
        self.files += other.files
        self.size += other.size
        self.uploads += other.uploads
        self.rows += other.rows
        self.retired += other.retired

    def sentence(self) -> str:
        """For people."""
        retired = f"{_counted(self.retired, 'stream')} retired: the files go later."
        if not (self.files or self.uploads or self.rows):
            return retired if self.retired else "There was nothing to remove."
        parts = [
            _counted(self.files, "file") + (f" ({self.size / 1e6:,.1f} MB)" if self.files else ""),
            _counted(self.uploads, "half upload"),
            _counted(self.rows, "row"),
        ]
        counts = (self.files, self.uploads, self.rows)
        said = [part for part, count in zip(parts, counts, strict=True) if count]
        sentence = f"Removed {', '.join(said)}."
        return f"{sentence} {retired}" if self.retired else sentence

    def data(self) -> dict[str, Any]:
        """For programs; ``bytes`` of the files."""
        return {
            "files": self.files,
            "bytes": self.size,
            "halfUploads": self.uploads,
            "rows": self.rows,
            "retiredStreams": self.retired,
        }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
