"""The indexes of job lists: documents declare them, and ``tasks.listing.planner`` hints at them."""

from collections.abc import Mapping

Index = tuple[str, ...]

CREATED: Index = ("created_at", "job_id")
RESOURCE: Index = ("resource_id", "created_at", "job_id")
#: Their first fields alone tell which facets and days there are.
BY_FACET: Index = ("facet", "status", "finished_at", "job_id", "created_at")
BY_DAY: Index = ("day", "finished_at", "job_id", "created_at", "status", "facet")


class ListIndexes:
    """The indexes of one collection, whatever its list is narrowed to and sorted by.

    ``name`` is the field that the list is sorted by as a name; ``read_too`` are fields that
    statistics read from the index by finishing time.
    """

    def __init__(self, name: str, read_too: Index) -> None:
        self.name = name
        #: By which rows are reached by status alone, and counted.
        self.narrowed: Index = (
            *("status", "facet", "created_at", "job_id", "finished_at", name, "terms_line"),
        )
        self.terms: Index = ("terms", "created_at", "job_id", "finished_at", name, "facet")
        self.pairs: Index = ("term_pairs", *self.terms[1:])
        #: In the order of a field: all rows, those of a word, those of a facet and status.
        self.plain: Mapping[str, Index] = {
            "created_at": CREATED,
            "finished_at": ("finished_at", "job_id", "created_at", "status", *read_too),
            name: (name, "job_id", "created_at"),
        }
        self.of_word: Mapping[str, Index] = {
            "created_at": self.terms,
            "finished_at": ("terms", "finished_at", "job_id", "created_at"),
            name: ("terms", name, "job_id", "created_at"),
        }
        self.of_facet: Mapping[str, Index] = {
            "created_at": self.narrowed,
            "finished_at": BY_FACET,
            name: ("facet", "status", name, "job_id", "created_at"),
        }

    def every(self) -> tuple[Index, ...]:
        """All of them, each once, for a document's ``meta``."""
        sorting = (*self.plain.values(), *self.of_word.values(), *self.of_facet.values())
        return tuple(dict.fromkeys((*sorting, self.pairs, RESOURCE, BY_DAY)))


TRANSCODE = ListIndexes("name", ("failed_reason", "started_at"))
UPLOAD = ListIndexes("resource_name", ("failed_reason", "started_at", "speed"))
#: By the name of the collection.
BY_COLLECTION = {"transcode_jobs": TRANSCODE, "upload_jobs": UPLOAD}
