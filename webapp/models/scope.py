"""The purposes of a token, beside the rights of its role."""

from enum import StrEnum


class Scope(StrEnum):
    """Each route belongs to one of these; a token's scopes narrow what its role allows."""

    read = "read"
    upload = "upload"
    jobs = "jobs"
    admin = "admin"

    @property
    def meaning(self) -> str:
        """A sentence for people: the calls that it allows."""
        return _MEANINGS[self]


_MEANINGS = {
    Scope.read: "see jobs, films, statistics and the feed",
    Scope.upload: "put videos, subtitles and titles in",
    Scope.jobs: "retry, cancel, clean up, sync, delete; queues and workers",
    Scope.admin: "people, the audit log and the dashboard",
}
