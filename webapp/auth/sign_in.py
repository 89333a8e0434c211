"""Signing in and out.

Templates: ``pages/sign_in.html`` gets ``email``, ``next_path`` and ``error`` (a sentence or None);
its form posts ``email``, ``password``, ``next`` and ``csrf_token``. ``pages/sign_in_link.html``
gets ``email`` (None where the link is used up or expired) and ``error``; its form posts to the
same address ``csrf_token`` and, if the person likes, a ``password`` for the next time.
"""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session
from flask_login import current_user, login_user, logout_user
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response

from tasks.records import audit
from webapp import errors
from webapp.auth import accounts, sign_in_links, throttle
from webapp.auth.access import public, require_role
from webapp.auth.identity import principal_of
from webapp.models import User

bp = Blueprint("auth", __name__)

WRONG = "The e-mail or the password is wrong."


@bp.get("/sign-in")
@public
def sign_in() -> str | Response:
    """The sign-in page; who is signed in already goes on to ``next``."""
    next_path = local_path(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(next_path, 303)
    return render_template("pages/sign_in.html", email="", next_path=next_path, error=None)


@bp.post("/sign-in")
@public
def sign_in_with_password() -> Response | tuple[str, int]:
    """Opens a session for e-mail and password. 429 after ten wrong ones in ten minutes."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    next_path = local_path(request.form.get("next"))
    address = request.remote_addr or ""
    throttle.begin_attempt(email, address)
    user = accounts.check_password(email, password)
    if user is None:
        _audit("nobody", "sign in", email, refused=True, detail="wrong e-mail or password")
        if not errors.wants_page():
            raise Unauthorized(WRONG)
        page = render_template(
            "pages/sign_in.html", email=email[:254], next_path=next_path, error=WRONG
        )
        return page, 401
    throttle.forget_attempts(email, address)
    _audit(user.email, "sign in", user.email, detail="by password")
    _open(user)
    return redirect(next_path, 303)


@bp.get("/sign-in/link/<secret>")
@public
def sign_in_link(secret: str) -> str | tuple[str, int]:
    """A page with a button: programs that look into links to preview them don't use it up."""
    return _link_page(sign_in_links.owner(secret), None)


@bp.post("/sign-in/link/<secret>")
@public
def sign_in_with_link(secret: str) -> Response | str | tuple[str, int]:
    """Uses the link up and opens a session; a password given with it is set."""
    try:
        user = sign_in_links.use(secret, request.form.get("password") or None)
    except accounts.AccountError as error:
        return _link_page(sign_in_links.owner(secret), error.sentence, 422)
    if user is None:
        _audit("nobody", "sign in", None, refused=True, detail="by a link that is used up or wrong")
        return _link_page(None, None)
    _audit(user.email, "sign in", user.email, detail="by link")
    if request.form.get("password"):
        _audit(user.email, "change password", user.email, detail="by link")
    _open(user)
    return redirect("/", 303)


@bp.post("/sign-out")
@require_role("viewer")
def sign_out() -> Response:
    """Ends the session here, and makes every copy of its cookie worthless."""
    if not current_user.by_token:
        _audit(current_user.name, "sign out", current_user.name)
        accounts.close_session(current_user.session_key)
        logout_user()
        session.clear()
    return redirect("/sign-in", 303)


def local_path(path: str | None) -> str:
    """The path, where it leads to a page of this app; else the start page."""
    if not path or not path.startswith("/") or not path.isprintable() or "\\" in path:
        return "/"
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or path.startswith(("//", "/sign-")):
        return "/"
    return path


def _audit(
    who: str, action: str, target: str | None, *, refused: bool = False, detail: str = ""
) -> None:
    address = throttle.network(request.remote_addr)
    audit.record(
        who,
        action,
        kind="person",
        target=None if target is None else target[:254],
        refused=refused,
        detail=f"{detail}, from {address}".removeprefix(", "),
    )


def _open(user: User) -> None:
    # Nothing that was in the browser before may live on in the session of this person.
    session.clear()
    session.permanent = True
    login_user(principal_of(user, accounts.open_session(user)))


def _link_page(user: User | None, error: str | None, status: int = 200) -> str | tuple[str, int]:
    page = render_template(
        "pages/sign_in_link.html", email=user.email if user else None, error=error
    )
    return page, status if user else 410
