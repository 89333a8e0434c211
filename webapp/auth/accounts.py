"""People, their passwords and sessions."""

import re
import secrets
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from mongoengine.errors import NotUniqueError

from tasks.feed import events
from tasks.feed.event_fields import ACCESS_ENDED
from tasks.infra import database
from tasks.settings import get_settings
from webapp.auth.passwords import hash_password, verify_password
from webapp.models import ApiToken, Role, Session, SignInLink, User, ensure_indexes

MIN_PASSWORD = 12
MAX_PASSWORD = 256
#: The fewest guesses, as a power of ten, that a password may stand by zxcvbn's estimate.
LEAST_GUESSES_LOG10 = 8
#: Characters that are estimated: more would take long, and only help.
ESTIMATED = 72
#: How long a session lasts, whatever the cookie says.
SESSION_LIFETIME = timedelta(days=14)
#: Browsers one person may be signed in with; the oldest is signed out.
MAX_SESSIONS = 20

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


class AccountError(Exception):
    """An account or token cannot be made or changed so; the message says why, for people."""

    @property
    def sentence(self) -> str:
        """The message as a sentence."""
        text = str(self)
        return f"{text[:1].upper()}{text[1:]}."


def add_user(email: str, password: str | None, role: str) -> User:
    """Adds a person; without a password they sign in by link. Raises AccountError."""
    prepare()
    user = User(
        user_id=str(uuid.uuid4()),
        email=_valid_email(email),
        role=valid_role(role),
        password_hash=None if password is None else hash_valid(password),
        created_at=_now(),
    )
    try:
        user.save(force_insert=True)
    except NotUniqueError:
        raise AccountError(f"{user.email} has an account already") from None
    return user


def remove_user(email: str) -> None:
    """Removes a person with their sessions, links and tokens. Raises AccountError."""
    user = by_email(email)
    if user.role == Role.admin and User.objects(role=Role.admin).count() == 1:
        raise AccountError(f"{user.email} is the only admin: make another one first")
    user.delete()
    ApiToken.objects(user_id=user.user_id).delete()
    SignInLink.objects(user_id=user.user_id).delete()
    access_ended()


def list_users() -> list[User]:
    """Everybody, by e-mail."""
    database.connect()
    return list(User.objects.order_by("email"))


def set_password(email: str, password: str) -> None:
    """Sets a password and signs the person out everywhere. Raises AccountError."""
    user = by_email(email)
    User.objects(user_id=user.user_id).update_one(
        set__password_hash=hash_valid(password), set__sessions=[]
    )
    access_ended()


def set_role(email: str, role: str) -> None:
    """Gives a person another role. Raises AccountError."""
    user, wanted = by_email(email), valid_role(role)
    last = user.role == Role.admin and User.objects(role=Role.admin).count() == 1
    if last and wanted != Role.admin:
        raise AccountError(f"{user.email} is the only admin: make another one first")
    User.objects(user_id=user.user_id).update_one(set__role=wanted)


def check_password(email: str, password: str) -> User | None:
    """The person, where the password is theirs; an unknown e-mail takes as long to refuse."""
    database.connect()
    user = User.objects(email=email.strip().lower()).first() if _EMAIL.fullmatch(email) else None
    right = verify_password(user.password_hash if user else None, password[: MAX_PASSWORD + 1])
    return user if right else None


def person(user_id: str) -> User:
    """The person with that id. Raises AccountError."""
    database.connect()
    user: User | None = User.objects(user_id=user_id).first()
    if user is None:
        raise AccountError("this person has no account any more")
    return user


def sign_out_everywhere(email: str) -> int:
    """Ends every session of a person, and their sign-in links; returns how many sessions.

    Tokens stay: they are revoked one by one. Raises AccountError.
    """
    user = by_email(email)
    User.objects(user_id=user.user_id).update_one(set__sessions=[])
    SignInLink.objects(user_id=user.user_id).delete()
    access_ended()
    return len(user.sessions)


