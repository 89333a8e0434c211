"""Fixtures of all tests. A test that names none of them starts no server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tasks.settings import get_settings
from tests.servers import Servers, isolate_environment

isolate_environment()

# Examples are the same each time, and nothing about them is timed: a busy machine fails no test.
# HYPOTHESIS_PROFILE=long looks for new ones, ten times as many; `make check` takes few.
_SAME = settings(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("same", _SAME)
settings.register_profile("long", settings(_SAME, derandomize=False, max_examples=1000))
settings.register_profile("few", settings(_SAME, max_examples=15))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


#: Fixtures that start servers, programs or a browser.
_STARTING = frozenset({"_servers_of_session", "tools", "encoder", "browser", "tmp_path_factory"})
#: Folders whose tests start processes, and files that start servers of their own.
_STARTS = ("e2e/", "recovery/", "seeds/", "subtitles/", "up/", "test_servers.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--without-servers``: what needs neither servers nor programs, for `make check`."""
    parser.addoption("--without-servers", action="store_true", help="Only tests of pure code.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps what ``--without-servers`` asks for."""
    if not config.getoption("--without-servers"):
        return
    kept = [item for item in items if not _starts(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _starts(item: pytest.Item) -> bool:
    here = item.path.relative_to(Path(__file__).parent).as_posix()
    return here.startswith(_STARTS) or bool(_STARTING & set(getattr(item, "fixturenames", ())))


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
