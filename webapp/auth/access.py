"""Access rules: every view carries a rule, and a view without one stops the app from starting.

Put the rule directly on the view, below the route::

    @bp.post("/titles")
    @require_role("editor")
    def create() -> Response: ...

A rule has a scope too, which narrows API tokens that were made for some scopes only: viewers' views
are ``read``, editors' ``jobs`` unless they say ``upload``, admins' ``admin``.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_login import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

from webapp.models import Role, Scope

View = TypeVar("View", bound=Callable[..., Any])

#: The attribute of a view that holds its rule: a Role, or None for everybody.
_RULE = "access_rule"
_SCOPE = "access_scope"
_SCOPE_OF_ROLE = {Role.viewer: Scope.read, Role.editor: Scope.jobs, Role.admin: Scope.admin}


class RuleMissing(Exception):
    """Views without an access rule; the message names them."""


def public(view: View) -> View:
    """Everybody may call the view, signed in or not."""
    setattr(view, _RULE, None)
    return view


def require_role(role: str, scope: str | None = None) -> Callable[[View], View]:
    """Only who is signed in and has ``role`` or a higher one may call the view.

    ``scope`` is what a token must be for; without it, it follows from the role.
    """
    needed = Role(role)
    belongs_to = Scope(scope) if scope else _SCOPE_OF_ROLE[needed]

    def mark(view: View) -> View:
        setattr(view, _RULE, needed)
        setattr(view, _SCOPE, belongs_to)
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


def scope_of(app: Flask, endpoint: str) -> Scope | None:
    """The scope of an endpoint; None where everybody may call it. Raises RuleMissing."""
    if rule_of(app, endpoint) is None:
        return None
    scope: Scope = getattr(app.view_functions[endpoint], _SCOPE)
    return scope


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
    if request.method == "OPTIONS" and getattr(
        request.url_rule, "provide_automatic_options", False
    ):
        return  # No view runs: a browser asks what it may send, before it sends who it is.
    needed = rule_of(current_app, endpoint)
    if needed is None:
        return
    if not current_user.is_authenticated:
        raise Unauthorized(current_user.sentence)
    if not Role(current_user.role).includes(needed):
        raise Forbidden(
            f"This needs the role “{needed}”; {current_user.name} is “{current_user.role}”."
        )
    scope = scope_of(current_app, endpoint)
    if current_user.scopes is not None and scope not in current_user.scopes:
        has = ", ".join(current_user.scopes)
        raise Forbidden(f"This needs the scope “{scope}”; {current_user.name} is for: {has}.")
