"""What a look at the bucket finds: one thing that a rule calls drift."""

from dataclasses import dataclass

from tasks.recovery.verdict import BY_ID, Rule


@dataclass(frozen=True)
class Orphan:
    """``kind``: work, stream (all files of a media), source, upload, encoding (one stream) or
    master.

    ``ref`` is the folder, the key of the master, or key and upload id with a space in between.
    ``size`` in bytes. ``row``: what the row says, as a state of ``tasks.recovery.verdict``.
    """

    rule_id: str
    kind: str
    ref: str
    row: str
    files: int = 0
    size: int = 0
    since: str = ""
    transcode_id: str | None = None

    @property
    def rule(self) -> Rule:
        """The rule that calls it drift."""
        return BY_ID[self.rule_id]
