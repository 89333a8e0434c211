"""How the logging to CloudWatch goes, where people and programs look."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tasks.cloudwatch import spool
from tasks.cloudwatch.entry import Entry
from tasks.settings import get_settings
from tests.cloudwatch_server import KEYS, CloudWatchServer, MoodyCloudWatch
from tests.tasks.cloudwatch.conftest import (
    GROUP,
    _cloudwatch_of_session,
    cloudwatch,
    moody,
)
from tests.webapp.test_upload_api import convert, uploaded
from webapp.cli.up import checkup

__all__ = ["_cloudwatch_of_session", "cloudwatch", "moody"]

STUDIO = "/v1/studio/cloudwatch"


@pytest.fixture
def on(moody: MoodyCloudWatch, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The logging is set up."""
    variables = {"CLOUDWATCH_LOG_GROUP": GROUP, "AWS_ENDPOINT_URL_LOGS": moody.url, **KEYS}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def waits(count: int) -> None:
    spool.collect([Entry("film", f"{n}", 0, n) for n in range(count)], "1-0")


def doctor() -> tuple[str, str] | None:
    found = list(checkup._cloudwatch(get_settings()))
    return (found[0].state, found[0].detail) if found else None


def test_where_it_is_off(editor: FlaskClient) -> None:
    assert editor.get(STUDIO).get_json() == {
        "enabled": False,
        "logGroup": None,
        "waiting": 0,
        "sent": 0,
        "dropped": 0,
        "gaps": 0,
        "error": None,
        "lastSuccessAt": None,
        "lastError": None,
        "lastErrorAt": None,
    }
    assert doctor() is None
    assert "CloudWatch" not in editor.get("/overview").text
    assert "Not in CloudWatch" in convert(editor, uploaded(editor)).get_json()["cloudWatchLogs"]


@pytest.mark.usefixtures("on")
def test_where_it_goes_well(editor: FlaskClient, cloudwatch: CloudWatchServer) -> None:
    assert doctor() == (
        "ok",
        f"log group {GROUP}, made with the first entry: 0 entries sent, 0 wait, 0 dropped",
    )
    assert cloudwatch.client.describe_log_groups()["logGroups"] == []  # a look makes nothing
    cloudwatch.client.create_log_group(logGroupName=GROUP)
    waits(2)
    spool.note_sent(1_234)
    state, detail = doctor() or ("", "")
    assert state == "ok"
    assert detail.startswith(
        f"log group {GROUP}: 1,234 entries sent, 2 wait, 0 dropped, the last at 20"
    )
    body = editor.get(STUDIO).get_json()
    assert (body["enabled"], body["logGroup"]) == (True, GROUP)
    assert (body["waiting"], body["sent"], body["error"]) == (2, 1_234, None)
    assert body["lastSuccessAt"].endswith("Z")
    assert "Last entry" in editor.get("/overview").text
    video = uploaded(editor)
    said = convert(editor, video).get_json()["cloudWatchLogs"]
    assert said == f"Check CloudWatch logs for video-{video['id']} stream"


@pytest.mark.usefixtures("on")
def test_where_it_goes_badly(editor: FlaskClient, moody: MoodyCloudWatch) -> None:
    moody.mood = lambda _: (400, "AccessDeniedException")
    state, detail = doctor() or ("", "")
    assert state == "missing"
    assert "AccessDeniedException" in detail
    moody.mood = lambda _: None
    waits(3)
    spool.note_dropped(7)
    spool.note_error("CloudWatch Logs answers ThrottlingException: Rate exceeded")
    state, detail = doctor() or ("", "")
    assert state == "missing"
    assert "3 wait, 7 dropped. CloudWatch Logs answers ThrottlingException" in detail
    body = editor.get(STUDIO).get_json()
    assert (body["waiting"], body["dropped"]) == (3, 7)
    assert body["error"] == body["lastError"]
    page = editor.get("/overview").text
    assert "Failing" in page
    assert "ThrottlingException" in page
    # What is not needed to serve makes nobody take the dashboard out of service, and who is not
    # signed in learns nothing of it.
    assert "cloudwatch" not in editor.application.test_client().get("/readyz").text.lower()
