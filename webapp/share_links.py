"""Share links: a video for whoever has the link, until a date or until it is revoked."""

import secrets
import time
from datetime import timedelta

from flask import current_app, url_for
from itsdangerous import BadSignature, URLSafeSerializer

from tasks.jobs.lifecycle import NotFound
from tasks.models import Media, Share
from tasks.models.clock import now
from tasks.records import audit

#: Days for which a link is good, unless another time is asked for, and at most.
DAYS, MOST_DAYS = 7, 365
#: Seconds for which a process relies on what it has read of a link: each segment asks.
TRUSTED_SECONDS = 5.0
#: Links whose rows are remembered.
REMEMBERED = 1_000

_known: dict[str, tuple[float, str | None]] = {}


def make(media: Media, days: int, who: str) -> Share:
    """A new link to a video."""
    share: Share = Share(
        share_id=secrets.token_hex(8),
        media_id=media.media_id,
        created_by=who,
        created_at=now(),
        expires_at=now() + timedelta(days=days),
    ).save(force_insert=True)
    detail = f"A link was made that is good until {share.expires_at:%Y-%m-%d %H:%M} UTC."
    audit.record(who, "share", kind="media", target=media.media_id, detail=detail)
    return share


def of_media(media_id: str) -> list[Share]:
    """Links of a video that can still be used, the newest first."""
    rows = Share.objects(media_id=media_id, revoked_at=None, expires_at__gt=now())
    return list(rows.order_by("-created_at"))


def revoke(media_id: str, share_id: str, who: str) -> None:
    """Ends a link, within seconds. Raises NotFound where there is none that is good."""
    ended = Share.objects(share_id=share_id, media_id=media_id, revoked_at=None).update_one(
        set__revoked_at=now(), set__revoked_by=who
    )
    if not ended:
        raise NotFound("There is no such link (any more).")
    _known.clear()
    audit.record(who, "revoke share", kind="media", target=media_id, detail="A link was ended.")


def url_of(share: Share) -> str:
    """The address of the master playlist by a link; all else is named relative to it."""
    token = _signer().dumps(share.share_id)
    return url_for("shared.serve", token=token, name="master.m3u8", _external=True)


def media_of(token: str) -> str | None:
    """The media that a link opens, or None where it is wrong, expired or revoked."""
    try:
        share_id = str(_signer().loads(token))
    except (BadSignature, ValueError):
        return None
    at, media_id = _known.get(share_id, (0.0, None))
    if time.monotonic() >= at:
        share = Share.objects(share_id=share_id, revoked_at=None, expires_at__gt=now()).first()
        media_id = share.media_id if share is not None else None
        if len(_known) >= REMEMBERED:
            _known.clear()
        _known[share_id] = time.monotonic() + TRUSTED_SECONDS, media_id
    return media_id


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="share link")
