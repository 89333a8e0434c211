"""Names of objects in the bucket. Every key is made here."""

SOURCES = "sources/"
WORK = "work/"
STREAMS = "hls/"

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


def source(media_id: str, safe_name: str) -> str:
    """Where an uploaded file lies; ``safe_name`` has no slash."""
    return f"{SOURCES}{media_id}/{safe_name}"


def subtitle_source(media_id: str, subtitle_id: str, *parts: str) -> str:
    """Where an attached or extracted subtitle file lies, or the prefix of that without parts."""
    return f"{SOURCES}{media_id}/subtitles/{subtitle_id}/" + "/".join(parts)


def module(media_id: str, module_id: str, *parts: str) -> str:
    """A file of a training module, or the prefix of all its files without parts."""
    return f"{SOURCES}{media_id}/modules/{module_id}/" + "/".join(parts)


def work(job_id: str, *parts: str) -> str:
    """A file of a job's work area, or the area's prefix without parts."""
    return f"{WORK}{job_id}/" + "/".join(parts)


def stream(media_id: str, *parts: str) -> str:
    """A file of a finished stream, or the stream's prefix without parts."""
    return f"{STREAMS}{media_id}/" + "/".join(parts)
