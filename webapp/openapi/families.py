"""The families of the API, in the order in which they are shown."""

FAMILIES = {
    "Upload": "Put a video in, have it encoded, ask how far it is, and where to play it.",
    "Videos": "Videos as things: rename, replace the source, share, download, delete.",
    "V1 upload": "A file in and a job out in one call, and how far the job is.",
    "Modules": "Training modules made of videos: how far, read, edit, export.",
    "Titles": "The films, seasons and episodes that videos belong to.",
    "Media": "How far a media is, in four words, for who embeds it elsewhere.",
    "Subtitles": "Attach subtitles to a video.",
    "Streams": "The encodings of a video, and which of them players get.",
    "Transcoding jobs": "Every transcode job: find, look into, retry, cancel, clean up, delete.",
    "Upload jobs": "The same for the jobs that put streams on the storage.",
    "Operations": "How far actions on many jobs are.",
    "Overview": "Numbers for charts; queues and workers, and holding them.",
    "Dashboard": "An installation at a glance.",
    "Events": "What opens the WebSocket that tells what happens (`/ws/events`).",
    "Audit": "Who did what, on which, when, and what came of it.",
    "Drift": "Where rows, queue and bucket disagree, and the repair.",
    "Media files": "The streams themselves, for players.",
    "Health": "For whoever watches over the process.",
    "This description": "What you are reading, for programs.",
    "Pages": (
        "What people see, in HTML. Listed so that nothing is missing here; "
        "programs have no use for them, and they may change at any time."
    ),
}

PAGES = "Pages"


def place(family: str) -> tuple[bool, int, str]:
    """A sort key: known families in their order, then others by name, then pages."""
    known = list(FAMILIES)
    return (family == PAGES, known.index(family) if family in known else len(known), family)
