"""Where a browser finds an object of the bucket."""

from urllib.parse import quote

from tasks.settings import get_settings


def media_url(key: str) -> str:
    """The address of a key: at the CDN where there is one, else served by this app."""
    base = get_settings().media_base_url
    return f"{base}/{quote(key)}" if base else f"/media/{quote(key)}"
