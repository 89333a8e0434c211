"""Lists, counts and the overview with a million jobs and a million uploads in the database.

Each filter is asked for in each order, as the first page and as the one in the middle of all rows,
from the real web process as a page and by the API. What the client measures is the server's time
and a loopback's.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from bench.accept import percentile
from bench.options import CannotMeasure, Options
from bench.report import Result
from bench.rows_fill import CLUSTERED, RARE, RESOURCE, fill
from bench.stack import Stack, running_stack
from tasks.listing.cursor import Cursor
from tasks.listing.jobs_query import SortOrder
from webapp.cli.commands.checkout import ROOT

ROWS, QUICK_ROWS = 1_000_000, 20_000
GOAL_MS, GOAL_AGE = 100, 1
#: Seconds from the first look until no day of the overview is missing, and how long is waited.
GOAL_COUNTED, LONGEST_COUNTING = 30, 300
#: Requests that are not counted, and how often each address is asked for.
WARM_UP, TIMES = 20, 3
#: Changes whose way into the counts is timed.
CHANGES = 5
PATHS = {"transcode": "/v1/studio/transcoding-jobs", "upload": "/v1/studio/upload-jobs"}
COLLECTIONS = {"transcode": "transcode_jobs", "upload": "upload_jobs"}

_INDEXES = """
from tasks.infra.database import connect
from tasks.migrations import indexes
connect()
indexes.ensure()
"""


def measure(options: Options) -> list[Result]:
    """Times of lists, the age of counts, and what the overview takes. Raises CannotMeasure."""
    rows = options.rows or (QUICK_ROWS if options.quick else ROWS)
    folder = options.folder / "rows"
    # The web process comes after the rows: it makes indexes, and each would slow the filling down.
    with running_stack(folder, options.settings, ()) as stack:
        began = time.monotonic()
        fill(stack.servers, rows, rows)
        filled = time.monotonic() - began
        _make_indexes(stack)
        indexed = time.monotonic() - began - filled
        stack.start("web")
        asking = Asking(stack)
        what = f"{rows:,} rows of each kind"
        return [
            Result(f"filling, {what}", filled, "s"),
            Result(f"their indexes, {what}", indexed, "s"),
            *_lists(stack, asking, what),
            *_age(stack, asking, what),
            *_overview(asking, what),
        ]


class Asking:
    """One kept connection to the web process that times its answers."""

    def __init__(self, stack: Stack) -> None:
        parts = urlsplit(stack.url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {stack.token}"}

    def get(self, path: str, **query: str) -> tuple[float, bytes]:
        """Milliseconds, and what came. Raises CannotMeasure."""
        address = f"{path}?{urlencode(query)}" if query else path
        began = time.monotonic()
        try:
            self._connection.request("GET", address, headers=self._headers)
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CannotMeasure(f"{address}: {error!r}") from None
        if answer.status != 200:
            raise CannotMeasure(f"{address} answered {answer.status}: {data[:300]!r}")
        return (time.monotonic() - began) * 1000, data


def filters(kind: str, moment: datetime) -> dict[str, dict[str, str]]:
    """What lists are narrowed to, by what that is called."""

    def days(since: float, until: float | None = None) -> dict[str, str]:
        bounds = {"from": moment - timedelta(days=since)}
        if until is not None:
            bounds["to"] = moment - timedelta(days=until)
        return {word: at.isoformat() for word, at in bounds.items()}

    found = {
        "everything": {},
        "status, nearly all": {"status": "completed"},
        "status, some": {"status": "failed"},
        "status, few": {"status": "waiting"},
        "type": {"type": "film"},
        "type, rare": {"type": "season"},
        "label": {"label": "HD"},
        "label, rare": {"label": "UHD"},
        "title": {"resourceId": RESOURCE},
        "media, none": {"mediaId": "none"},
        "last 7 days": days(7),
        "an hour long ago": days(20, 20 - 1 / 24),
        "days long ago": days(20, 15),
        "search, none": {"q": "nowhere"},
        "search, rare and oldest": {"q": RARE},
        "search, 6 % and oldest": {"q": CLUSTERED},
        "search, one letter": {"q": "s"},
        "search, two words": {"q": "amber harb"},
        "status and type": {"status": "failed", "type": "film"},
        "status and rare label": {"status": "cancelled", "label": "UHD"},
        "status and days": {"status": "failed", **days(20, 15)},
        "type, label, status": {"type": "film", "label": "HD", "status": "cancelled"},
        "search and status": {"q": CLUSTERED, "status": "failed"},
        "search, status and type": {"q": "amber", "status": "cancelled", "type": "film"},
        "search and days": {"q": "amber", **days(20, 15)},
        "matches nothing": {"type": "season", "label": "UHD", "status": "waiting"},
    }
    if kind == "upload":
        found |= {
            "upload type": {"uploadType": "hls"},
            "upload type, none": {"uploadType": "video"},
            "content type": {"contentType": "audio"},
            "content, type and status": {
                **{"contentType": "audio", "type": "film", "status": "failed"}
            },
        }
    return found


def _lists(stack: Stack, asking: Asking, what: str) -> list[Result]:
    moment = datetime.now(UTC)
    results: list[Result] = []
    every: list[float] = []
    # What the machine and the web process take for nothing at all, to hold the rest against.
    nothing = [asking.get("/healthz")[0] for _ in range(100)]
    for kind, path in PATHS.items():
        middles = {order: _middle(stack, kind, order) for order in SortOrder}
        for _ in range(WARM_UP):
            asking.get(path)
            asking.get("/jobs", kind=kind)
        for name, words in filters(kind, moment).items():
            times: list[float] = []
            for order in SortOrder:
                query = {**words, "sort": order.value}
                for page in (query, {**query, "after": middles[order]}):
                    for _ in range(TIMES):
                        times.append(asking.get(path, **page)[0])
                        times.append(asking.get("/jobs", kind=kind, **page)[0])
            every += times
            label = f"{kind} jobs, {name}, p95"
            results.append(Result(label, percentile(times, 95), "ms", GOAL_MS))
    return [
        *results,
        Result("an answer with nothing in it, p95", percentile(nothing, 95), "ms"),
        Result(f"any list, median, {what}", percentile(every, 50), "ms"),
        Result(f"any list, p95, {what}", percentile(every, 95), "ms", GOAL_MS),
        Result(f"any list, slowest, {what}", max(every), "ms"),
    ]


def _middle(stack: Stack, kind: str, order: SortOrder) -> str:
    """The place in the middle of all rows."""
    collection = stack.servers.mongo_client.get_default_database()[COLLECTIONS[kind]]
    name = {SortOrder.finished: "finished_at", SortOrder.name: "name"}.get(order, "created_at")
    if kind == "upload" and order is SortOrder.name:
        name = "resource_name"
    fields = {"_id": 0, name: 1, "job_id": 1}
    rows = collection.find({}, fields, sort=[(name, 1), ("job_id", 1)])
    [row] = rows.skip(collection.estimated_document_count() // 2).limit(1)
    value = row[name]
    if isinstance(value, datetime):
        value = value.replace(tzinfo=UTC)
    return Cursor(value, str(row["job_id"])).encode()


def _age(stack: Stack, asking: Asking, what: str) -> list[Result]:
    """Seconds until a change is in the counts, the longest of some."""
    collection = stack.servers.mongo_client.get_default_database()["transcode_jobs"]
    query = {"status": "failed", "limit": "1"}

    def failed() -> int:
        return int(json.loads(asking.get(PATHS["transcode"], **query)[1])["total"])

    ages, cost = [], []
    for _ in range(CHANGES):
        before = failed()
        collection.update_one({"status": "completed"}, {"$set": {"status": "failed"}})
        began = time.monotonic()
        while failed() == before:
            if time.monotonic() > began + 10:
                raise CannotMeasure("a change did not get into the counts")
            time.sleep(0.01)
        ages.append(time.monotonic() - began)
        time.sleep(1)
        cost.append(asking.get("/jobs")[0])
    return [
        Result(f"a change is in the counts after, {what}", max(ages), "s", GOAL_AGE),
        Result(f"page that counts anew, {what}", percentile(cost, 95), "ms", GOAL_MS),
    ]


def _overview(asking: Asking, what: str) -> list[Result]:
    first: list[float] = []
    again: list[float] = []
    began = time.monotonic()
    for kind in PATHS:
        for by in ("hour", "day"):
            first.append(asking.get("/overview", kind=kind, by=by)[0])
            again += [asking.get("/overview", kind=kind, by=by)[0] for _ in range(5)]
    while any(_days_missing(asking, kind) for kind in PATHS):
        if time.monotonic() > began + LONGEST_COUNTING:
            raise CannotMeasure("the days of the overview do not get counted")
        time.sleep(0.1)
    counted = time.monotonic() - began
    return [
        Result(f"overview, slowest first time, {what}", max(first), "ms"),
        Result(f"overview, p95 afterwards, {what}", percentile(again, 95), "ms", GOAL_MS),
        Result(f"every day of the overview is counted after, {what}", counted, "s", GOAL_COUNTED),
    ]


def _days_missing(asking: Asking, kind: str) -> int:
    data = asking.get("/v1/studio/statistics", kind=kind, by="day")[1]
    return sum(bucket["completed"] is None for bucket in json.loads(data)["buckets"])


def _make_indexes(stack: Stack) -> None:
    environment = {**os.environ, **stack.environment}
    done = subprocess.run(
        [sys.executable, "-c", _INDEXES],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CannotMeasure(done.stderr[-2000:])
