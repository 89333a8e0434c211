"""Who may come in, for admins: people, what they may do, and every API token."""

from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden, UnprocessableEntity

from tasks.records import audit
from webapp.auth import accounts, api_tokens, sign_in_links
from webapp.auth.access import require_role
from webapp.models import Role, User
from webapp.pages.partials import for_browser

bp = Blueprint("people", __name__, url_prefix="/people")


@bp.get("")
@require_role("admin")
def show() -> Response:
    """The page."""
    return for_browser(render_template("pages/people.html", **_people()))


@bp.post("")
@require_role("admin")
def add() -> Response:
    """Adds a person, and shows people the link by which they sign in for the first time."""
    try:
        user = accounts.add_user(request.form.get("email", ""), None, request.form.get("role", ""))
    except accounts.AccountError as error:
        raise _refused(error) from None
    _record("add person", user, f"as {user.role}")
    return _answer(
        f"{user.email} is added as {user.role}.", link_for=None if current_user.by_token else user
    )


@bp.post("/<user_id>/role")
@require_role("admin")
def change_role(user_id: str) -> Response:
    """Gives a person another role, with which their tokens go along."""
    user, role = _person(user_id), request.form.get("role", "")
    try:
        accounts.set_role(user.email, role)
    except accounts.AccountError as error:
        # With everything else, so that the choice on the page shows again what is true.
        return _answer(error.sentence, refused=True)
    _record("change role", user, f"from {user.role} to {role}")
    return _answer(f"{user.email} is {role} now.")


@bp.post("/<user_id>/link")
@require_role("admin")
def link(user_id: str) -> Response:
    """Shows a new one-time sign-in link, for whoever forgot a password; to people only.

    A link signs in as anybody, with all that they may, which no scope of a token covers.
    """
    if current_user.by_token:
        raise Forbidden("A sign-in link is made by an admin who is signed in, not by a token.")
    user = _person(user_id)
    _record("make sign-in link", user)
    return _answer(f"A link for {user.email} is made.", link_for=user)


@bp.post("/<user_id>/sign-out")
@require_role("admin")
def sign_out(user_id: str) -> Response:
    """Ends every session of a person."""
    user = _person(user_id)
    count = accounts.sign_out_everywhere(user.email)
    _record("sign out everywhere", user, f"{count} browsers")
    return _answer(f"{user.email} is signed out everywhere.")


@bp.post("/<user_id>/remove")
@require_role("admin")
def remove(user_id: str) -> Response:
    """Removes a person, with their sessions and tokens."""
    user = _person(user_id)
    try:
        accounts.remove_user(user.email)
    except accounts.AccountError as error:
        raise _refused(error) from None
    _record("remove person", user)
    return _answer(f"{user.email} is removed.")


@bp.post("/tokens/<token_id>/revoke")
@require_role("admin")
def revoke_token(token_id: str) -> Response:
    """Makes anybody's token worthless."""
    try:
        token = api_tokens.revoke(token_id)
    except accounts.AccountError as error:
        raise _refused(error) from None
    audit.record(current_user.name, "revoke token", kind="token", target=token.name)
    return _answer(f"The token {token.name} is revoked.")


def _people() -> dict[str, Any]:
    people = accounts.list_users()
    owners = {user.user_id: user.email for user in people}
    return {
        "people": people,
        "tokens": api_tokens.listed(),
        "owners": owners,
        "roles": list(Role),
        "me": current_user.name,
    }


def _answer(words: str, link_for: User | None = None, *, refused: bool = False) -> Response:
    link = None
    if link_for is not None:
        path = sign_in_links.make(link_for.email)
        link = url_for("home.home", _external=True).rstrip("/") + path
    return for_browser(
        render_template(
            "partials/people_answer.html",
            link=link,
            link_for=link_for,
            toast_words=words,
            toast_tone="refused" if refused else "ok",
            **_people(),
        ),
        422 if refused else 200,
    )


def _person(user_id: str) -> User:
    try:
        return accounts.person(user_id)
    except accounts.AccountError as error:
        raise _refused(error) from None


def _record(action: str, user: User, detail: str = "") -> None:
    audit.record(current_user.name, action, kind="person", target=user.email, detail=detail)


def _refused(error: accounts.AccountError) -> UnprocessableEntity:
    return UnprocessableEntity(error.sentence)
