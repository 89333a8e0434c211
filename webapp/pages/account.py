"""What a person sees and changes of their own account: password, browsers, API tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, session
from flask_login import current_user, logout_user
from werkzeug.exceptions import NotFound, UnprocessableEntity
from werkzeug.wrappers import Response as AnyResponse

from tasks.records import audit
from webapp.auth import accounts, api_tokens, throttle
from webapp.auth.access import require_role
from webapp.models import Role, Scope, User
from webapp.pages.partials import for_browser

bp = Blueprint("account", __name__, url_prefix="/account")

#: How long a token may be good for, in days, as the form offers it; None: for ever.
LIFETIMES: tuple[tuple[str, int | None], ...] = (
    ("30 days", 30),
    ("90 days", 90),
    ("a year", 365),
    ("no end", None),
)


@bp.get("")
@require_role("viewer")
def show() -> Response:
    """The page of who is signed in."""
    user = _me()
    return for_browser(
        render_template(
            "pages/account.html",
            person=user,
            here=current_user.session_key,
            **_tokens(user),
        )
    )


@bp.post("/password")
@require_role("viewer")
def change_password() -> Response:
    """Sets a new password; every other browser is signed out, this one stays signed in."""
    user = _me()
    new, again = request.form.get("new", ""), request.form.get("again", "")
    if new != again:
        raise UnprocessableEntity("The new password and its repetition differ.")
    throttle.begin_attempt(user.email, None)
    try:
        # This browser's session goes on: with another key, its live pages would be signed out.
        accounts.change_password(
            user.user_id, request.form.get("current", ""), new, keep=current_user.session_key
        )
    except accounts.AccountError as error:
        raise UnprocessableEntity(error.sentence) from None
    throttle.forget_attempts(user.email, None)
    audit.record(user.email, "change password", kind="person", target=user.email)
    return for_browser(
        render_template(
            "partials/password_answer.html",
            person=accounts.person(user.user_id),
            here=current_user.session_key,
            toast_words="The password is changed. Every other browser is signed out.",
            toast_tone="ok",
        )
    )


@bp.post("/sign-out-everywhere")
@require_role("viewer")
def sign_out_everywhere() -> AnyResponse:
    """Ends all sessions, this one too, and leads to the sign-in page."""
    user = _me()
    count = accounts.sign_out_everywhere(user.email)
    audit.record(
        user.email,
        "sign out everywhere",
        kind="person",
        target=user.email,
        detail=f"{count} browsers",
    )
    logout_user()
    session.clear()
    return redirect("/sign-in", 303)


@bp.post("/tokens")
@require_role("viewer")
def make_token() -> Response:
    """Makes a token of one's own; its secret is in this answer and nowhere else."""
    user = _me()
    name, role = request.form.get("name", ""), request.form.get("role", "")
    lifetimes = dict(LIFETIMES)
    lifetime = request.form.get("lifetime", "")
    if lifetime not in lifetimes:
        raise UnprocessableEntity(f"A token is good for one of: {', '.join(lifetimes)}.")
    days = lifetimes[lifetime]
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    scopes = request.form.getlist("scopes")
    if not scopes:
        raise UnprocessableEntity("Choose what the token is for.")
    if role in list(Role) and not Role(user.role).includes(Role(role)):
        raise UnprocessableEntity(f"You are {user.role}: a token of yours cannot be {role}.")
    try:
        secret = api_tokens.issue(name, role, expires_at, scopes=scopes, owner=user.email)
    except accounts.AccountError as error:
        raise UnprocessableEntity(error.sentence) from None
    audit.record(
        user.email,
        "make token",
        kind="token",
        target=name.strip(),
        detail=f"{role}, for {', '.join(scopes)}, good for {lifetime}",
    )
    return _tokens_answer(user, f"The token {name.strip()} is made.", secret=secret)


@bp.post("/tokens/<token_id>/revoke")
@require_role("viewer")
def revoke_token(token_id: str) -> Response:
    """Makes a token of one's own worthless."""
    user = _me()
    try:
        token = api_tokens.revoke(token_id, owner=user.email)
    except accounts.AccountError as error:
        raise UnprocessableEntity(error.sentence) from None
    audit.record(user.email, "revoke token", kind="token", target=token.name)
    return _tokens_answer(user, f"The token {token.name} is revoked.")


def _me() -> User:
    if current_user.by_token:
        raise NotFound("A token has no account page: sign in as a person.")
    return accounts.person(current_user.user_id)


def _tokens(user: User) -> dict[str, Any]:
    """What the card of tokens shows."""
    role = Role(user.role)
    return {
        "tokens": api_tokens.listed(user.email),
        "roles": [r.value for r in Role if role.includes(r)],
        "scopes": [s for s in Scope if s is not Scope.admin or role is Role.admin],
        "lifetimes": [name for name, _ in LIFETIMES],
    }


def _tokens_answer(user: User, words: str, secret: str | None = None) -> Response:
    return for_browser(
        render_template(
            "partials/tokens_answer.html",
            secret=secret,
            toast_words=words,
            toast_tone="ok",
            **_tokens(user),
        )
    )
