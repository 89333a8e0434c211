"""``Idempotency-Key``: a POST that is sent again does nothing again, and is answered the same.

As draft-ietf-httpapi-idempotency-key-header has it: 400 for a key that is none, 409 while the
first request is being worked on, 422 for the same key with another request, and else the first
answer. Only what succeeded is kept. An attempt that was killed leaves what it had chosen
(`chosen`), so that the next one finishes the same work instead of doing it twice.
"""

import functools
import hashlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, request
from flask_login import current_user
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, UnprocessableEntity

from tasks.jobs import lifecycle
from tasks.models import stored
from tasks.settings import get_settings
from webapp import multipart
from webapp.body_limits import MAX_JSON_BYTES
from webapp.deadline import in_time
from webapp.errors import problem
from webapp.models import IdempotentRequest

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
#: An answer that was given before says so.
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
#: Seconds for which an answer is kept.
KEPT_SECONDS = 24 * 3600
#: Seconds after which a silent attempt counts as killed; three times as often it says it lives.
LEASE_SECONDS = 15.0
#: Seconds after which it is worth asking again what is being worked on.
ASK_AGAIN_SECONDS = 2
#: Headers of an answer that belong to it.
KEPT_HEADERS = ("Content-Type", "Location")

#: For `webapp.openapi.documentation`: the header, and the errors that it may lead to.
DOCUMENTED = {
    HEADER: "Any text that names this request: sent again with it, nothing is done again, and the"
    " answer is the same. Kept for a day."
}
ERRORS = (409, 422)

View = TypeVar("View", bound=Callable[..., Any])
Value = TypeVar("Value", str, int)


def idempotent(view: View) -> View:
    """The view heeds ``Idempotency-Key``; put it directly on the view.

    The view asks `chosen` for each id and number that it makes up, and reads a multipart body
    through `watched`.
    """

    @functools.wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        if HEADER not in request.headers:
            return view(*args, **kwargs)
        attempt = _Attempt(_key(request.headers.getlist(HEADER)))
        found = attempt.take()
        if found.get("status") is not None:
            _same_or_refuse(found)
            return _again(found)
        if found.get("token") != attempt.token:
            return problem(
                409,
                f"A request with this {HEADER} is being worked on.",
                {"Retry-After": str(ASK_AGAIN_SECONDS)},
            )
        g.idempotent_attempt = attempt
        try:
            with attempt:
                attempt.same_or_refuse(_fingerprint_of_body())
                answer = make_response(view(*args, **kwargs))
                attempt.keep(answer)
            return answer
        except (HTTPException, lifecycle.NotFound, lifecycle.Conflict) as error:
            attempt.refused(isinstance(error, HTTPException) and (error.code or 500) >= 500)
            raise
        except Exception:
            attempt.refused(unsure=True)
            raise
        finally:
            g.pop("idempotent_attempt", None)

    return cast(View, once)


def chosen(name: str, value: Value) -> Value:
    """``value``, or what an earlier attempt of this request chose by this name.

    To be asked before anything is written that the value decides. Without a key it is ``value``.
    Raises Conflict where another attempt has taken over, PyMongoError.
    """
    attempt: _Attempt | None = g.get("idempotent_attempt")
    return value if attempt is None else attempt.chosen(name, value)


def watched(parts: Iterator[multipart.Event]) -> Iterator[multipart.Event]:
    """The parts of a multipart body as they come, held against what an earlier attempt sent.

    The end comes only where both are the same; before that nothing must be written for good. Raises
    UnprocessableEntity, Conflict where another attempt has taken over, PyMongoError.
    """
    attempt: _Attempt | None = g.get("idempotent_attempt")
    if attempt is None:
        yield from parts
        return
    marks = multipart.Fingerprint()
    for part in parts:
        attempt.still_ours()
        marks.add(part)
        yield part
    attempt.same_or_refuse(marks.digest())


