"""One-time links by which somebody signs in who has no password, or forgot it."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.auth import accounts
from webapp.auth.digest import digest
from webapp.models import SignInLink, User

LIFETIME = timedelta(hours=24)


def make(email: str) -> str:
    """The path of a new one-time sign-in link, good for a day; earlier ones stop working.

    Raises AccountError.
    """
    accounts.prepare()
    user = accounts.by_email(email)
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    SignInLink.objects(user_id=user.user_id).delete()
    SignInLink(
        digest=digest(secret), user_id=user.user_id, created_at=now, expires_at=now + LIFETIME
    ).save(force_insert=True)
    return f"/sign-in/link/{secret}"


def owner(secret: str) -> User | None:
    """The account that the link would sign in; the link stays valid."""
    link = _good(secret).first()
    return link and User.objects(user_id=link.user_id).first()


def use(secret: str, password: str | None = None) -> User | None:
    """Uses the link up and returns its owner; of two callers at once one gets None.

    A ``password`` becomes theirs and ends all their sessions; AccountError for a bad one leaves
    the link as it was.
    """
    password_hash = None if password is None else accounts.hash_valid(password)
    link = _good(secret).modify(set__used_at=datetime.now(UTC))
    if link is None:
        return None
    if password_hash is not None:
        User.objects(user_id=link.user_id).update_one(
            set__password_hash=password_hash, set__sessions=[]
        )
        accounts.access_ended()
    user: User | None = User.objects(user_id=link.user_id).first()
    return user


def _good(secret: str) -> Any:
    now = datetime.now(UTC)
    return SignInLink.objects(digest=digest(secret), used_at=None, expires_at__gt=now)
