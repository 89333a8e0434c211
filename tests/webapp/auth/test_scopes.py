"""Tokens that are for some things only, whatever their role may do."""

import pytest
from flask import Flask

from tests.webapp.people import bearer
from webapp.auth import accounts, api_tokens
from webapp.models import ApiToken, Scope

#: A request that succeeds, or is refused for its content, wherever the scope allows it.
REQUESTS = {
    Scope.read: ("GET", "/v1/studio/transcoding-jobs", 200),
    Scope.upload: ("POST", "/api/titles", 415),
    Scope.jobs: ("POST", "/v1/studio/transcoding-jobs/none/retry", 404),
    Scope.admin: ("GET", "/v1/studio/audit", 200),
}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_of_one_scope_opens_what_belongs_to_it_alone(app: Flask, scope: Scope) -> None:
    client = bearer(app, api_tokens.issue("narrow", "admin", scopes=[scope]))
    for belongs_to, (method, path, status) in REQUESTS.items():
        answer = client.open(path, method=method)
        assert answer.status_code == (status if belongs_to is scope else 403), path
        if belongs_to is not scope:
            assert answer.json is not None
            assert f"needs the scope “{belongs_to}”" in answer.json["error"]
            assert f"is for: {scope}" in answer.json["error"]


def test_a_token_without_scopes_may_do_all_that_its_role_may(app: Flask) -> None:
    client = bearer(app, api_tokens.issue("wide", "admin"))
    for method, path, status in REQUESTS.values():
        assert client.open(path, method=method).status_code == status


def test_a_scope_gives_no_more_than_the_role(app: Flask) -> None:
    client = bearer(app, api_tokens.issue("low", "viewer", scopes=list(Scope)))
    assert client.get("/v1/studio/transcoding-jobs").status_code == 200
    answer = client.post("/api/titles")
    assert answer.status_code == 403
    assert answer.json is not None
    assert "needs the role" in answer.json["error"]


def test_scopes_are_kept_in_order_and_a_wrong_one_is_refused(app: Flask) -> None:
    api_tokens.issue("both", "editor", scopes=["jobs", "read", "jobs"])
    assert ApiToken.objects.get(name="both").scopes == ["read", "jobs"]
    with pytest.raises(accounts.AccountError, match="read, upload, jobs, admin"):
        api_tokens.issue("odd", "editor", scopes=["write"])
    assert ApiToken.objects(name="odd").count() == 0
