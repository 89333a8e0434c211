"""Every route for everybody. A route that is missing from the table fails here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tasks.settings import get_settings
from tests.webapp.people import bearer, csrf_token, signed_in
from webapp.auth import access, accounts, api_tokens
from webapp.models import ApiToken, Scope

# The lowest role that may call an endpoint; None is everybody.
RULES: dict[str, str | None] = {
    "static": None,
    "auth.sign_in": None,
    "auth.sign_in_with_password": None,
    "auth.sign_in_link": None,
    "auth.sign_in_with_link": None,
    "auth.sign_out": "viewer",
    "health.alive": None,
    "health.ready": None,
    # The code is public, so what it answers is no secret.
    "api_description.show": None,
    "docs.index": None,
    "docs.one": None,
    "api_upload.upload": "editor",
    "api_upload.convert": "editor",
    "api_upload.status": "viewer",
    "api_upload.jobs": "viewer",
    "api_upload.streaming": "viewer",
    "api_v1_upload.upload": "editor",
    "api_v1_upload.status": "viewer",
    "api_v1_upload.retry": "editor",
    "api_cloudwatch.show": "viewer",
    "api_modules.upload": "editor",
    "api_modules.index": "viewer",
    "api_modules.create": "editor",
    "api_modules.show": "viewer",
    "api_modules.save": "editor",
    "api_modules.delete": "editor",
    "api_modules.retry": "editor",
    "api_modules.cancel": "editor",
    "api_modules.as_markdown": "viewer",
    "api_modules.transcript": "viewer",
    "api_modules.picture": "viewer",
    "api_modules.video": "viewer",
    "api_videos.show": "viewer",
    "api_videos.patch": "editor",
    "api_videos.delete": "editor",
    "api_videos.delete_many": "editor",
    "api_videos.replace": "editor",
    "api_videos.source": "viewer",
    "api_videos.mp4": "viewer",
    "api_videos.shares": "editor",
    "api_videos.share": "editor",
    "api_videos.revoke": "editor",
    # The token in the path is what opens it.
    "shared.serve": None,
    "api_titles.find": "viewer",
    "api_titles.create": "editor",
    "studio_transcode.list_jobs": "viewer",
    "studio_transcode.one_job": "viewer",
    "studio_transcode.retry": "editor",
    "studio_transcode.cancel": "editor",
    "studio_transcode.clean_up": "editor",
    "studio_transcode.sync": "editor",
    "studio_transcode.delete": "editor",
    "studio_transcode.clear": "editor",
    "studio_transcode.many": "editor",
    "studio_transcode.fix": "editor",
    "studio_upload.list_jobs": "viewer",
    "studio_upload.one_job": "viewer",
    "studio_upload.retry": "editor",
    "studio_upload.cancel": "editor",
    "studio_upload.clean_up": "editor",
    "studio_upload.sync": "editor",
    "studio_upload.delete": "editor",
    "studio_upload.clear": "editor",
    "studio_upload.many": "editor",
    "studio_upload.fix": "editor",
    "studio_operations.found": "viewer",
    "studio_operations.one": "viewer",
    "studio_operations.cancel": "editor",
    "studio_operations.audit": "admin",
    "studio_overview.show": "viewer",
    "studio_overview.queues": "viewer",
    "studio_overview.workers": "viewer",
    "studio_overview.pause": "editor",
    "studio_overview.resume": "editor",
    "studio_overview.drain": "editor",
    "studio_overview.undrain": "editor",
    "api_job_log.lines": "viewer",
    "api_admin_media.jobs": "viewer",
    "api_admin_dashboard.show": "admin",
    "api_feed_tickets.create": "viewer",
    "dashboard.show": "admin",
    "media_status.show": "viewer",
    "embed_demo.show": "viewer",
    "api_drift.found": "viewer",
    "api_drift.fix": "editor",
    "account.show": "viewer",
    "account.change_password": "viewer",
    "account.sign_out_everywhere": "viewer",
    "account.make_token": "viewer",
    "account.revoke_token": "viewer",
    "people.show": "admin",
    "people.add": "admin",
    "people.change_role": "admin",
    "people.link": "admin",
    "people.sign_out": "admin",
    "people.remove": "admin",
    "people.revoke_token": "admin",
    "drift.index": "viewer",
    "drift.fix": "editor",
    "drift.fix_all": "editor",
    "drift.remove_unused": "admin",
    "media_files.serve": "viewer",
    # The signature in the path is what opens it.
    "media_files.serve_signed": None,
    # Sends on to where somebody of that role begins.
    "home.home": None,
    "jobs.index": "viewer",
    "modules.index": "viewer",
    "modules.create": "editor",
    "modules.show": "viewer",
    "modules.processing": "viewer",
    "modules.edit_form": "editor",
    "modules.change": "editor",
    "modules.do": "editor",
    "overview.show": "viewer",
    "overview.pause": "editor",
    "overview.resume": "editor",
    "overview.drain": "editor",
    "overview.undrain": "editor",
    "job.show": "viewer",
    "job.details": "viewer",
    "job.upload_details": "viewer",
    "job.do": "editor",
    "job_bulk.many": "editor",
    "job_bulk.clear": "editor",
    "job_bulk.stuck": "editor",
    "job_bulk.fix": "editor",
    "operation.index": "viewer",
    "operation.show": "viewer",
    "operation.cancel": "editor",
    "audit.index": "admin",
    "library.index": "viewer",
    "watch.show": "viewer",
    "videos.index": "viewer",
    "videos.show": "viewer",
    "videos.edit": "editor",
    "videos.publish": "editor",
    "videos.replace": "editor",
    "videos.share": "editor",
    "videos.revoke": "editor",
    "videos.delete": "editor",
    "subtitles.index": "viewer",
    "subtitles.create": "editor",
    "subtitles.delete": "editor",
    "api_streams.index": "viewer",
    "api_streams.publish": "editor",
    "api_subtitles.index": "viewer",
    "api_subtitles.create": "editor",
    "api_subtitles.delete": "editor",
    "upload.show": "editor",
    "upload.job_of": "viewer",
    "live.panels": "viewer",
    "feed.events": "viewer",
}

# Tokens may be for some scopes only. These belong to “upload”; all others to that of their role.
UPLOADS = {
    "api_modules.upload",
    "api_subtitles.create",
    "api_subtitles.delete",
    "api_titles.create",
    "api_upload.convert",
    "api_upload.upload",
    "api_v1_upload.upload",
    "api_videos.replace",
}
SCOPE_OF_ROLE = {"viewer": Scope.read, "editor": Scope.jobs, "admin": Scope.admin}

ROLES = ["viewer", "editor", "admin"]
VALUES = {
    "key": "hls/00000000-0000-4000-8000-000000000000/master.m3u8",
    "filename": "nothing.js",
    "secret": "wrong",
    "signature": "wrong",
    "kind": "upload",
    "action": "retry",
    "status": "completed",
}
Client = Callable[[], FlaskClient]
Maker = Callable[[Flask], Client]
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}
AN_ID = "00000000-0000-4000-8000-000000000000"


def calls(app: Flask) -> list[tuple[Rule, str, str]]:
    """``(rule, method, path)`` of everything that can be called."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        path = adapter.build(rule.endpoint, {a: VALUES.get(a, AN_ID) for a in rule.arguments})
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            found.append((rule, method, path))
    return found


