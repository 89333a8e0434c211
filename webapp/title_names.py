"""What a media or a job is called, by the title it belongs to."""

from collections.abc import Iterable, Mapping

from tasks.models import Media, Title

KIND_WORDS = {"film": "Film", "season": "Season", "episode": "Episode"}


def titles_of(media: Iterable[Media]) -> dict[str, Title]:
    """The titles that media belong to, by id, their seasons among them."""
    ids = {row.title_id for row in media if row.title_id}
    titles = {t.title_id: t for t in Title.objects(title_id__in=list(ids))} if ids else {}
    parents = {t.parent_id for t in titles.values() if t.parent_id} - set(titles)
    if parents:
        titles |= {t.title_id: t for t in Title.objects(title_id__in=list(parents))}
    return titles


def names(title_id: str | None, titles: Mapping[str, Title], filename: str) -> tuple[str, str]:
    """The name, and what it is: ``S1 E04 · Low Tide``, ``Episode · Harbour Lights``.

    What belongs to no title is called by its file.
    """
    title = titles.get(title_id or "")
    if title is None:
        return filename, ""
    kind = KIND_WORDS[title.kind]
    season = titles.get(title.parent_id or "")
    if title.kind == "episode" and season is not None:
        name = f"S{season.number} E{title.number:02d} · {title.name}"
        return name, f"{kind} · {season.series}"
    if title.kind == "season":
        return str(title.name), f"{kind} · {title.series}"
    return str(title.name), kind


def names_of(media: Media, titles: Mapping[str, Title] | None = None) -> tuple[str, str]:
    """The name of a video and what it is, as ``names`` says it; a name that people gave it goes
    first. ``titles`` are read where they are not given."""
    known = titles_of([media]) if titles is None else titles
    name, kind_line = names(media.title_id, known, media.filename)
    return media.name or name, kind_line
