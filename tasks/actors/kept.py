"""What earlier attempts of a chunk or of the sound made: a new attempt goes on from there.

Somebody may be watching it already, so it stays as it is. It also costs nothing to keep.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.media.segments import RenditionOutput
from tasks.models import Step

#: Files copied at the same time.
PARALLEL = 8


@dataclass(frozen=True)
class Kept:
    """The first segments of each rendition, as many of one as of another, and their thumbnails.

    ``whole``: all the thumbnails that belong to them are there too.
    """

    renditions: tuple[RenditionOutput, ...] = ()
    thumbnails: tuple[str, ...] = ()
    whole: bool = True

    @property
    def segments(self) -> int:
        """How many segments of each rendition there are."""
        return len(self.renditions[0].segments) if self.renditions else 0

    @property
    def frames(self) -> int:
        """How many frames of each rendition there are."""
        return self.renditions[0].frames if self.renditions else 0


def keep(step: Step, prefix: str, published: str) -> Kept:
    """Copies what earlier attempts left to ``prefix``, where this attempt's files lie.

    ``published`` is the prefix of the stream, where files may be that left the work area. Raises
    StorageFailed.
    """
    recorded = step.part or step.result
    made = [RenditionOutput.model_validate(found) for found in recorded.get("renditions", ())]
    if not made:
        return Kept()
    places = _places(recorded["prefix"], published, made)
    count = _whole_segments(made, places)
    if not count:
        return Kept()
    kept = tuple(_first(rendition, count) for rendition in made)
    thumbnails = tuple(recorded.get("thumbnails", ()))
    area = get_storage().list(recorded["prefix"])
    whole = all(recorded["prefix"] + name in area for name in thumbnails)
    if whole:
        places |= {name: recorded["prefix"] + name for name in thumbnails}
    names = [name for rendition in kept for name in _names(rendition)]
    _copy({name: places[name] for name in [*names, *(thumbnails if whole else ())]}, prefix)
    return Kept(kept, thumbnails if whole else (), whole)


def _places(prefix: str, published: str, made: Sequence[RenditionOutput]) -> dict[str, str]:
    """Where each file lies; those that are nowhere are left out."""
    storage = get_storage()
    places: dict[str, str] = {}
    for place in (published, prefix):
        for rendition in made:
            there = storage.list(f"{place}{rendition.name}/")
            places |= {name: place + name for name in _names(rendition) if place + name in there}
    return places


def _whole_segments(made: Sequence[RenditionOutput], places: dict[str, str]) -> int:
    if any(rendition.init_name not in places for rendition in made):
        return 0
    count = 0
    for segments in zip(*(rendition.segments for rendition in made), strict=False):
        if any(segment.name not in places for segment in segments):
            break
        count += 1
    return count


def _first(rendition: RenditionOutput, count: int) -> RenditionOutput:
    segments = rendition.segments[:count]
    return rendition.model_copy(
        update={
            "segments": segments,
            "frames": sum(segment.frames for segment in segments),
            "duration": sum(segment.duration for segment in segments),
        }
    )


def _names(rendition: RenditionOutput) -> list[str]:
    return [rendition.init_name, *(segment.name for segment in rendition.segments)]


def _copy(places: dict[str, str], prefix: str) -> None:
    storage = get_storage()

    def copy(entry: tuple[str, str]) -> None:
        name, source = entry
        if source != prefix + name:
            storage.copy(source, prefix + name, keys.content_type(name))

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(copy, places.items()))
