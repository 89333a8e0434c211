"""Lists of jobs read little, whatever they are narrowed to, and show what matches."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice, product
from typing import Any

import pytest

from bench.rows import filters
from bench.rows_fill import fill
from tasks import migrations
from tasks.jobs import lifecycle
from tasks.listing import facets, search_terms
from tasks.listing.job_filter import JobFilter, from_query
from tasks.listing.jobs_query import SortOrder, find
from tasks.listing.totals import COUNTED, COUNTED_BY_READING, count, total
from tasks.models import Status, TranscodeJob, UploadJob
from tests.servers import Servers
from tests.tasks.rows import a_job, an_upload, written

Model = type[TranscodeJob] | type[UploadJob]

ROWS = 3_000
PAGE = 10
#: Rows that one page may read of so many; see ``job_paths.choose``.
MOST_READ = 900


@pytest.fixture
def filled(database: Servers) -> Iterator[Servers]:
    """Three thousand rows of each kind, and MongoDB noting each query."""
    fill(database, ROWS, ROWS)
    yield database
    base = database.mongo_client.get_default_database()
    base.command("profile", 0)
    base["system.profile"].drop()


def noted(servers: Servers) -> list[dict[str, Any]]:
    """What MongoDB did since the last time; the next queries are noted anew."""
    base = servers.mongo_client.get_default_database()
    base.command("profile", 0)
    done = list(base["system.profile"].find({"op": {"$in": ["query", "command"]}}))
    base["system.profile"].drop()
    base.command("profile", 2)
    return done


@pytest.mark.parametrize("model", [TranscodeJob, UploadJob])
def test_each_filter_in_each_order_reads_little_and_shows_what_matches(
    filled: Servers, model: Model
) -> None:
    kind = "upload" if model is UploadJob else "transcode"
    name = "resource_name" if model is UploadJob else "name"
    collection = model._get_collection()
    sorts = {
        SortOrder.newest: ("created_at", -1),
        SortOrder.oldest: ("created_at", 1),
        SortOrder.finished: ("finished_at", -1),
        SortOrder.name: (name, 1),
    }
    chosen = {n: from_query(q) for n, q in filters(kind, datetime.now(UTC)).items()}
    for (words, narrow), order in product(chosen.items(), SortOrder):
        field, direction = sorts[order]
        rows = collection.find(narrow.conditions(model), {"job_id": 1})
        rows = rows.sort([(field, direction), ("job_id", direction)])
        expected = [row["job_id"] for row in rows]
        noted(filled)
        page = find(model, narrow, order=order, limit=PAGE)
        shown = [row.job_id for row in page.rows]
        assert shown == expected[:PAGE], (words, order)
        done = noted(filled)
        middle = find(model, narrow, order=order, limit=PAGE, after=page.after)
        if page.after is not None:
            following = [row.job_id for row in middle.rows]
            assert following == expected[PAGE : 2 * PAGE], (words, order)
        assert done
        assert not [one for one in done if "COLLSCAN" in one.get("planSummary", "")], (words, order)
        read = sum(one.get("docsExamined", 0) for one in done)
        assert read <= MOST_READ, (words, order, [one.get("planSummary") for one in done])


@pytest.mark.parametrize("model", [TranscodeJob, UploadJob])
def test_totals_are_right_or_say_that_there_may_be_more(
    filled: Servers, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "upload" if model is UploadJob else "transcode"
    chosen = {n: from_query(q) for n, q in filters(kind, datetime.now(UTC)).items()}
    assert COUNTED > COUNTED_BY_READING > 100
    for few in (False, True):
        if few:
            monkeypatch.setattr("tasks.listing.totals.COUNTED", 50)
            monkeypatch.setattr("tasks.listing.totals.COUNTED_BY_READING", 50)
        for words, narrow in chosen.items():
            real = model._get_collection().count_documents(narrow.conditions(model))
            said = total(model, narrow)
            assert count(model, narrow) == real, words
            assert said.number == real if said.exact else said.number <= real, words
            assert said.exact or few or real > COUNTED_BY_READING, words


def test_a_list_without_a_filter_along_an_index_sorts_nothing(filled: Servers) -> None:
    for narrow, order in product(
        (JobFilter(), JobFilter(status=Status.failed), JobFilter(label="HD")), SortOrder
    ):
        noted(filled)
        find(TranscodeJob, narrow, order=order, limit=PAGE)
        done = noted(filled)
        assert not [one for one in done if one.get("hasSortStage")], (narrow, order)
        assert max(one.get("docsExamined", 0) for one in done) <= PAGE + 1, (narrow, order)


def test_jobs_of_before_are_found_too_and_get_their_facets(database: Servers) -> None:
    job = a_job(resource_type="film")
    TranscodeJob._get_collection().update_many({}, {"$unset": {"facet": 1, "day": 1}})
    film = JobFilter(resource_type="film", since=datetime(2020, 1, 1, tzinfo=UTC))
    for order in SortOrder:
        assert [row.job_id for row in find(TranscodeJob, film, order=order).rows] == [job.job_id]
    assert find(TranscodeJob, JobFilter(resource_type="episode")).rows == []
    migrations.run()
    row = TranscodeJob._get_collection().find_one({})
    assert row is not None
    assert (row["facet"], row["day"]) == ("film|||", facets.day(row["created_at"]))


def test_the_stored_facet_follows_the_row(database: Servers) -> None:
    job = a_job(resource_type="episode")
    upload = an_upload(job)
    renditions = [{"name": n, "label": n} for n in ("UHD", "SD", "AAC")] + [{"name": "odd"}]
    written(job, renditions=renditions)
    written(upload, label="HD", content_type="video")
    stored = []
    for model in (TranscodeJob, UploadJob):
        [row] = model._get_collection().find({})
        assert row["facet"] == facets.facet(row)
        stored.append(row["facet"])
    assert stored == ["episode|||SD,UHD,", "|hls|video|HD,"]
    assert lifecycle.find(UploadJob, upload.job_id).facet == "|hls|video|HD,"


def test_facets_are_chosen_by_what_they_hold() -> None:
    every = ["film|||SD,HD,", "film|||", "episode|hls|video|UHD,", "|hls|audio|", None]
    assert facets.matching(every, {"resource_type": "film"}, None) == [*every[:2], None]
    assert facets.matching(every, {}, "HD") == [every[0], None]
    assert facets.matching(every, {"upload_type": "hls", "content_type": "audio"}, None) == [
        every[3],
        None,
    ]


def test_days_are_those_within_the_bounds() -> None:
    every = ["2025-12-31", "2026-01-01", "2026-01-02", None]
    first, last = datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 1, 1, 7, tzinfo=UTC)
    assert facets.days(every, {"$gte": first, "$lt": last}) == ["2026-01-01", None]
    assert facets.days(every, {"$lt": last}) == ["2025-12-31", "2026-01-01", None]
    assert facets.days(every, {"$gte": first}) == ["2026-01-01", "2026-01-02", None]


def test_a_page_is_merged_where_there_are_too_many_stretches(
    filled: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = JobFilter(status=Status.completed)
    whole = {order: find(TranscodeJob, narrow, order=order, limit=60).rows for order in SortOrder}
    monkeypatch.setattr("tasks.listing.planner.STRETCHES", 3)
    for order, rows in whole.items():
        seen: list[str] = []
        after = None
        for _ in islice(range(9), 3):
            page = find(TranscodeJob, narrow, order=order, limit=20, after=after)
            seen += [row.job_id for row in page.rows]
            after = page.after
        assert seen == [row.job_id for row in rows]


WORDS = ("amber", "ambers", "a", "harbour", "harb", "mov", "s01", "s02", "0001", "0002", "011")
SEARCHES = (
    *("amber harb", "amb ha", "a s0", "mov 00", "0001 s01", "harb 01", "h a m", "amber ambers"),
    *("s01 s02 mov", "amber nowhere", "a", "0", "harbour amber 0002 mov", "s s01"),
)


@pytest.mark.parametrize(("most_keys", "paired"), [(20_000, 10), (20, 3)])
def test_a_search_finds_what_has_its_words_by_whichever_path(
    database: Servers, monkeypatch: pytest.MonkeyPatch, most_keys: int, paired: int
) -> None:
    # With few keys allowed nothing is rare enough, and lists are walked in order.
    monkeypatch.setattr("tasks.listing.planner.MOST_KEYS", most_keys)
    monkeypatch.setattr("tasks.listing.planner.LEAST_SORTED", 5)
    monkeypatch.setattr("tasks.listing.planner.MOST_SORTED", 5)
    monkeypatch.setattr("tasks.listing.jobs_query.KEYS", 15)
    monkeypatch.setattr("tasks.listing.search_terms.MOST_PAIRED", paired)
    chance = random.Random(5)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows: dict[str, dict[str, Any]] = {}
    for number in range(80):
        made = start + timedelta(hours=chance.randrange(200))
        row: dict[str, Any] = {
            "job_id": f"{number:03d}",
            "status": chance.choice([*Status]).value,
            "resource_type": chance.choice(["film", "episode", None]),
            "name": chance.choice("abcd"),
            "created_at": made,
            "terms": chance.sample(WORDS, chance.randrange(7)),
        }
        if row["status"] in ("completed", "failed", "cancelled"):
            row["finished_at"] = made + timedelta(hours=chance.randrange(50))
        row |= {"facet": facets.facet(row), "day": facets.day(made)}
        rows[row["job_id"]] = row | search_terms.fields(row["terms"])
    TranscodeJob._get_collection().insert_many([dict(row) for row in rows.values()])
    middle = start + timedelta(hours=100)
    # Each search meets some of four filters and three orders.
    others: Iterator[dict[str, Any]] = cycle(
        ({}, {"since": middle}, {"status": Status.failed}, {}, {"resource_type": "film"})
    )
    orders = cycle((SortOrder.newest, SortOrder.finished, SortOrder.name))
    for text in SEARCHES:
        for more in islice(others, 2):
            narrow = JobFilter(search=text, **more)
            found = {
                row["job_id"]
                for row in rows.values()
                if all(any(t.startswith(w) for t in row["terms"]) for w in text.split())
                and (row["created_at"] >= middle or "since" not in more)
                and row["status"] == more.get("status", row["status"])
                and row["resource_type"] == more.get("resource_type", row["resource_type"])
            }
            said = total(TranscodeJob, narrow, find(TranscodeJob, narrow, order=SortOrder.name))
            assert said.number == len(found) or not said.exact, (text, more)
            assert count(TranscodeJob, narrow) == len(found), (text, more)
            order = next(orders)
            seen = [row.job_id for row in all_pages(narrow, order)]
            assert seen == in_order(rows, found, order), (text, more, order)


def all_pages(narrow: JobFilter, order: SortOrder) -> Iterator[TranscodeJob]:
    """Page after page, and from the last one back to the first."""
    page = find(TranscodeJob, narrow, order=order, limit=9)
    befores: list[tuple[str, list[str]]] = []
    while True:
        yield from page.rows
        if page.after is None:
            break
        shown = [row.job_id for row in page.rows]
        page = find(TranscodeJob, narrow, order=order, limit=9, after=page.after)
        assert page.before is not None
        befores.append((page.before, shown))
    for before, shown in befores[-1:]:
        back = find(TranscodeJob, narrow, order=order, limit=9, before=before)
        assert [row.job_id for row in back.rows] == shown


def in_order(rows: dict[str, dict[str, Any]], found: set[str], order: SortOrder) -> list[str]:
    """Their ids as a list shows them; what never finished comes last."""
    field = {SortOrder.finished: "finished_at", SortOrder.name: "name"}.get(order, "created_at")
    none = datetime.min.replace(tzinfo=UTC)
    keyed = sorted((rows[one].get(field, none), one) for one in found)
    return [one for _, one in (keyed if order is SortOrder.name else reversed(keyed))]


def test_pairs_of_words_are_complete() -> None:
    assert search_terms.pairs(["mov", "0001", "amber"]) == ["amber mov", "amber 0001", "mov 0001"]
    assert search_terms.pairs(["amber"]) == search_terms.pairs([]) == ["~"]
    many = [f"w{number}" for number in range(12)]
    found = search_terms.pairs(many)
    assert len(found) == 45 + 2
    assert found[-2:] == ["~w10", "~w11"]


def test_a_search_in_rows_of_before_is_complete_while_they_get_their_pairs(
    database: Servers,
) -> None:
    old, new = (a_job(terms=["amber", "harbour"]).job_id for _ in range(2))
    collection = TranscodeJob._get_collection()
    collection.update_one({"job_id": old}, {"$unset": {"term_pairs": 1, "terms_line": 1}})
    narrow = JobFilter(search="amb harb", status=Status.waiting)
    for order in SortOrder:
        assert {row.job_id for row in find(TranscodeJob, narrow, order=order).rows} == {old, new}
    assert count(TranscodeJob, narrow) == 2
    migrations.run()
    assert collection.distinct("term_pairs") == ["amber harbour"]
    assert collection.count_documents({"terms_line": " amber harbour"}) == 2


def keys_examined(servers: Servers, ask: Callable[[], object]) -> int:
    """Keys and rows that MongoDB examined for what ``ask`` asked."""
    noted(servers)
    ask()
    done = noted(servers)
    assert done
    return sum(one.get("keysExamined", 0) + one.get("docsExamined", 0) for one in done)


def test_pairs_and_the_planner_spare_keys(filled: Servers) -> None:
    """Two words of which each is frequent, and both together rare."""
    collection = TranscodeJob._get_collection()
    collection.update_many({"terms": "amber"}, {"$push": {"terms": "pebble"}})
    both = collection.find({"terms": "amber"}).sort("created_at", 1).limit(4)
    rare = [row["_id"] for row in both]
    collection.update_many({"terms": {"$ne": "amber"}}, {"$push": {"terms": "marble"}})
    collection.update_many({"_id": {"$in": rare}}, {"$push": {"terms": "marble"}})
    for row in collection.find({}, {"terms": 1}):
        collection.update_one({"_id": row["_id"]}, {"$set": search_terms.fields(row["terms"])})
    narrow = JobFilter(search="pebble marble")

    def ask() -> None:
        assert len(find(TranscodeJob, narrow, limit=PAGE).rows) == len(rare)

    def ask_without_planner() -> None:
        rows = collection.find(narrow.conditions(TranscodeJob)).sort("created_at", -1).limit(PAGE)
        assert len(list(rows)) == len(rare)

    with_pairs = keys_examined(filled, ask)
    unplanned = keys_examined(filled, ask_without_planner)
    collection.update_one({"_id": rare[0]}, {"$unset": {"term_pairs": 1}})
    without_pairs = keys_examined(filled, ask)
    assert with_pairs < without_pairs / 3, (with_pairs, without_pairs)
    assert with_pairs < unplanned / 3, (with_pairs, unplanned)
