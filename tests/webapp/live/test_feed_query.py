"""What may be asked of the feed, and which events a filter lets through."""

import pytest
from werkzeug.datastructures import MultiDict

from tasks.feed.event_fields import EventKind
from tasks.feed.events import Event
from webapp.live.feed_query import BadQuery, FeedQuery, parse


def query(*pairs: tuple[str, str]) -> "MultiDict[str, str]":
    return MultiDict(pairs)


def test_nothing_asked_is_everything_new() -> None:
    wanted, after = parse(query())
    assert after is None
    assert wanted.passes(Event("1-0", "anything", {}))


@pytest.mark.parametrize(
    ("said", "meant"), [("5-1", "5-1"), ("5", "5-0"), ("0", "0-0"), ("007-01", "7-1")]
)
def test_an_id_may_leave_out_its_second_part(said: str, meant: str) -> None:
    assert parse(query(("after", said)))[1] == meant


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("after", "", "after is no event id"),
        ("after", "$", "after is no event id"),
        ("after", "5-", "after is no event id"),
        ("after", "5-1-1", "after is no event id"),
        ("after", "٣-0", "after is no event id"),
        ("after", "1\n", "after is no event id"),
        ("after", f"{1 << 64}-0", "after is no event id"),
        ("kind", "film", "unknown kind 'film'"),
        ("kind", "", "kind"),
        ("kind", "ü" * 500, "kind"),
        ("jobId", "", "jobId has 1 to 200 characters"),
        ("clientId", "x" * 201, "clientId has 1 to 200 characters"),
        ("token", "secret", "unknown parameter 'token'"),
        ("ü" * 500, "", "unknown parameter"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_few_words(name: str, value: str, says: str) -> None:
    with pytest.raises(BadQuery) as refusal:
        parse(query((name, value)))
    assert says in str(refusal.value)
    assert len(str(refusal.value).encode()) <= 123


def test_there_is_one_place_and_a_limit_of_values() -> None:
    with pytest.raises(BadQuery, match="once"):
        parse(query(("after", "1-0"), ("after", "2-0")))
    many = [("jobId", str(number)) for number in range(101)]
    assert len(parse(query(*many[:100]))[0].job_ids) == 100
    with pytest.raises(BadQuery, match="more than 100"):
        parse(query(*many))


def test_all_filters_count_and_one_value_of_each_is_enough() -> None:
    wanted, _ = parse(
        query(("kind", "upload"), ("kind", "stats"), ("clientId", "c"), ("jobId", "t"))
    )
    full = {"kind": "upload", "clientId": "c", "jobId": "u", "transcodeId": "t"}
    assert wanted.passes(Event("1-0", "e", full))
    assert wanted.passes(Event("1-0", "e", full | {"jobId": "t"}))
    for name, value in (("kind", "step"), ("clientId", "d"), ("transcodeId", "s")):
        assert not wanted.passes(Event("1-0", "e", full | {name: value}))
    assert not wanted.passes(Event("1-0", "e", {"kind": "stats"}))
    assert FeedQuery(kinds=frozenset({"stats"})).passes(Event("1-0", "e", {"kind": "stats"}))


def test_every_kind_may_be_asked_for() -> None:
    assert parse(query(*(("kind", kind.value) for kind in EventKind)))[0].kinds == frozenset(
        EventKind
    )