def change_password(user_id: str, current: str, new: str, *, keep: str) -> None:
    """Sets the password of a person who knows the one they have, and ends all their sessions but
    the one with the key ``keep``.

    Who has none yet, as they came by link, need not know one. Raises AccountError.
    """
    user = person(user_id)
    known = user.password_hash
    if known is not None and not verify_password(known, current[: MAX_PASSWORD + 1]):
        raise AccountError("the current password is wrong")
    # Of two changes at once, or of one and an admin's, one wins: both knew the same password.
    changed = User.objects(user_id=user_id, password_hash=known).update_one(
        __raw__={
            "$set": {"password_hash": hash_valid(new)},
            "$pull": {"sessions": {"key": {"$ne": keep}}},
        }
    )
    if not changed:
        raise AccountError("the password was changed meanwhile: sign in again")
    access_ended()


def of_session(key: str) -> User | None:
    """The person of a session that is open and not too old."""
    since = _now() - SESSION_LIFETIME
    fresh = {"sessions": {"$elemMatch": {"key": key, "opened_at": {"$gt": since}}}}
    found: User | None = User.objects(__raw__=fresh).first() if key else None
    return found


def somebody_has_signed_in() -> bool:
    """Whether anybody ever opened a session."""
    database.connect()
    return User.objects(last_sign_in_at__ne=None).first() is not None


def open_session(user: User) -> str:
    """Signs a browser in; returns the key that its cookie carries."""
    key = secrets.token_urlsafe(24)
    now = _now()
    entry = Session(key=key, opened_at=now).to_mongo()
    User.objects(user_id=user.user_id).update_one(
        __raw__={
            "$push": {"sessions": {"$each": [entry], "$slice": -MAX_SESSIONS}},
            "$set": {"last_sign_in_at": now},
        }
    )
    return key


def close_session(key: str) -> None:
    """Signs that browser out, also where a copy of its cookie is left somewhere."""
    User.objects(sessions__key=key).update_one(pull__sessions__key=key)
    access_ended()


def access_ended() -> None:
    """To be called where sessions or tokens have ended: their sockets end too, in every process."""
    with suppress(database.NotConfigured):
        events.publish(ACCESS_ENDED)


def ensure_admin() -> User:
    """The first admin, made where there is none; without a password they sign in by link.

    Raises AccountError where DAILIES_ADMIN_EMAIL or DAILIES_ADMIN_PASSWORD cannot be used.
    """
    prepare()
    settings = get_settings()
    password = settings.admin_password.get_secret_value() if settings.admin_password else None
    admin = User.objects(role=Role.admin).order_by("created_at").first()
    if admin is None:
        email = _valid_email(settings.admin_email)
        try:
            admin = add_user(email, password, Role.admin)
        except AccountError:
            # Another process was faster, or that person is there with a lower role.
            admin = User.objects(email=email).modify(set__role=Role.admin, new=True)
            if admin is None:
                raise
    if admin.password_hash is None and password is not None:
        set_password(admin.email, password)
        return person(admin.user_id)
    return admin


def prepare() -> None:
    """The database is there, with what makes accounts unique."""
    database.connect()
    ensure_indexes()


def by_email(email: str) -> User:
    """The person with that e-mail. Raises AccountError."""
    database.connect()
    user: User | None = User.objects(email=email.strip().lower()).first()
    if user is None:
        raise AccountError(f"{email!r} has no account")
    return user


def _valid_email(email: str) -> str:
    email = email.strip().lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise AccountError(f"{email[:100]!r} is no e-mail address")
    return email


def valid_role(role: str) -> Role:
    """The role of that name. Raises AccountError."""
    try:
        return Role(role)
    except ValueError:
        allowed = ", ".join(Role)
        raise AccountError(f"{role!r} is no role: it is one of {allowed}") from None


def hash_valid(password: str) -> str:
    """The stored hash of a password.

    Raises AccountError where it is too short, too long, or easily guessed.
    """
    # Its lists of words take a second to load, and megabytes: only where a password is set.
    from zxcvbn import zxcvbn

    if len(password) < MIN_PASSWORD:
        raise AccountError(f"a password has {MIN_PASSWORD} characters or more")
    if len(password) > MAX_PASSWORD:
        raise AccountError(f"a password has at most {MAX_PASSWORD} characters")
    if zxcvbn(password[:ESTIMATED])["guesses_log10"] < LEAST_GUESSES_LOG10:
        raise AccountError("this password is among the first that are guessed: take another one")
    return hash_password(password)


def _now() -> datetime:
    return datetime.now(UTC)
