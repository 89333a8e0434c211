"""CloudWatch Logs, in good and in bad moods, and what ships to it."""

from collections.abc import Iterator

import pytest

from tasks.cloudwatch.client import make_cloudwatch
from tasks.cloudwatch.shipping import Shipping
from tasks.settings import get_settings
from tests.cloudwatch_server import KEYS, CloudWatchServer, MoodyCloudWatch

GROUP = "/video-encoding/progress"


@pytest.fixture(scope="session")
def _cloudwatch_of_session(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CloudWatchServer]:
    server = CloudWatchServer(tmp_path_factory.mktemp("cloudwatch") / "moto.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cloudwatch(_cloudwatch_of_session: CloudWatchServer) -> CloudWatchServer:
    """moto's server with no group in it."""
    _cloudwatch_of_session.clean()
    return _cloudwatch_of_session


@pytest.fixture
def moody(cloudwatch: CloudWatchServer) -> Iterator[MoodyCloudWatch]:
    """The same behind something that may be in the way."""
    front = MoodyCloudWatch(cloudwatch)
    yield front
    front.close()


@pytest.fixture
def shipping(
    database: object, moody: MoodyCloudWatch, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shipping]:
    """What ships, over empty servers, for a test to have it done step by step."""
    for name, value in {
        **KEYS,
        "CLOUDWATCH_LOGS": "true",
        "AWS_ENDPOINT_URL_LOGS": moody.url,
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield Shipping(make_cloudwatch(get_settings()))
    monkeypatch.undo()
    get_settings.cache_clear()
