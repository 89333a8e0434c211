"""A title: a film, a season or an episode."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, IntField, StringField


class Title(Document):
    """An episode's ``parent_id`` is its season; ``number`` counts seasons and episodes from 1.

    A season's ``series`` is the name of the show.
    """

    title_id = StringField(required=True, unique=True)
    kind = StringField(required=True, choices=["film", "season", "episode"])
    name = StringField(required=True, max_length=200)
    series = StringField(max_length=200)
    parent_id = StringField()
    number = IntField(min_value=1)
    created_at = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "titles",
        "indexes": [("kind", "name"), "parent_id"],
        "auto_create_index": False,
    }
