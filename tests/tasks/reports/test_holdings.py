"""What is held, counted from rows: numbers, and that no row is read for them."""

from datetime import timedelta

from tasks.control.actions import act
from tasks.jobs.allowed import Action
from tasks.models import Kind, Media, Title, TranscodeJob
from tasks.models.clock import now
from tasks.reports import holdings
from tests.servers import Servers
from tests.tasks import rows


def test_bytes_by_area(database: Servers) -> None:
    rows.a_media()
    published = rows.a_media()
    published.update(set__stream_size=3_000_000_000, set__master_key="hls/m/master.m3u8")
    sizes = [{"name": "720p", "size": 40}, {"name": "audio", "size": 2}]
    rows.a_job(renditions=sizes)
    for status, age in (("failed", 1), ("failed", 9), ("completed", 0)):
        job = rows.a_job(renditions=sizes)
        ended = now() - timedelta(days=age)
        TranscodeJob.objects(job_id=job.job_id).update(set__status=status, set__finished_at=ended)
    for number, kind in enumerate(("film", "season", "season")):
        title_id = f"t{number}"
        Title(title_id=title_id, kind=kind, name=title_id, created_at=now()).save()

    held = holdings.count()
    assert (held.sources, held.streams, held.work) == (2_000, 3_000_000_000, 84)
    assert held.stored == 3_000_002_084
    assert (held.media, held.ready) == (2, 1)
    assert held.titles == {"film": 1, "season": 2, "episode": 0}


def test_nothing_is_nothing(database: Servers) -> None:
    held = holdings.count()
    assert (held.media, held.ready, held.stored) == (0, 0, 0)


def test_all_media_are_summed_up_without_reading_one(database: Servers) -> None:
    rows.a_media()
    explained = Media._get_collection().database.command(
        "explain",
        {
            "aggregate": "media",
            "pipeline": [
                {"$match": {"size": {"$gte": 0}}},
                {"$group": {"_id": None, "n": {"$sum": "$size"}, "s": {"$sum": "$stream_size"}}},
            ],
            "cursor": {},
        },
        verbosity="executionStats",
    )
    assert "'totalDocsExamined': 0" in str(explained)
    assert "COLLSCAN" not in str(explained)


def test_the_answer_is_kept_for_a_while(database: Servers) -> None:
    holdings.forget()
    assert holdings.holdings().media == 0
    rows.a_media()
    assert holdings.holdings().media == 0
    holdings.forget()
    assert holdings.holdings().media == 1
    holdings.forget()


def test_a_stream_that_is_deleted_is_held_no_more(database: Servers) -> None:
    media = rows.a_media()
    media.update(set__stream_size=5, set__master_key="hls/m/master.m3u8")
    job = rows.a_job(media_id=media.media_id)
    TranscodeJob.objects.update(set__status="completed")
    act(Kind.transcode, Action.delete, job.job_id, "ada", outputs=True)
    assert holdings.count().streams == 0
