"""Publishes what is made of a stream, on behalf of work that has nothing to do with it."""

import logging

import redis
from pymongo.errors import PyMongoError

from tasks import streams
from tasks.errors import StorageFailed

log = logging.getLogger(__name__)


def grow(job_id: str) -> None:
    """Publishes what a job has made by now. What goes wrong is put right with the next segment."""
    try:
        streams.grow(job_id)
    except (StorageFailed, PyMongoError, redis.RedisError, KeyError) as error:
        log.warning("the stream of %s did not grow: %s", job_id, error)
