"""Clients of the application that are signed in."""

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from webapp.auth import accounts
from webapp.models import User

RAW_CSRF = "the secret of a session in tests"


def bearer(app: Flask, token: str) -> FlaskClient:
    """A program that sends the token with every request."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def signed_in(app: Flask, user: User) -> FlaskClient:
    """A browser with a session, whose requests carry no CSRF token by themselves."""
    client = app.test_client()
    key = accounts.open_session(user)
    with client.session_transaction() as session:
        session["_user_id"] = key
        session["csrf_token"] = RAW_CSRF
        # As Flask-Login leaves it where the browser's address has changed since the sign-in.
        session["_fresh"] = False
    return client


def csrf_token(app: Flask) -> str:
    """The token that pages of a session made by `signed_in` carry."""
    assert isinstance(app.secret_key, str)
    return str(URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(RAW_CSRF))
