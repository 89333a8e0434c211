"""People and tokens: one document a file; import them from here.

May import: nothing of ``webapp``.
"""

from webapp.models.api_token import ApiToken
from webapp.models.idempotent_request import IdempotentRequest
from webapp.models.role import Role
from webapp.models.scope import Scope
from webapp.models.sign_in_link import SignInLink
from webapp.models.user import Session, User

__all__ = [
    "ApiToken",
    "IdempotentRequest",
    "Role",
    "Scope",
    "Session",
    "SignInLink",
    "User",
    "ensure_indexes",
]


def ensure_indexes() -> None:
    """Makes the indexes of accounts, among them those that keep e-mails and names unique."""
    for model in (User, ApiToken, SignInLink, IdempotentRequest):
        model.ensure_indexes()
