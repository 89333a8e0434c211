"""One line of a transcode job's log: what the pipeline met and did, for whoever asks why."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, StringField

LEVELS = ("info", "warning", "error")


class JobLogLine(Document):
    """``step`` says which part it is about: ``job``, ``split``, ``chunk 3``, ``upload 720p``.

    ``detail`` is the end of a tool's log, where there is one. ``at`` is the database server's time;
    the server removes the line at ``expires_at``, whether or not its job's row is still there.
    """

    job_id = StringField(required=True)
    at = DateTimeField(required=True)
    level = StringField(required=True, choices=LEVELS)
    step = StringField(required=True)
    message = StringField(required=True)
    detail = StringField()
    expires_at = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "transcode_job_log",
        "indexes": [
            ("job_id", "at", "_id"),
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
        ],
        "auto_create_index": False,
    }
