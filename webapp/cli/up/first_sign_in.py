"""The first admin, made before anybody can ask for it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.settings import get_settings

_PATIENCE_MS = 5000


class FirstSignInError(Exception):
    """The first admin cannot be made; the message says which setting is to blame."""


@dataclass(frozen=True)
class FirstSignIn:
    """The first admin's name, and a path that signs them in once, while nobody ever signed in."""

    email: str
    link: str | None


def first_sign_in(environment: Mapping[str, str]) -> FirstSignIn:
    """Make the first admin, by the settings in ``environment``, which becomes this process's own.

    Raises FirstSignInError.
    """
    os.environ.update(environment)
    get_settings.cache_clear()
    from mongoengine import disconnect_all
    from mongoengine.connection import ConnectionFailure
    from pymongo.errors import PyMongoError

    from tasks.infra import database
    from webapp.auth import sign_in_links
    from webapp.auth.accounts import AccountError, ensure_admin, somebody_has_signed_in

    try:
        database.connect(_PATIENCE_MS)
        admin = ensure_admin()
        # Output ends up in logs: a link is in it only while nobody could lose anything by it.
        known = admin.password_hash or somebody_has_signed_in()
        link = None if known else sign_in_links.make(admin.email)
        return FirstSignIn(admin.email, link)
    except AccountError as error:
        raise FirstSignInError(f"DAILIES_ADMIN_EMAIL, DAILIES_ADMIN_PASSWORD: {error}") from None
    except (PyMongoError, ConnectionFailure, database.NotConfigured) as error:
        reason = str(error).split(",")[0]
        raise FirstSignInError(f"MONGO_URL: the database does not answer ({reason})") from None
    finally:
        # No threads of a database client beside the supervisor's loop.
        disconnect_all()
