"""An upload job: a rendition, a master playlist or a subtitle on its way into the bucket."""

from typing import Any, ClassVar

from mongoengine import DictField, FloatField, IntField, ListField, StringField

from tasks.models import list_indexes
from tasks.models.work import WorkUnit


class UploadJob(WorkUnit):
    """A sync: it puts what is missing or different, so that a retry costs only what is left.

    ``speed`` is in bytes a second; sizes are in bytes.
    """

    unit_kind = "upload"

    transcode_id = StringField(required=True)
    media_id = StringField(required=True)
    job_type = StringField(required=True)
    resource_type = StringField(choices=["film", "season", "episode"])
    resource_id = StringField()
    resource_name = StringField()
    film_id = StringField()
    episode_id = StringField()
    season_id = StringField()
    filename = StringField()
    upload_type = StringField(choices=["hls", "master_playlist", "subtitle", "video"])
    content_type = StringField(choices=["video", "audio", "subtitle", "playlist"])
    label = StringField()
    rendition = StringField()
    hls_dir = StringField()
    master_playlist_path = StringField()
    subtitle_path = StringField()
    subtitle_id = StringField()
    language = StringField()
    upload_path = StringField()
    initial_metadata = DictField()
    subtitle_metadata = DictField()
    subtitle_languages = ListField(StringField())
    bucket_name = StringField()
    client_id = StringField()
    facet = StringField()
    day = StringField()
    term_pairs = ListField(StringField())
    terms_line = StringField()
    #: Who cleans it up or deletes it, until ``cleaning_until``: a bulk operation's id, or a word.
    cleaning_by = StringField()

    files_total = IntField(default=0)
    files_done = IntField(default=0)
    bytes_total = IntField(default=0)
    bytes_done = IntField(default=0)
    current_file = StringField()
    speed = FloatField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "upload_jobs",
        "indexes": [
            "transcode_id",
            "media_id",
            *list_indexes.UPLOAD.every(),
        ],
        "auto_create_index": False,
    }
