"""Fixtures for what needs a database: connected, with indexes, and empty."""

import pytest

from tasks.database import connect, ensure_indexes
from tasks.storage import get_storage
from tests.servers import Servers


@pytest.fixture
def database(clean: Servers) -> Servers:
    """Real servers, empty, with this process connected to them."""
    connect()
    ensure_indexes()
    get_storage().ensure_bucket()
    return clean
