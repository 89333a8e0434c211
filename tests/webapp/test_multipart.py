"""Multipart bodies read as a stream, however the network cuts them."""

import io
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from webapp import multipart

HEAD = b'--bound\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'


class Dribble(io.BytesIO):
    """A body that comes in pieces of at most so many bytes."""

    def __init__(self, body: bytes, most: int) -> None:
        super().__init__(body)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def request(body: bytes, most: int = 65_536) -> Request:
    builder = EnvironBuilder(
        method="POST",
        input_stream=Dribble(body, most),
        content_type="multipart/form-data; boundary=bound",
        content_length=len(body),
    )
    return Request(builder.get_environ())


@given(
    content=st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"--bound", b"--bound--", b"\r\n--boun", b"x", b"\0"]),
        max_size=30,
    ).map(b"".join),
    most=st.integers(1, 40),
)
def test_a_file_comes_out_as_it_went_in(content: bytes, most: int) -> None:
    # A boundary is what the content doesn't have at the beginning of a line.
    assume(not re.search(rb"(^|[\r\n])--bound", content))
    body = HEAD + content + b"\r\n--bound--\r\n"
    parts = list(multipart.events(request(body, most)))
    data = b"".join(part.data for part in parts if isinstance(part, multipart.Data))
    assert data == content
    assert isinstance(parts[-1], multipart.Epilogue)


@pytest.mark.parametrize("left", [0, 5, len(HEAD) - 1, len(HEAD), len(HEAD) + 7, len(HEAD) + 16])
def test_a_body_that_ends_early_is_refused(left: int) -> None:
    body = (HEAD + b"content" + b"\r\n--bound--\r\n")[:left]
    with pytest.raises(BadRequest):
        list(multipart.events(request(body)))


def test_memory_of_a_body_without_structure_is_bounded() -> None:
    with pytest.raises(RequestEntityTooLarge):
        list(multipart.events(request(b"y" * (2 * multipart.MAX_BUFFER))))
