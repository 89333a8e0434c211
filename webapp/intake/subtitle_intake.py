"""A subtitle file comes in, with what somebody says of it."""

from dataclasses import dataclass

from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    UnprocessableEntity,
    UnsupportedMediaType,
)
from werkzeug.wrappers import Request

from tasks.media.language import tag
from tasks.subtitles.scan import MAX_BYTES
from webapp import multipart
from webapp.intake.file_names import shown_name

FIELD = "subtitle"
ENDINGS = (".vtt", ".srt")
MAX_LABEL = 60
#: What a multipart body has besides the file, at most, in bytes.
ENVELOPE_BYTES = 64 * 1024
MAX_FIELD_BYTES = 1024


@dataclass(frozen=True)
class Received:
    """A file in memory (it is small), its language's tag and its label where they were given."""

    filename: str
    data: bytes
    language: str | None
    label: str | None


def receive(request: Request) -> Received:
    """The file of the field ``subtitle`` with the fields ``language`` and ``label``.

    Whether it can be read is not looked at. Raises BadRequest (no file, an empty one),
    RequestEntityTooLarge, UnsupportedMediaType (neither .vtt nor .srt), UnprocessableEntity.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType(f"Send the file as multipart/form-data, in the field “{FIELD}”.")
    if (request.content_length or 0) > MAX_BYTES + ENVELOPE_BYTES:
        raise _too_large()
    request.max_content_length = MAX_BYTES + ENVELOPE_BYTES
    name, data, fields = _read(request)
    if name is None:
        raise BadRequest(f"There is no file in the field “{FIELD}”.")
    if not name:
        raise BadRequest("No file was chosen.")
    filename = shown_name(name)
    if not filename.lower().endswith(ENDINGS):
        raise UnsupportedMediaType("Subtitles are files that end in .vtt or .srt.")
    if not data:
        raise BadRequest("The file is empty.")
    return Received(filename, data, _language(fields), _label(fields))


def _read(request: Request) -> tuple[str | None, bytes, dict[str, bytes]]:
    name: str | None = None
    data = bytearray()
    fields: dict[str, bytes] = {}
    part: multipart.File | multipart.Field | None = None
    for event in multipart.events(request):
        if isinstance(event, multipart.File):
            if event.name != FIELD or name is not None:
                raise BadRequest(f"Send one file, in the field “{FIELD}”.")
            part, name = event, event.filename
        elif isinstance(event, multipart.Field):
            part = event
        elif isinstance(event, multipart.Data) and isinstance(part, multipart.File):
            data += event.data
            if len(data) > MAX_BYTES:
                raise _too_large()
        elif isinstance(event, multipart.Data) and part is not None:
            value = fields.get(part.name or "", b"") + event.data
            if len(value) > MAX_FIELD_BYTES:
                raise BadRequest("A field beside the file is too long.")
            fields[part.name or ""] = value
    return name, bytes(data), fields


def _language(fields: dict[str, bytes]) -> str | None:
    given = fields.get("language", b"").decode(errors="replace").strip()
    if not given:
        return None
    language = tag(given)
    if language is None:
        raise UnprocessableEntity("The language is no BCP 47 tag, such as en, de or pt-BR.")
    return language


def _label(fields: dict[str, bytes]) -> str | None:
    given = fields.get("label", b"").decode(errors="replace")
    if not given.strip():
        return None
    label = shown_name(given.replace("/", " ").replace("\\", " "))
    if len(label) > MAX_LABEL:
        raise UnprocessableEntity(f"A label has at most {MAX_LABEL} characters.")
    return label


def _too_large() -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"The file is larger than the {MAX_BYTES:,} bytes allowed here.")
