"""``POST /api/feed-tickets``: a ticket that opens one WebSocket of the event feed."""

from flask import Blueprint, Response, request
from flask_login import current_user
from pydantic import Field

from webapp.api.answers import Answer, answered
from webapp.auth import feed_tickets
from webapp.auth.access import require_role
from webapp.auth.feed_tickets import Holder
from webapp.openapi import documented

bp = Blueprint("api_feed_tickets", __name__, url_prefix="/api/feed-tickets")


class Ticket(Answer):
    """``new WebSocket(url, ["ticket", ticket])`` opens one socket with it."""

    ticket: str
    expires_in: int = Field(description="Seconds.")


@bp.post("")
@require_role("viewer")
@documented("A ticket for one WebSocket of the event feed.", tag="Events", answers={201: Ticket})
def create() -> Response:
    """For scripts on pages of other sites: a WebSocket can send no token where tokens belong.

    A ticket that a page asked for is good for pages of the same origin only.
    """
    holder = Holder(
        session_key=current_user.session_key,
        token_digest=current_user.token_digest,
        origin=request.headers.get("Origin"),
    )
    answer = Ticket(ticket=feed_tickets.issue(holder), expires_in=feed_tickets.SECONDS)
    return answered(answer, 201)
