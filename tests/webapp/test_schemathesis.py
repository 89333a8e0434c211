"""Whatever is sent to the API, its answer is one that its description has.

Requests are made of the description by schemathesis: what it allows and what it does not, at
random and at the edges of each schema. They are the same each time.
"""

from collections.abc import Iterator
from itertools import cycle

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.config import GenerationConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tasks.infra.database import connect
from tasks.infra.redis_client import get_redis
from tasks.queue.workers import Presence, worker_name
from tests.recovery.waiting import until
from tests.webapp.seeded import Ids, seed
from webapp.auth import api_tokens
from webapp.openapi.families import PAGES

# A few seconds' work, and minutes on a machine that is busy with something else.
pytestmark = pytest.mark.timeout(900)

CONFIG = {
    # The same requests, also after an edit of something else: no words from the app's source.
    "analysis": {"constants": {"enabled": False}},
    # A right token goes with every request.
    "generation": {"with-security-parameters": False},
    "checks": {
        # Fields that depend on each other (ids or filter) cannot be said in a schema.
        "positive_data_acceptance": {"enabled": False},
        # GET …-jobs/clear asks for the job “clear”.
        "allow_header_conformance": {"enabled": False},
        # test_authorization.py asks every route without a right token.
        "ignored_auth": {"enabled": False},
        # And 413: too many items are too many bytes, too.
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
        },
        # Away is an answer like others, where it is described.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
    },
}
EDGES = GenerationConfig(with_security_parameters=False)


@pytest.fixture
def worker(app: Flask) -> Iterator[str]:
    """This process, alive as a worker."""
    connect()
    presence = Presence()
    presence.start()
    until(lambda: get_redis().exists(f"dailies:worker:{worker_name()}"), "a sign of life")
    yield worker_name()
    presence.stop()


@pytest.fixture
def api(app: Flask) -> OpenApiSchema:
    """The description as schemathesis reads it."""
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)


def operations(api: BaseSchema) -> Iterator[APIOperation]:
    """What can be called. Fails where a part of the description cannot be read."""
    for found in api.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def cases(operation: APIOperation, at_random: int, most: int) -> Iterator[Case]:
    """Requests of each kind ``at_random``, then ``most`` of those at the edges of the schema."""
    # Any text may be an id, so what can be wrong is in the query or in the body.
    can_be_wrong = bool(operation.query or operation.body)
    modes = [mode for mode in GenerationMode if mode.is_positive or can_be_wrong]
    always_the_same = settings(
        max_examples=at_random,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    made: list[Case] = []

    def keep(case: Case) -> None:
        made.append(case)

    for mode in modes:
        always_the_same(given(operation.as_strategy(mode))(keep))()
    yield from made
    edges = list(
        operation.schema.iter_coverage_cases(
            operation, generation_modes=modes, generation_config=EDGES
        )
    )
    # A list with a dozen filters has hundreds: some of each kind are enough.
    yield from edges[:: 1 + len(edges) // most]


def send_all(operation: APIOperation, ids: Ids, *, at_random: int, most: int) -> None:
    """Sends every other request about something that is there. Raises what is not as described."""
    # A token for each, so that none of them meets the limit.
    token = api_tokens.issue(operation.label, "admin")
    there = {name: cycle(ids[name]) for name in ids}
    for number, case in enumerate(cases(operation, at_random, most)):
        if number % 2 == 0:
            for name in set(case.path_parameters or ()) & set(there):
                case.path_parameters[name] = next(there[name])
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code != 429, "the limit hides what is tested"


def test_the_api_answers_what_its_description_says(
    api: OpenApiSchema, worker: str, subtests: pytest.Subtests
) -> None:
    for operation in operations(api.exclude(tag=PAGES)):
        with subtests.test(operation.label):
            send_all(operation, seed([worker]), at_random=4, most=50)


def test_pages_fail_for_no_request(
    api: OpenApiSchema, worker: str, subtests: pytest.Subtests
) -> None:
    for operation in operations(api.include(tag=PAGES)):
        with subtests.test(operation.label):
            send_all(operation, seed([worker]), at_random=1, most=2)
