"""Names of objects in the bucket. Every key is made here, below this installation's prefix."""

import re

from tasks.settings import get_settings

#: The form of the ids of media and jobs, as folders are called after them.
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(ID)

#: Names of what lies beside a media's streams.
MASTER = "master.m3u8"
SUBTITLES = "subtitles"

#: Header of files that never change under their key, and of all others that are served.
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"

#: A stream's folder, which is called by its id.
STREAM_ID = re.compile(r"[0-9a-f]{12}")

CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}


def content_type(name: str) -> str:
    """The media type of a file by its ending."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return CONTENT_TYPES.get(ending, "application/octet-stream")


def prefix() -> str:
    """Prefix of all keys of this installation: "", or a path that ends with a slash."""
    return get_settings().key_prefix


def sources() -> str:
    """Prefix of all uploaded files."""
    return f"{prefix()}sources/"


def work_areas() -> str:
    """Prefix of the work areas of all jobs."""
    return f"{prefix()}work/"


def streams() -> str:
    """Prefix of the streams of all videos."""
    return f"{prefix()}hls/"


def owner_mark() -> str:
    """The object that says which installation owns what lies below the prefix."""
    return f"{prefix()}installation.json"


def is_id(name: str) -> bool:
    """Whether a folder's name has the form of an id that this product makes."""
    return _ID.fullmatch(name) is not None


def media_sources(media_id: str) -> str:
    """Prefix of the source of a media, and of what people and modules added to it."""
    return f"{sources()}{media_id}/"


def source(media_id: str, safe_name: str) -> str:
    """Where an uploaded file lies; ``safe_name`` has no slash."""
    return f"{sources()}{media_id}/{safe_name}"


def subtitle_source(media_id: str, subtitle_id: str, *parts: str) -> str:
    """Where an attached or extracted subtitle file lies, or the prefix of that without parts."""
    return f"{sources()}{media_id}/subtitles/{subtitle_id}/" + "/".join(parts)


def module(media_id: str, module_id: str, *parts: str) -> str:
    """A file of a training module, or the prefix of all its files without parts."""
    return f"{sources()}{media_id}/modules/{module_id}/" + "/".join(parts)


def work(job_id: str, *parts: str) -> str:
    """A file of a job's work area, or the area's prefix without parts."""
    return f"{work_areas()}{job_id}/" + "/".join(parts)


def video(media_id: str, *parts: str) -> str:
    """A file that is served of a media, or the prefix of all of them without parts."""
    return f"{streams()}{media_id}/" + "/".join(parts)


def master(media_id: str) -> str:
    """The playlist that players are given: the only file of a media that is ever replaced."""
    return video(media_id, MASTER)


def stream(media_id: str, folder: str, *parts: str) -> str:
    """A file of one stream, or the stream's prefix without parts.

    ``folder``: the stream's id, or "" for a stream that an earlier version made.
    """
    return video(media_id, *([folder] if folder else []), *(parts or ("",)))


def cache_control(key: str) -> str | None:
    """The Cache-Control of an object: None where it is not served to players.

    A stream's segments and pictures never change; its playlists may still grow.
    """
    if not key.startswith(streams()):
        return None
    folders = key.removeprefix(streams()).split("/")
    of_stream = len(folders) > 2 and STREAM_ID.fullmatch(folders[1])
    return IMMUTABLE if of_stream and not key.endswith(".m3u8") else REVALIDATED
