"""How processes log: short lines on stderr, without a time, which whoever collects them adds."""

import logging

from tasks.records import log_lines
from tasks.settings import get_settings

# At level debug they say every byte of every request, passwords among them.
_NEVER_DEBUG = ("botocore", "boto3", "urllib3", "pymongo", "s3transfer", "dramatiq.broker")


def log_short_lines() -> None:
    """Set this process's logging up by DAILIES_LOG_LEVEL."""
    log_lines.begin(get_settings().log_level)
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
