"""Addresses of what lies in the bucket, as players reach it."""

import time
from collections.abc import Mapping
from urllib.parse import quote, urljoin

from flask import current_app, request, url_for
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from tasks import keys
from tasks.models import Media
from tasks.settings import get_settings

#: Seconds that a signed link is good for: a day, so that a long film may be paused.
LINK_SECONDS = 86_400


def media_url(key: str) -> str:
    """The address of a key for a page: at MEDIA_BASE_URL, else a path here, for who is signed in.

    It needs no request: live pages are rendered without one.
    """
    base = get_settings().media_base_url
    return f"{base or '/media'}/{quote(key)}"


def playback_url(key: str) -> str:
    """The same address, whole: for a program."""
    return urljoin(request.host_url, media_url(key))


def signed_url(media_id: str, key: str, seconds: int = LINK_SECONDS) -> str:
    """An address that anybody may use for a while: of this file and all others of its media."""
    expires = int(time.time()) + seconds
    signature = _signer().dumps([media_id, expires])
    return url_for("media_files.serve_signed", signature=signature, key=key, _external=True)


def player_url(media_id: str, key: str) -> str:
    """The address of a media's file for who is asking.

    A program hands it on to players that cannot send its token, so its own are signed.
    """
    if current_user.by_token and not get_settings().media_base_url:
        return signed_url(media_id, key)
    return playback_url(key)


def signed_media(signature: str) -> str | None:
    """The media whose files a link's signature opens, or None for a bad or expired one."""
    try:
        media_id, expires = _signer().loads(signature)
    except (BadSignature, ValueError, TypeError):
        return None
    return media_id if expires > time.time() else None


def streaming_urls(media: Media) -> dict[str, object]:
    """``{master, qualities: {name: url}}`` of a playable media."""

    def url(key: str) -> str:
        return player_url(media.media_id, key)

    renditions: Mapping[str, str] = media.renditions or {}
    return {
        "master": url(media.master_key or keys.master(media.media_id)),
        "qualities": {name: url(key) for name, key in renditions.items()},
    }


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="media link")
