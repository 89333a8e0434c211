"""Log lines: one a message, and no secret in any."""

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.log_lines import FORMAT, SafeFormatter, without_secrets


def written(message: str, *values: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(SafeFormatter(FORMAT))
    record = logging.LogRecord("web", logging.WARNING, "", 0, message, values, None)
    handler.handle(record)
    return out.getvalue()


@given(st.text())
def test_whatever_a_request_says_is_one_line(path: str) -> None:
    line = written("GET %s", path)
    assert len(line.splitlines()) == 1
    assert line.startswith("WARNING web: GET ")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("POST /sign-in/link/s3cret-s3cret: away", "s3cret"),
        ("GET /media/s/WyJhIl0.s3cret/hls/x/master.m3u8: away", "s3cret"),
        ("token dly_0123abcd_s3cret-s3cret_x is odd", "s3cret"),
        ("Authorization: Bearer s3crets3cret", "s3cret"),
        ("Sec-WebSocket-Protocol: bearer, s3crets3cret", "s3cret"),
        ("https://s3.example/b/k?X-Amz-Signature=s3cret&x=1", "s3cret"),
        ("mongodb://dailies:s3cret@db.example/dailies?x", "s3cret"),
        ("redis://:s3cret@127.0.0.1:6379/0", "s3cret"),
    ],
)
def test_links_signatures_tokens_and_passwords_are_left_out(text: str, secret: str) -> None:
    assert secret not in written("%s", text)
    assert "…" in without_secrets(text)


def test_a_traceback_has_no_secret_either() -> None:
    try:
        raise ValueError("mongodb://dailies:s3cret@db.example")
    except ValueError:
        record = logging.LogRecord("web", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    text = SafeFormatter(FORMAT).format(record)
    assert "Traceback" in text
    assert "s3cret" not in text
