"""The application whose live pages change only where something has happened."""

from flask import Flask

from webapp.app import create_app
from webapp.live import live_hub


def create_live_app() -> Flask:
    """As `create_app`, but nothing is rendered anew only because a few seconds have passed: what
    a test sees within a minute, an event has brought."""
    live_hub.REFRESH_SECONDS = 600.0
    return create_app()
