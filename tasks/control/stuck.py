"""Fix stuck: finds every stuck or orphaned job of a kind, and repairs it by the same rules."""

from typing import Literal

from tasks.models import UploadJob
from tasks.recovery.drift import Fixed, fix_findings
from tasks.recovery.survey import Finding, scan
from tasks.recovery.verdict import Fix

StuckKind = Literal["transcode", "upload"]


def fix_stuck(kind: StuckKind | None, *, who: str, dry_run: bool) -> list[Fixed]:
    """Each stuck job or part with the reason and what was done, or with ``dry_run`` would be.

    The steps of a transcode job count as transcode. Raises redis.RedisError, PyMongoError,
    StorageFailed.
    """
    found = [finding for finding in scan().findings if _of_kind(finding, kind)]
    if dry_run:
        return [_planned(finding) for finding in found]
    return fix_findings(found, who)


def _of_kind(finding: Finding, kind: StuckKind | None) -> bool:
    if kind is None:
        return True
    is_upload = finding.kind == UploadJob.unit_kind
    if finding.kind == "message":
        # Without a row only the name of its queue tells whose it was.
        is_upload = finding.message is not None and finding.message.queue_name.startswith("upload-")
    return is_upload == (kind == "upload")


def _planned(finding: Finding) -> Fixed:
    rule = finding.rule
    action = rule.fix.value if rule.fix is not Fix.nothing else "It is left alone for now."
    return Fixed(finding.ref, finding.kind, rule.sentence, action, done=False)
