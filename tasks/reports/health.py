"""Whether what Dailies needs is there: MongoDB, Redis, storage, and a worker that lives."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import mongoengine
import pymongo
import redis
from botocore.exceptions import BotoCoreError, ClientError
from pymongo.errors import PyMongoError

from tasks.infra.database import NotConfigured, connect
from tasks.infra.redis_client import get_redis
from tasks.infra.storage_client import make_client
from tasks.queue.workers import WorkerInfo, workers
from tasks.settings import Settings, get_settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Seconds that one check may take.
PATIENCE = 3.0
#: Seconds for which an answer to whoever asks is kept.
KEPT_SECONDS = 2.0

__all__ = ["Check", "WorkerInfo", "check", "workers"]


@dataclass(frozen=True)
class Check:
    """One thing needed; ``detail`` is a version or count where ``ok``, else what is wrong."""

    ok: bool
    detail: str


_lately_lock = threading.Lock()
_lately: tuple[float, dict[str, Check]] | None = None


def checked_lately() -> dict[str, Check]:
    """As `check`, but at most once in `KEPT_SECONDS` however many ask, also at the same time."""
    global _lately
    with _lately_lock:
        if _lately is None or time.monotonic() - _lately[0] > KEPT_SECONDS:
            _lately = time.monotonic(), check()
        return _lately[1]


def check() -> dict[str, Check]:
    """By name: mongodb, redis, s3, worker. Never raises, takes a few seconds at most."""
    probes = {"mongodb": _mongodb, "redis": _redis, "s3": _s3, "worker": _worker}
    with ThreadPoolExecutor(len(probes)) as pool:
        futures = {
            # A thread has a context of its own, that knows nothing of a request's deadlines.
            name: pool.submit(copy_context().run, _guarded, probe)
            for name, probe in probes.items()
        }
        return {name: future.result() for name, future in futures.items()}


def _guarded(probe: Callable[[], Check]) -> Check:
    try:
        return probe()
    except NotConfigured as error:
        return Check(False, str(error))
    except ClientError as error:
        return Check(False, f"answers {error.response.get('Error', {}).get('Code', 'an error')}")
    except (PyMongoError, mongoengine.ConnectionFailure, redis.RedisError, BotoCoreError) as error:
        return Check(False, f"does not answer ({type(error).__name__})")


def _mongodb() -> Check:
    connect()
    with pymongo.timeout(PATIENCE):
        version = mongoengine.get_db().client.server_info()["version"]
    return Check(True, f"MongoDB {version}")


def _redis() -> Check:
    info = get_redis().info("server")
    return Check(True, f"Redis {info['redis_version']}")


@lru_cache(maxsize=2)
def _probe_client(settings: Settings) -> "S3Client":
    return make_client(settings, patience=PATIENCE, tries=1)


def _s3() -> Check:
    settings = get_settings()
    client = _probe_client(settings)
    client.head_bucket(Bucket=settings.s3_bucket)
    return Check(True, f"bucket {settings.s3_bucket}")


def _worker() -> Check:
    live = workers()
    if not live:
        return Check(False, "no worker is alive")
    return Check(True, f"{len(live)} alive")
