"""The kinds of job that have rows on screen."""

from enum import StrEnum


class Kind(StrEnum):
    """The two kinds of job that have rows on screen."""

    transcode = "transcode"
    upload = "upload"
