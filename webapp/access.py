"""Who may do what: every view carries a rule, and a view without one stops the app from starting.

Put the rule directly on the view, below the route::

    @bp.post("/titles")
    @require_role("editor")
    def create() -> Response: ...
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_login import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

from webapp.models import Role

View = TypeVar("View", bound=Callable[..., Any])

#: The attribute of a view that holds its rule: a Role, or None for everybody.
_RULE = "access_rule"


class RuleMissing(Exception):
    """Views without an access rule; the message names them."""


def public(view: View) -> View:
    """Everybody may call the view, signed in or not."""
    setattr(view, _RULE, None)
    return view


def require_role(role: str) -> Callable[[View], View]:
    """Only who is signed in and has ``role`` or a higher one may call the view."""
    needed = Role(role)

    def mark(view: View) -> View:
        setattr(view, _RULE, needed)
        return view

    return mark


def allowed(role: str) -> bool:
    """Whether who is asking has ``role``; for what a page shows, never in place of a rule."""
    return bool(current_user.is_authenticated) and Role(current_user.role).includes(Role(role))


def rule_of(app: Flask, endpoint: str) -> Role | None:
    """The rule of an endpoint: a Role, or None for everybody. Raises RuleMissing."""
    view = app.view_functions[endpoint]
    if not hasattr(view, _RULE):
        raise RuleMissing(endpoint)
    rule: Role | None = getattr(view, _RULE)
    return rule


def init_app(app: Flask) -> None:
    """Checks each request against its view's rule, before the view runs."""
    app.before_request(_check)
    app.jinja_env.globals["allowed"] = allowed
    if app.has_static_folder:
        public(app.view_functions["static"])


def require_rules(app: Flask) -> None:
    """Raises RuleMissing naming every view of the app that has no rule."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    missing = sorted(name for name in endpoints if not hasattr(app.view_functions[name], _RULE))
    if missing:
        raise RuleMissing(
            f"no access rule on {', '.join(missing)}: add @public or @require_role(…)"
        )


def _check() -> None:
    endpoint = request.endpoint
    if endpoint is None:
        return  # No such page: the 404 says no more than that.
    needed = rule_of(current_app, endpoint)
    if needed is None:
        return
    if not current_user.is_authenticated:
        raise Unauthorized(current_user.sentence)
    if not Role(current_user.role).includes(needed):
        raise Forbidden(
            f"This needs the role “{needed}”; {current_user.name} is “{current_user.role}”."
        )
