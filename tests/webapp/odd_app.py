"""The application with other constants, for what would take minutes or need luck to see."""

from argon2 import PasswordHasher
from flask import Flask

from webapp import request_body
from webapp.app import create_app
from webapp.auth import passwords


def create_odd_app() -> Flask:
    """As `create_app`, but a silent client is given up after half a second, and a password
    takes a third of a second to hash, or more."""
    request_body.WAIT_SECONDS = 0.5
    request_body.LEAST_RATE = 64 * 1024
    passwords._HASHER = PasswordHasher(time_cost=20, memory_cost=19 * 1024, parallelism=1)
    return create_app()
