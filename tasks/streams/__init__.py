"""What a media's streams are, which one is live, and which may be removed.

May import: models, infra, media, feed, records, subtitles.
"""

from tasks.streams.building import built_by, complete, note, of_job
from tasks.streams.growing import grow, growing_of, stop_growing
from tasks.streams.master import Written, restore_own_master, write_master
from tasks.streams.publishing import (
    NOT_NEWEST,
    publish,
    publish_newest,
    replace_broken,
    settle,
    take_off,
    unpublish,
)
from tasks.streams.reading import (
    NoLiveRow,
    NoSuchStream,
    NotPublishable,
    adopt,
    find,
    live_of,
    of_media,
    playlist_keys,
    prefix,
)
from tasks.streams.removal import (
    abandon,
    completed_by,
    discard,
    expired,
    files,
    give_up,
    is_adopted,
    own_prefixes,
    remove_files,
    whole,
)

__all__ = [
    "NOT_NEWEST",
    "NoLiveRow",
    "NoSuchStream",
    "NotPublishable",
    "Written",
    "abandon",
    "adopt",
    "built_by",
    "complete",
    "completed_by",
    "discard",
    "expired",
    "files",
    "find",
    "give_up",
    "grow",
    "growing_of",
    "is_adopted",
    "live_of",
    "note",
    "of_job",
    "of_media",
    "own_prefixes",
    "playlist_keys",
    "prefix",
    "publish",
    "publish_newest",
    "remove_files",
    "replace_broken",
    "restore_own_master",
    "settle",
    "stop_growing",
    "take_off",
    "unpublish",
    "whole",
    "write_master",
]