class _Attempt:
    """One try at a request with a key. As a context manager it says that it lives."""

    def __init__(self, key: str) -> None:
        self.who = current_user.name
        self.route = f"{request.method} {request.path}"
        named = json.dumps([self.who, self.route, key])
        self.key = hashlib.sha256(named.encode()).hexdigest()
        self.token = uuid.uuid4().hex
        self.first = False
        self._lost = threading.Event()
        self._over = threading.Event()

    def take(self) -> dict[str, Any]:
        """The request's row, ours (``token``) where nobody is at it and it has no answer."""
        now = "$$NOW"
        free = {
            "$and": [
                {"$eq": [{"$ifNull": ["$status", None]}, None]},
                {"$lt": [{"$ifNull": ["$lease_until", None]}, now]},
            ]
        }
        ours = {
            "token": self.token,
            "lease_until": _after(LEASE_SECONDS),
            "attempts": {"$add": [{"$ifNull": ["$attempts", 0]}, 1]},
            "expires_at": _after(KEPT_SECONDS),
        }
        mine: dict[str, Any] = {
            name: {"$cond": [free, value, f"${name}"]} for name, value in ours.items()
        }
        mine |= {"who": {"$literal": self.who}, "route": {"$literal": self.route}}
        with in_time():
            for last in (False, True):
                try:
                    row = stored.collection(IdempotentRequest).find_one_and_update(
                        {"_id": self.key},
                        [{"$set": mine}],
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                    break
                except DuplicateKeyError:
                    # Two came at the same moment, and the other one made the row.
                    if last:
                        raise
        assert row is not None  # It is made where it is missing.
        self.first = row.get("attempts") == 1
        return row

    def __enter__(self) -> "_Attempt":
        threading.Thread(target=self._live, name="idempotent request", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _live(self) -> None:
        while not self._over.wait(LEASE_SECONDS / 3):
            try:
                if self._update({"lease_until": _after(LEASE_SECONDS)}) is None:
                    self._lost.set()
                    return
            except PyMongoError as error:
                log.info("a request's lease was not renewed: %s", error)

    def still_ours(self) -> None:
        """Raises Conflict where another attempt has taken over."""
        if self._lost.is_set():
            raise _taken_over()

    def chosen(self, name: str, value: Value) -> Value:
        place = f"chosen.{name}"
        row = self._settle({place: {"$ifNull": [f"${place}", {"$literal": value}]}})
        kept: Value = row["chosen"][name]
        return kept

    def same_or_refuse(self, fingerprint: str | None) -> None:
        """Raises UnprocessableEntity where an earlier attempt sent something else."""
        if fingerprint is None:
            return
        row = self._settle({"fingerprint": {"$ifNull": ["$fingerprint", fingerprint]}})
        if row["fingerprint"] != fingerprint:
            raise _another()

    def _settle(self, fields: dict[str, Any]) -> dict[str, Any]:
        row = self._update(fields)
        if row is None:
            raise _taken_over()
        return row

    def keep(self, answer: Response) -> None:
        """Keeps the answer for who asks again; of one that refuses, nothing."""
        if answer.status_code >= 400:
            self.refused(unsure=answer.status_code >= 500)
            return
        kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        try:
            self._update(
                {
                    "status": answer.status_code,
                    "headers": {"$literal": kept},
                    "body": {"$literal": answer.get_data()},
                    "expires_at": _after(KEPT_SECONDS),
                }
            )
        except PyMongoError as error:
            log.warning("the answer to a request with a key was not kept: %s", error)

    def refused(self, unsure: bool) -> None:
        """The attempt ended without an answer that counts, so the key may be used again.

        ``unsure``: something may have been made, so what was chosen holds for the next attempt.
        """
        rows = stored.collection(IdempotentRequest)
        ours = {"_id": self.key, "token": self.token, "status": None}
        try:
            with in_time():
                if self.first and not unsure:
                    rows.delete_one(ours)
                else:
                    rows.update_one(ours, {"$set": {"lease_until": None}})
        except PyMongoError as error:
            log.info("a request's key is free only when its lease runs out: %s", error)

    def _update(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        """The row after an update; None where it is not ours any more."""
        with in_time():
            row: dict[str, Any] | None = stored.collection(IdempotentRequest).find_one_and_update(
                {"_id": self.key, "token": self.token},
                [{"$set": fields}],
                return_document=ReturnDocument.AFTER,
            )
        return row


def _after(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}


def _key(sent: list[str]) -> str:
    """The key itself: the draft writes it as a structured string, most clients without quotes."""
    key = sent[0].strip() if len(sent) == 1 else ""
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise BadRequest(f"{HEADER} is one text of 1 to {MAX_KEY} printable ASCII characters.")
    return key


def _fingerprint_of_body() -> str | None:
    """Of a body that is small; a multipart body is known when it was read."""
    if request.mimetype == multipart.MIMETYPE:
        return None
    request.max_content_length = MAX_JSON_BYTES
    marks = hashlib.sha256(request.mimetype.encode() + b"\n")
    marks.update(request.get_data())
    return marks.hexdigest()


def _same_or_refuse(found: dict[str, Any]) -> None:
    """Holds this request against the one that was answered. Raises UnprocessableEntity."""
    mine = _fingerprint_of_body()
    if mine is None:
        # Read whole and kept nowhere, so the limit is the one that an upload has.
        request.max_content_length = get_settings().max_upload_bytes + multipart.ENVELOPE_BYTES
        marks = multipart.Fingerprint()
        for part in multipart.events(request):
            marks.add(part)
        mine = marks.digest()
    if found.get("fingerprint") != mine:
        raise _another()


def _taken_over() -> Conflict:
    return Conflict(f"Another request with this {HEADER} has taken over.")


def _another() -> UnprocessableEntity:
    return UnprocessableEntity(f"This {HEADER} was used for another request: send a new one.")


def _again(found: dict[str, Any]) -> Response:
    answer = Response(found["body"], found["status"], found["headers"])
    answer.headers[REPLAYED] = "true"
    return answer
