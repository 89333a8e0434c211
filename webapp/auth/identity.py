"""The identity behind a request: a browser's session, or a program's token."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flask import Flask, g, request
from flask_login import AnonymousUserMixin, LoginManager, UserMixin

from tasks.settings import get_settings
from webapp.auth import accounts, feed_tickets
from webapp.auth.digest import digest
from webapp.deadline import in_time
from webapp.models import ApiToken, Role, User
from webapp.sockets import ticket_offered, token_offered

#: The only endpoint at which a ticket counts.
FEED = "feed.events"
#: How exact a token's last use is kept: a write for every request would be too many.
LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Principal(UserMixin):
    """A signed-in person or token; views and templates know it as ``current_user``.

    ``name`` is what a job's history says of who did it: an e-mail, or ``token NAME``. ``scopes``
    is what a token is for; None for all that its role may do.
    """

    name: str
    role: Role
    session_key: str | None = None
    token_digest: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] | None = None
    user_id: str | None = None

    def get_id(self) -> str:
        """The id that Flask-Login keeps in the cookie."""
        return self.session_key or ""

    @property
    def by_token(self) -> bool:
        """Whether a token said who it is, which no other site can make a browser send."""
        return self.session_key is None


class Nobody(AnonymousUserMixin):
    """Nobody signed in: as ``current_user`` it has a name and no role."""

    name = "nobody"
    role = None
    by_token = False
    scopes = None
    #: Why, for who may not go on like that.
    sentence = "Sign in, or send an API token as “Authorization: Bearer …”."


class WrongToken(Nobody):
    """A request with a token that is unknown, expired or revoked."""

    sentence = "This API token is unknown, expired or revoked."


def init_app(app: Flask) -> None:
    """Makes ``flask_login.current_user`` work for sessions and for ``Authorization: Bearer``."""
    manager = LoginManager()
    # Not "strong": that signs out whoever's address changes, as laptops' and PaaS routers' do.
    manager.session_protection = "basic"
    manager.anonymous_user = Nobody
    manager.user_loader(_of_session)
    manager.init_app(app)
    app.before_request(_by_token)


def principal_of(user: User, session_key: str) -> Principal:
    """The person, signed in by the session with that key."""
    return Principal(user.email, Role(user.role), session_key, user_id=user.user_id)


def _of_session(key: str) -> Principal | None:
    with in_time():
        user = accounts.of_session(key)
    return principal_of(user, key) if user else None


def _by_token() -> None:
    ticket = ticket_offered() if request.endpoint == FEED else None
    if ticket is not None:
        g._login_user = _of_ticket(ticket) or WrongToken()
        return
    secret = _token_sent()
    if secret is None or request.endpoint in (None, "static"):
        return
    # A token that is sent counts, right or wrong, whatever session the client has besides.
    g._login_user = _of_digest(digest(secret)) or WrongToken()


def _of_ticket(ticket: str) -> Principal | None:
    holder = feed_tickets.redeem(ticket, request.headers.get("Origin"))
    if holder is None:
        return None
    if holder.session_key is not None:
        return _of_session(holder.session_key)
    return _of_digest(holder.token_digest) if holder.token_digest else None


def _token_sent() -> str | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else token_offered()


def counts(principal: Principal) -> bool:
    """Whether the session or token by which somebody came is still worth something.

    Raises what the database raises.
    """
    if principal.session_key is not None:
        return _of_session(principal.session_key) is not None
    return principal.token_digest is not None and _of_digest(principal.token_digest) is not None


def _of_digest(hashed: str) -> Principal | None:
    bootstrap = get_settings().api_token
    if bootstrap and hmac.compare_digest(hashed, digest(bootstrap.get_secret_value())):
        return Principal("token DAILIES_API_TOKEN", Role.admin, token_digest=hashed)
    with in_time():
        token = ApiToken.objects(digest=hashed).first()
        if token is None or token.expired:
            return None
        now = datetime.now(UTC)
        role = Role(token.role)
        if token.user_id is not None:
            owner = User.objects(user_id=token.user_id).only("role").first()
            if owner is None:
                return None
            role = min(role, Role(owner.role), key=list(Role).index)
        if token.last_used_at is None or token.last_used_at <= now - LAST_USED_EVERY:
            ApiToken.objects(token_id=token.token_id).update_one(set__last_used_at=now)
    return Principal(
        f"token {token.name}", role, token_digest=hashed, scopes=tuple(token.scopes) or None
    )
