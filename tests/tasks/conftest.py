"""Fixtures for what needs a database: connected, with indexes, and empty."""

from collections.abc import Iterator

import pytest

from tasks.infra.database import _connected, connect
from tasks.infra.storage import get_storage
from tasks.migrations import indexes
from tasks.settings import get_settings
from tests.servers import Servers


@pytest.fixture
def database(clean: Servers) -> Iterator[Servers]:
    """Real servers, empty, with this process connected to them.

    Leases last: they run out where a test says so, and never because the machine is busy.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAILIES_LEASE_SECONDS", "600")
        get_settings.cache_clear()
        # Anew, with the patience of work: where a web application was tested before in this
        # process, it is connected with the patience of a request.
        _connected.clear()
        connect()
        indexes.ensure()
        get_storage().ensure_bucket()
        yield clean
    get_settings.cache_clear()
