"""The application with a feed whose heartbeats, checks and patience are short."""

from flask import Flask

from webapp import feed, feed_reader, feed_sender, feed_watch
from webapp.app import create_app


def create_quick_app() -> Flask:
    """As `create_app`, but what takes up to a minute takes about a second."""
    feed_sender.HEARTBEAT_SECONDS = 0.5
    feed_watch.CHECK_SECONDS = 0.5
    feed_reader.WAIT_MS = 200
    feed.STALL_SECONDS = 1.0
    feed.CLOSE_SECONDS = 1.5
    return create_app()
