"""API tokens: made, listed and revoked."""

import re
import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from mongoengine.errors import NotUniqueError

from tasks.infra import database
from tasks.models.clock import aware
from webapp.auth import accounts
from webapp.auth.digest import digest
from webapp.models import ApiToken, Scope

#: Names that read like the bootstrap token's, like an id, or like a token itself.
_RESERVED = re.compile(
    r"DAILIES_API_TOKEN|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|^dly_",
    re.IGNORECASE,
)


def issue(
    name: str,
    role: str,
    expires_at: datetime | None = None,
    *,
    scopes: Iterable[str] = (),
    owner: str | None = None,
) -> str:
    """Makes an API token and returns its secret, which is shown this once and kept nowhere.

    Without ``scopes`` it may do all that its role may. ``owner`` is the e-mail of the person it
    belongs to. Raises AccountError.
    """
    accounts.prepare()
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise accounts.AccountError("a token's name has 1 to 100 printable characters")
    if _RESERVED.search(name):
        raise accounts.AccountError(f"{name!r} is no name for a token: it reads like another's")
    if expires_at is not None and aware(expires_at) <= datetime.now(UTC):
        raise accounts.AccountError("a token cannot expire in the past")
    plain = f"dly_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        token_id=str(uuid.uuid4()),
        name=name,
        role=accounts.valid_role(role),
        scopes=_valid_scopes(scopes),
        prefix=plain[: len("dly_") + 8],
        digest=digest(plain),
        user_id=None if owner is None else accounts.by_email(owner).user_id,
        created_at=datetime.now(UTC),
        expires_at=None if expires_at is None else aware(expires_at),
    )
    try:
        token.save(force_insert=True)
    except NotUniqueError:
        raise accounts.AccountError(f"there is a token named {name!r} already") from None
    return plain


def listed(owner: str | None = None) -> list[ApiToken]:
    """Every token, or those of one person by e-mail, oldest first; none holds its secret.

    Raises AccountError.
    """
    database.connect()
    of = {} if owner is None else {"user_id": accounts.by_email(owner).user_id}
    return list(ApiToken.objects(**of).order_by("created_at"))


def revoke(token_id: str, *, owner: str | None = None) -> ApiToken:
    """Makes the token of an id worthless, and returns what it was.

    Never looked up by a name, which its owner chooses: a decoy called like a token's id would be
    revoked in its place.

    With ``owner``, an e-mail, it must be that person's. Raises AccountError.
    """
    database.connect()
    of = {} if owner is None else {"user_id": accounts.by_email(owner).user_id}
    token: ApiToken | None = ApiToken.objects(token_id=token_id, **of).first()
    if token is None or not ApiToken.objects(token_id=token.token_id).delete():
        raise accounts.AccountError(f"there is no token with the id {token_id[:100]!r}")
    accounts.access_ended()
    return token


def id_of(secret: str) -> str:
    """The id of the token with that secret. Raises AccountError."""
    token: ApiToken | None = ApiToken.objects(digest=digest(secret)).first()
    if token is None:
        raise accounts.AccountError("there is no token with that secret")
    return str(token.token_id)


def _valid_scopes(scopes: Iterable[str]) -> list[str]:
    try:
        wanted = {Scope(scope) for scope in scopes}
    except ValueError as error:
        raise accounts.AccountError(f"{error}: it is one of {', '.join(Scope)}") from None
    return [scope.value for scope in Scope if scope in wanted]
