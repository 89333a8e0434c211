"""The API's description against its code, and the code against the description."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from jsonschema_rs import validator_for
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from webapp.auth import access
from webapp.auth.access import require_role
from webapp.openapi import Content, documented
from webapp.openapi.document import document
from webapp.openapi.documentation import documentation_of
from webapp.openapi.families import FAMILIES, PAGES
from webapp.openapi.routes import LEFT_OUT, undocumented
from webapp.openapi.schemas import Schemas, never_null


class Nothing(BaseModel):
    """An answer with nothing in it."""


class Asked(BaseModel):
    """A question."""

    word: str
    times: int | None = None


def test_a_view_says_what_its_decorator_was_told() -> None:
    @documented("Does nothing.", tag="Nothing", answers={200: Nothing}, errors=(404,))
    def view() -> str:
        return ""

    said = documentation_of(view)
    assert said is not None
    assert (said.summary, said.tag) == ("Does nothing.", "Nothing")
    assert said.answers == {200: Nothing}
    assert said.errors == (404,)
    assert documentation_of(lambda: "") is None


@pytest.mark.parametrize(
    ("summary", "status", "error"), [("No sentence", 200, 404), ("A.", 404, 404), ("A.", 200, 201)]
)
def test_a_description_that_cannot_be_is_refused(summary: str, status: int, error: int) -> None:
    with pytest.raises(ValueError, match=r"sentence|answers|errors"):
        documented(summary, tag="Nothing", answers={status: Nothing}, errors=(error,))


def small() -> Flask:
    """An app with one described route and one that is not."""
    app = Flask("small")

    @app.post("/api/things/<thing_id>")
    @require_role("editor")
    @documented(
        "Asks.",
        tag="Things",
        body=Asked,
        query=Asked,
        files={"picture": "A picture."},
        headers={"If-Match": "What it was."},
        answers={200: Nothing, 204: None, 206: Content("image/png", "A picture.")},
        errors=(409,),
    )
    def ask(thing_id: str) -> str:
        """Asks a thing ``times`` times.

        Nobody knows why.
        """
        return thing_id

    @app.get("/api/forgotten")
    @require_role("viewer")
    def forgotten() -> str:
        return ""

    access.init_app(app)
    return app


def test_a_route_becomes_an_operation() -> None:
    said = document(small())["paths"]["/api/things/{thingId}"]["post"]
    assert said["operationId"] == "ask"
    assert said["description"] == "Asks a thing `times` times.\n\nNobody knows why."
    assert (said["x-role"], said["x-scope"], said["tags"]) == ("editor", "jobs", ["Things"])
    assert {(one["name"], one["in"], one.get("required", False)) for one in said["parameters"]} == {
        ("thingId", "path", True),
        ("word", "query", True),
        ("times", "query", False),
        ("If-Match", "header", False),
    }
    body = said["requestBody"]
    assert body["required"] is True
    assert set(body["content"]) == {"multipart/form-data", "application/json"}
    assert body["content"]["multipart/form-data"]["schema"]["required"] == ["picture"]
    answers = said["responses"]
    added = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}
    assert set(answers) == {"200", "204", "206"} | added
    assert "content" not in answers["204"]
    assert answers["206"]["content"] == {"image/png": {}}


def test_a_query_cannot_say_null() -> None:
    schemas = Schemas([(Asked, "validation")])
    fields, required = schemas.fields(Asked, "validation")
    assert required == {"word"}
    assert fields["times"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert never_null(fields["times"]) == {"type": "integer"}


def test_a_route_that_says_nothing_of_itself_is_found() -> None:
    assert undocumented(small()) == ["GET /api/forgotten"]


def test_every_route_is_described_or_left_out_with_a_reason(app: Flask) -> None:
    assert undocumented(app) == [], "add @documented(…), see webapp/openapi/documentation.py"
    described = {
        operation["operationId"]
        for path in document(app)["paths"].values()
        for operation in path.values()
    }
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert LEFT_OUT.keys() <= endpoints
    assert {name.replace(".", "_") for name in endpoints - LEFT_OUT.keys()} == described
    assert all(reason.endswith(".") for reason in LEFT_OUT.values())


def operations(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in found["paths"].values():
        yield from path.values()


def test_every_family_is_introduced(app: Flask) -> None:
    tags = {tag for operation in operations(document(app)) for tag in operation["tags"]}
    assert tags - FAMILIES.keys() == set(), "add it to webapp/openapi/families.py"


def test_ids_are_unique_and_every_reference_leads_somewhere(app: Flask) -> None:
    found = document(app)
    ids = [operation["operationId"] for operation in operations(found)]
    assert len(ids) == len(set(ids))
    references = [value for key, value in walk(found) if key == "$ref" and isinstance(value, str)]
    assert references
    for reference in set(references):
        place: Any = found
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every ``(key, value)`` in a document."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key, inside
            yield from walk(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from walk(inside)


def test_it_is_openapi_3_1_as_the_standards_own_schema_says(client: FlaskClient) -> None:
    OPENAPI_31_VALIDATOR.validate(client.get("/openapi.json").get_json())


def test_it_is_served_to_everybody(app: Flask, client: FlaskClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.get_json() == json.loads(json.dumps(document(app)))
    assert answer.get_json()["openapi"].startswith("3.1.")
    pages = [one for one in operations(answer.get_json()) if one["tags"] == [PAGES]]
    assert all(one["summary"][0].isupper() and one["summary"].endswith(".") for one in pages)


def test_an_error_is_the_problem_that_is_described(app: Flask, client: FlaskClient) -> None:
    found = document(app)
    schema = {"$ref": "#/components/schemas/Problem", "components": found["components"]}
    validator = validator_for(schema)
    answers: list[Response] = [
        client.get("/api/titles"),  # type: ignore[list-item]
        client.post("/sign-in", json={}),  # type: ignore[list-item]
        client.get("/v1/nothing"),  # type: ignore[list-item]
    ]
    for answer in answers:
        assert answer.mimetype == "application/problem+json"
        validator.validate(answer.get_json())
