"""Cursors: whatever a client sends as one is a place that a page gave out, or is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from types import NoneType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.listing.cursor import LENGTH, BadCursor, Cursor

KINDS = (datetime, str, NoneType)
TIMES = st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at - timedelta(microseconds=at.microsecond % 1000)
)
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=255)
ROW_IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(value=TIMES | NAMES | st.none(), row_id=ROW_IDS)
def test_what_was_given_out_is_read_again(value: object, row_id: str) -> None:
    text = Cursor(value, row_id).encode()
    assert len(text) <= LENGTH
    assert Cursor.decode(text, *KINDS) == Cursor(value, row_id)


@given(
    text=st.text()
    | st.binary(max_size=200).map(lambda data: base64.urlsafe_b64encode(data).decode())
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ms", "a"]), inner),
    ).map(packed)
    | st.tuples(st.dictionaries(st.just("ms"), st.integers()) | st.text(), st.text()).map(packed)
)
@example(base64.urlsafe_b64encode(b"[" * 2000).decode())
@example(base64.urlsafe_b64encode(b"[" * 900).decode().rstrip("="))
@example(packed([{"ms": 10**300}, "a"]))
@example(packed([{"ms": True}, "a"]))
@example(packed([{"ms": 1.5}, "a"]))
@example(packed(["a\0b", "a"]))
@example(packed(["\ud800", "a"]))
@example(packed([None, "a\0"]))
@example(packed([None, {"$gt": ""}]))
@example("\n" + packed([None, "a"]))
def test_anything_else_is_refused_and_raises_nothing_else(text: str) -> None:
    try:
        found = Cursor.decode(text, *KINDS)
    except BadCursor:
        return
    assert found.encode() == text
    assert "\0" not in f"{found.value}{found.job_id}"


def test_a_place_of_another_order_is_refused() -> None:
    text = Cursor("a name", "row").encode()
    with pytest.raises(BadCursor):
        Cursor.decode(text, datetime, NoneType)


def test_a_row_that_mongodb_did_not_name_is_no_object_id() -> None:
    with pytest.raises(BadCursor):
        _ = Cursor(None, "x" * 24).object_id
