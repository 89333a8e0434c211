"""Lines of history as pages show them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class HistoryLine:
    """One line of a job's history."""

    at: datetime
    what: str
    status: str
    why: str
    who: str