def test_the_table_names_every_route_with_its_rule(app: Flask) -> None:
    rules = {rule.endpoint: access.rule_of(app, rule.endpoint) for rule in app.url_map.iter_rules()}
    assert rules == RULES


def test_the_table_names_every_scope(app: Flask) -> None:
    scopes = {endpoint: access.scope_of(app, endpoint) for endpoint in RULES}
    assert scopes == {endpoint: scope_of(endpoint) for endpoint in RULES}
    assert RULES.keys() >= UPLOADS


def scope_of(endpoint: str) -> Scope | None:
    """The scope that a token must have for an endpoint, as the tables say it."""
    role = RULES[endpoint]
    if role is None:
        return None
    return Scope.upload if endpoint in UPLOADS else SCOPE_OF_ROLE[role]


def make_nobody(app: Flask) -> Client:
    return app.test_client


def make_person(role: str) -> Maker:
    def make(app: Flask) -> Client:
        user = accounts.add_user(f"{role}@example.com", None, role)
        # Anew each time: one of the calls signs out.
        return lambda: signed_in(app, user)

    return make


def make_program(role: str, *scopes: Scope) -> Maker:
    def make(app: Flask) -> Client:
        token = api_tokens.issue("program", role, scopes=scopes)
        return lambda: bearer(app, token)

    return make


def make_expired(app: Flask) -> Client:
    token = api_tokens.issue("old", "admin", datetime.now(UTC) + timedelta(days=1))
    ApiToken.objects.update(set__expires_at=datetime.now(UTC) - timedelta(seconds=1))
    return lambda: bearer(app, token)


def make_orphan_token(app: Flask) -> Client:
    user = accounts.add_user("gone@example.com", None, "admin")
    token = api_tokens.issue("theirs", "admin", owner=user.email)
    # Only the person: a token row that was left over must be worth nothing too.
    user.delete()
    return lambda: bearer(app, token)


def make_token_of_a_lesser(app: Flask) -> Client:
    user = accounts.add_user("ada@example.com", None, "admin")
    token = api_tokens.issue("ada's", "admin", owner=user.email)
    accounts.set_role(user.email, "viewer")
    return lambda: bearer(app, token)


def make_orphan_session(app: Flask) -> Client:
    user = accounts.add_user("gone@example.com", None, "admin")
    client = signed_in(app, user)
    accounts.remove_user(user.email)
    return lambda: client


def make_wrong_token(app: Flask) -> Client:
    return lambda: bearer(app, "dly_00000000_wrong")


