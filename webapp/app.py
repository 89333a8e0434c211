"""The Flask application: the one place where everything a browser can reach is put together."""

from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from tasks.models import Kind
from tasks.settings import Settings, get_settings
from webapp import (
    cors,
    deadline,
    errors,
    media_files,
    null_bytes,
    pages,
    request_body,
    response_headers,
    shared,
)
from webapp.api import admin_dashboard as api_dashboard
from webapp.api import admin_media as api_media
from webapp.api import (
    cloudwatch,
    description,
    drift,
    health,
    modules,
    streams,
    studio_operations,
    subtitles,
    titles,
    upload,
    v1_upload,
    videos,
)
from webapp.api import feed_tickets as api_feed_tickets
from webapp.api import job_log as api_job_log
from webapp.api import overview as studio_overview
from webapp.api.studio_jobs import make_blueprint
from webapp.auth import access, csrf, identity, limits, sign_in
from webapp.auth.accounts import SESSION_LIFETIME
from webapp.auth.secret_key import secret_key
from webapp.body_limits import MAX_BODY_BYTES
from webapp.live import panels_socket
from webapp.version import VERSION

ROOT = Path(__file__).resolve().parent.parent


def create_app() -> Flask:
    """The application, made from this process's settings; no server is connected to yet.

    Raises SettingsError for a wrong setting, and RuleMissing for a view without an access rule.
    """
    settings = get_settings()
    app = Flask("webapp", template_folder=ROOT / "templates", static_folder=ROOT / "static")
    configure(app, settings)

    request_body.init_app(app)
    null_bytes.init_app(app)
    deadline.init_app(app)
    identity.init_app(app)
    limits.init_app(app)
    access.init_app(app)
    csrf.init_app(app)
    errors.init_app(app)
    response_headers.init_app(app)
    cors.init_app(app)

    for blueprint in (
        sign_in.bp,
        health.bp,
        description.bp,
        upload.bp,
        modules.bp,
        v1_upload.bp,
        cloudwatch.bp,
        streams.bp,
        subtitles.bp,
        videos.bp,
        titles.bp,
        *(make_blueprint(kind) for kind in Kind),
        studio_operations.bp,
        studio_overview.bp,
        drift.bp,
        api_job_log.bp,
        api_media.bp,
        api_dashboard.bp,
        api_feed_tickets.bp,
        media_files.bp,
        shared.bp,
        *pages.BLUEPRINTS,
    ):
        app.register_blueprint(blueprint)
    panels_socket.init_app(app)

    app.jinja_env.globals["version"] = VERSION
    access.require_rules(app)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Applies the settings of cookies, secrets and proxies."""
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SESSION_COOKIE_NAME="dailies_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        # A cookie on every answer would make streams and static files uncacheable.
        SESSION_REFRESH_EACH_REQUEST=False,
        # Forms and JSON are small, or they would fill memory and disk before anybody looks at
        # them. An upload is read as a stream and has a limit of its own.
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        # A dashboard stays open for days: its token is good as long as the session is.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        host_hops = hops if settings.trust_forwarded_host else 0
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=hops,
            x_proto=hops,
            x_host=host_hops,
        )
