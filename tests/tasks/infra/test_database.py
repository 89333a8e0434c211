"""How MongoDB is spoken to, whatever its URL says."""

import mongoengine
import pytest

from tasks.infra.database import _connected, connect, without_concerns
from tasks.settings import get_settings
from tests.servers import Servers

ODD = "w=1&journal=false&readPreference=secondaryPreferred&appName=studio&wTimeoutMS=5"


def test_writes_are_majority_with_journal_and_reads_are_of_the_primary(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGO_URL", f"{database.mongo.url.partition('?')[0]}?{ODD}")
    get_settings.cache_clear()
    _connected.clear()
    connect()
    client = mongoengine.get_connection()
    assert client.write_concern.document == {"w": "majority", "j": True}
    assert client.read_preference.name == "Primary"
    _connected.clear()


@pytest.mark.parametrize(
    ("options", "kept"),
    [(f"?{ODD}&replicaSet=rs", "?appName=studio&replicaSet=rs"), ("?w=1", ""), ("", "")],
)
def test_other_options_of_the_url_are_kept(options: str, kept: str) -> None:
    assert without_concerns(f"mongodb://u:p%3F@a,b/x{options}") == f"mongodb://u:p%3F@a,b/x{kept}"
