"""The application with a feed whose heartbeats, checks and patience are short."""

import os

from flask import Flask

from tasks.settings import get_settings
from webapp.app import create_app
from webapp.live import feed, feed_reader, feed_sender, feed_watch, socket_hub


def create_quick_app() -> Flask:
    """As `create_app`, but what takes up to a minute takes about a second."""
    os.environ["DAILIES_CORS_ORIGINS"] = "http://elsewhere.example"
    get_settings.cache_clear()
    feed_sender.HEARTBEAT_SECONDS = 0.5
    feed_watch.CHECK_SECONDS = 0.5
    feed_reader.WAIT_MS = 200
    feed.STALL_SECONDS = 1.0
    socket_hub.CLOSE_SECONDS = 1.5
    return create_app()


def create_told_app() -> Flask:
    """As `create_quick_app`, but nobody is found to be signed out unless that is told."""
    app = create_quick_app()
    feed_watch.CHECK_SECONDS = 3600.0
    return app
