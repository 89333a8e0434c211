"""Headers of every answer that tell a browser what our pages never do."""

from urllib.parse import urlsplit

from flask import Flask, Response

from tasks.settings import get_settings

HSTS_SECONDS = 365 * 86_400


def init_app(app: Flask) -> None:
    """Adds the headers; a view that sets one of them itself keeps its own."""
    settings = get_settings()
    headers = {
        "Content-Security-Policy": content_security_policy(settings.media_base_url),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": (
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
            "autoplay=(self), fullscreen=(self), picture-in-picture=(self)"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.cookie_secure:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        # What a person saw must not come back from a cache after they have signed out.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def content_security_policy(media_base_url: str | None) -> str:
    """The policy: nothing inline but styles, nothing from elsewhere but media of the CDN."""
    base = ""
    if media_base_url:
        parts = urlsplit(media_base_url)
        base = f" {parts.scheme}://{parts.netloc}"
    directives = {
        "default-src": "'self'",
        "script-src": "'self'",
        # Styles only: media-chrome's and Tabler's components set style attributes.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data:{base}",
        "font-src": "'self' data:",
        # data: hls.js makes each subtitle track with an empty one, and fills it itself.
        "media-src": f"'self' blob: data:{base}",
        "worker-src": "'self' blob:",
        # Browsers of today count ws: and wss: of the same host as 'self'.
        "connect-src": f"'self'{base}",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
