"""Fixtures of all tests. A test that names none of them starts no server."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tasks.settings import get_settings
from tests.servers import Servers, isolate_environment

isolate_environment()

# Examples are the same each time, and nothing about them is timed: a busy machine fails no test.
# HYPOTHESIS_PROFILE=long looks for new ones, ten times as many.
_SAME = settings(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("same", _SAME)
settings.register_profile("long", settings(_SAME, derandomize=False, max_examples=1000))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def _servers_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    servers.start()
    os.environ.update(servers.environment())
    get_settings.cache_clear()
    yield servers
    servers.stop()


@pytest.fixture
def servers(_servers_of_session: Servers) -> Servers:
    """Real MongoDB, Redis and S3, started once a session, all answering when a test begins.

    The environment names them, so `tasks.settings.get_settings()` does too.
    """
    _servers_of_session.start()
    return _servers_of_session


@pytest.fixture
def clean(servers: Servers) -> Servers:
    """`servers` with an empty database, Redis and bucket."""
    servers.clean()
    return servers