@dataclass(frozen=True)
class Actor:
    """Somebody who calls everything: as ``role`` (None is as nobody), with ``scopes`` or with all
    of them."""

    name: str
    role: str | None
    make: Maker
    scopes: tuple[Scope, ...] = tuple(Scope)


ACTORS = [
    Actor("nobody", None, make_nobody),
    *(Actor(f"{role} by session", role, make_person(role)) for role in ROLES),
    *(Actor(f"{role} by token", role, make_program(role)) for role in ROLES),
    *(
        Actor(f"token for {scope} alone", "admin", make_program("admin", scope), (scope,))
        for scope in Scope
    ),
    Actor(
        "token for more than its role",
        "viewer",
        make_program("viewer", Scope.upload, Scope.admin),
        (Scope.upload, Scope.admin),
    ),
    Actor("expired token", None, make_expired),
    Actor("wrong token", None, make_wrong_token),
    Actor("token of a deleted user", None, make_orphan_token),
    Actor("session of a deleted user", None, make_orphan_session),
    Actor("token of who is only a viewer now", "viewer", make_token_of_a_lesser),
]


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_everybody_gets_what_the_table_says(app: Flask, actor: Actor) -> None:
    new_client = actor.make(app)
    wrong = []
    for rule, method, path in calls(app):
        if rule.websocket and actor.role is not None:
            continue  # The test client has no socket to open one on; test_live.py has.
        answer = new_client().open(
            path,
            method=method,
            headers={
                "Accept": "application/json",
                "X-CSRFToken": csrf_token(app),
                **(UPGRADE if rule.websocket else {}),
            },
        )
        if not as_the_table_says(actor, rule.endpoint, answer.status_code):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


def as_the_table_says(actor: Actor, endpoint: str, status: int) -> bool:
    """Whether the status is one that this endpoint may give to who asks."""
    needed, scope = RULES.get(endpoint), scope_of(endpoint)
    if needed is not None and actor.role is None:
        return status == 401
    if needed is not None and ROLES.index(actor.role or "") < ROLES.index(needed):
        return status == 403
    if scope is not None and scope not in actor.scopes:
        return status == 403
    if endpoint == "people.link" and "token" in actor.name:
        return status == 403  # a link signs in as anybody: no token makes one
    if endpoint == "static":
        return status == 404
    if endpoint == "health.ready":
        return status in (200, 503)
    if endpoint == "auth.sign_in_with_password":
        return status in (400, 401)  # of wrong credentials, none were sent
    return status not in (401, 403, 429) and status < 500


def test_a_view_without_a_rule_stops_the_app_from_starting(app: Flask) -> None:
    fresh = Flask("fresh")
    fresh.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    access.init_app(fresh)
    with pytest.raises(access.RuleMissing, match="forgotten"):
        access.require_rules(fresh)
    assert fresh.test_client().get("/forgotten").status_code == 500


def test_a_token_may_never_do_more_than_its_owner(app: Flask) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    client = bearer(app, api_tokens.issue("ada's", "admin", owner="ada@example.com"))
    assert client.get("/api/titles").status_code == 200
    refused = client.post("/api/titles", json={"kind": "film", "name": "Tides"})
    assert refused.status_code == 403
    assert "viewer" in refused.get_json()["error"]


def test_the_role_counts_that_a_person_has_now(app: Flask) -> None:
    user = accounts.add_user("ada@example.com", None, "editor")
    client, body = signed_in(app, user), {"kind": "film", "name": "Tides"}
    headers = {"X-CSRFToken": csrf_token(app)}
    assert client.post("/api/titles", json=body, headers=headers).status_code == 201
    accounts.set_role(user.email, "viewer")
    assert client.post("/api/titles", json=body, headers=headers).status_code == 403


def test_when_a_token_was_used_is_kept_about_once_a_minute(app: Flask) -> None:
    client = bearer(app, api_tokens.issue("ci", "viewer"))
    client.get("/api/titles")
    first = ApiToken.objects.get().last_used_at
    assert datetime.now(UTC) - first < timedelta(seconds=30)
    client.get("/api/titles")
    assert ApiToken.objects.get().last_used_at == first
    long_ago = first - timedelta(minutes=2)
    ApiToken.objects.update(set__last_used_at=long_ago)
    client.get("/api/titles")
    assert ApiToken.objects.get().last_used_at > long_ago


def test_a_refusal_says_what_is_wrong_with_the_token(app: Flask) -> None:
    assert "Sign in" in app.test_client().get("/api/titles").get_json()["error"]
    assert "unknown, expired or revoked" in bearer(app, "x").get("/api/titles").get_json()["error"]
    assert bearer(app, "x").get("/healthz").status_code == 200


def test_the_bootstrap_token_may_do_everything(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAILIES_API_TOKEN", "a bootstrap token of tests")
    get_settings.cache_clear()
    try:
        client = bearer(app, "a bootstrap token of tests")
        assert client.post("/api/titles", json={"kind": "film", "name": "Tides"}).status_code == 201
        assert bearer(app, "a bootstrap token of test").get("/api/titles").status_code == 401
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert client.get("/api/titles").status_code == 401
