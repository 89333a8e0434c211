"""The API's description against its code, and the code against the description."""

import pytest
from pydantic import BaseModel

from webapp.openapi import documented
from webapp.openapi.documentation import documentation_of


class Nothing(BaseModel):
    """An answer with nothing in it."""


def test_a_view_says_what_its_decorator_was_told() -> None:
    @documented("Does nothing.", tag="Nothing", answers={200: Nothing}, errors=(404,))
    def view() -> str:
        return ""

    said = documentation_of(view)
    assert said is not None
    assert (said.summary, said.tag) == ("Does nothing.", "Nothing")
    assert said.answers == {200: Nothing}
    assert said.errors == (404,)
    assert documentation_of(lambda: "") is None


@pytest.mark.parametrize(
    ("summary", "status", "error"), [("No sentence", 200, 404), ("A.", 404, 404), ("A.", 200, 201)]
)
def test_a_description_that_cannot_be_is_refused(summary: str, status: int, error: int) -> None:
    with pytest.raises(ValueError, match=r"sentence|answers|errors"):
        documented(summary, tag="Nothing", answers={status: Nothing}, errors=(error,))
