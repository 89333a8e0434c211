"""A video comes in: from the request's stream straight to storage, then a row for it."""

import logging
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from mongoengine.errors import NotUniqueError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity
from werkzeug.wrappers import Request

from tasks import keys
from tasks.control.videos import replace_source
from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.infra.multipart_writer import MultipartWriter
from tasks.infra.storage import get_storage
from tasks.models import Media, Title, TranscodeJob
from tasks.settings import get_settings
from webapp import idempotency, multipart
from webapp.deadline import in_time
from webapp.intake.file_names import safe_name, shown_name

log = logging.getLogger(__name__)

FIELD = "video"
MAX_FIELD_BYTES = 1024

_CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


def receive(request: Request, *, who: str) -> Media:
    """Stores the file of the field ``video`` and returns its media; an optional field ``titleId``
    says what it belongs to.

    What goes wrong leaves nothing behind, and is BadRequest (no file, an empty one, a broken
    upload), UnsupportedMediaType, RequestEntityTooLarge, UnprocessableEntity (no such title),
    StorageFailed, or a failure of the database. A request with an ``Idempotency-Key`` makes one
    media, however often it is tried.
    """
    limit = _limited(request)
    parts = idempotency.watched(multipart.events(request))
    new_id = str(uuid.uuid4())
    media_id = idempotency.chosen("media", new_id)
    if media_id != new_id and (made := _made(media_id)) is not None:
        # By an attempt that was killed before it could answer: the file is only looked at.
        for _ in parts:
            pass
        return made
    most = request.content_length or limit
    return _Intake(who, limit, media_id, most).take(parts)


def receive_source(request: Request, media: Media, *, who: str) -> TranscodeJob:
    """Stores the file of the field ``video`` as another source of a media, and returns the job that
    encodes it. Raises as ``receive`` does, and Conflict."""
    limit = _limited(request)
    intake = _Intake(who, limit, media.media_id, request.content_length or limit)
    # A name of its own: the former source is read until the new stream is there.
    intake.name_prefix = f"{secrets.token_hex(4)}-"
    writer, file, _ = intake.store(multipart.events(request))
    with in_time():
        return replace_source(
            media,
            key=writer.key,
            filename=shown_name(file.filename),
            size=writer.size,
            content_type=intake.content_type(),
            who=who,
        )


def _limited(request: Request) -> int:
    """Limits the request's body; the largest size of its file in bytes. Raises
    RequestEntityTooLarge."""
    limit = get_settings().max_upload_bytes
    if (request.content_length or 0) > limit + multipart.ENVELOPE_BYTES:
        raise _too_large(limit)
    request.max_content_length = limit + multipart.ENVELOPE_BYTES
    return limit


class _Intake:
    """The state of an upload while its parts come in."""

    def __init__(self, who: str, limit: int, media_id: str, most: int) -> None:
        self.who = who
        self.limit = limit
        self.media_id = media_id
        #: Largest size in bytes that the file can have, as the request is no longer.
        self.most = most
        self.name_prefix = ""
        self.fields: dict[str, bytes] = {}
        self.file: multipart.File | None = None
        self.writer: MultipartWriter | None = None

    def take(self, parts: Iterator[multipart.Event]) -> Media:
        return self._save(*self.store(parts))

    def store(
        self, parts: Iterator[multipart.Event]
    ) -> tuple[MultipartWriter, multipart.File, str | None]:
        """Stores the file; its finished writer, the part, and the title that was named."""
        # Storage gets the end of the file only when the whole request has come: until then a
        # client that goes away leaves an upload that is aborted, not half a film.
        with ExitStack() as stack:
            part: multipart.File | multipart.Field | None = None
            for event in parts:
                if isinstance(event, multipart.File | multipart.Field):
                    part = event
                    self._begin(part)
                elif isinstance(event, multipart.Data) and event.data:
                    if isinstance(part, multipart.File):
                        self._write(stack, event.data)
                    elif part is not None:
                        self._keep(part.name, event.data)
            if self.writer is None or self.file is None:
                raise BadRequest(self._nothing())
            title_id = self._title_id()
        return self.writer, self.file, title_id

    def _begin(self, part: multipart.File | multipart.Field) -> None:
        if not isinstance(part, multipart.File):
            return
        if part.name != FIELD:
            raise BadRequest(
                f"Send the file in the field “{FIELD}”, not “{shown_name(part.name or '')}”."
            )
        if self.file is not None:
            raise BadRequest("Send one file at a time.")
        self.file = part
        # Better told now than after an hour of uploading.
        self._title_id()

    def _write(self, stack: ExitStack, data: bytes) -> None:
        if self.writer is None:
            assert self.file is not None
            name = f"{self.name_prefix}{safe_name(self.file.filename)}"
            key = keys.source(self.media_id, name)
            writer = get_storage().writer(key, self.content_type(), most=self.most)
            self.writer = stack.enter_context(writer)
        self.writer.write(data)
        if self.writer.size > self.limit:
            raise _too_large(self.limit)

    def _keep(self, name: str, data: bytes) -> None:
        value = self.fields.get(name or "", b"") + data
        if len(value) > MAX_FIELD_BYTES:
            raise BadRequest("A field beside the file is too long.")
        self.fields[name or ""] = value

    def _nothing(self) -> str:
        if self.file is None:
            return f"There is no file in the field “{FIELD}”."
        return "The file is empty." if self.file.filename else "No file was chosen."

    def content_type(self) -> str:
        assert self.file is not None
        given = self.file.headers.get("Content-Type", "").partition(";")[0].strip()
        return given if _CONTENT_TYPE.fullmatch(given) else "application/octet-stream"

    def _title_id(self) -> str | None:
        title_id = self.fields.get("titleId", b"").decode(errors="replace").strip()
        if not title_id:
            return None
        with in_time():
            if Title.objects(title_id=title_id).first() is None:
                raise UnprocessableEntity("There is no such title.")
        return title_id

    def _save(self, writer: MultipartWriter, file: multipart.File, title_id: str | None) -> Media:
        media = Media(
            media_id=self.media_id,
            filename=shown_name(file.filename),
            source_key=writer.key,
            size=writer.size,
            content_type=self.content_type(),
            title_id=title_id,
            uploaded_by=self.who,
            created_at=datetime.now(UTC),
        )
        try:
            with in_time():
                media.save(force_insert=True)
        except NotUniqueError:
            # Another attempt at this request was faster, and the file under this key is its file.
            made = _made(self.media_id)
            if made is not None and made.source_key == writer.key:
                return made
            _remove(writer.key)
            raise
        except Exception:
            _remove(writer.key)
            raise
        events.publish("mediaChanged", kind="media", mediaId=self.media_id)
        return media


def _made(media_id: str) -> Media | None:
    with in_time():
        made: Media | None = Media.objects(media_id=media_id).first()
    return made


def _too_large(limit: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"The file is larger than the {limit:,} bytes allowed here.")


def _remove(key: str) -> None:
    try:
        get_storage().delete([key])
    except StorageFailed as error:
        log.warning("left behind: %s (%s)", key, error)
