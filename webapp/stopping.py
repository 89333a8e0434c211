"""Callbacks for the end of this web process."""

from collections.abc import Callable

from flask import Flask

_KEY = "when_stopping"


def when_stopping(app: Flask, callback: Callable[[], None]) -> None:
    """Has ``callback`` called when the process has been told to end; it must not wait."""
    app.extensions.setdefault(_KEY, []).append(callback)


def tell(app: Flask) -> None:
    """The process that serves ``app`` has been told to end."""
    for callback in app.extensions.get(_KEY, []):
        callback()
