"""People, their passwords and sessions, API tokens, and one-time sign-in links."""

import hashlib
import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta

from mongoengine.errors import NotUniqueError

from tasks import database
from tasks.settings import get_settings
from webapp.models import ApiToken, Role, Session, SignInLink, User, ensure_indexes
from webapp.passwords import hash_password, verify_password

MIN_PASSWORD = 10
MAX_PASSWORD = 256
LINK_LIFETIME = timedelta(hours=24)
#: Browsers one person may be signed in with; the oldest is signed out.
MAX_SESSIONS = 20

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


class AccountError(Exception):
    """An account or token cannot be made or changed so; the message says why, for people."""


def add_user(email: str, password: str | None, role: str) -> User:
    """Adds a person; without a password they sign in by link. Raises AccountError."""
    _prepare()
    user = User(
        user_id=str(uuid.uuid4()),
        email=_valid_email(email),
        role=_valid_role(role),
        password_hash=None if password is None else _hash_valid(password),
        created_at=_now(),
    )
    try:
        user.save(force_insert=True)
    except NotUniqueError:
        raise AccountError(f"{user.email} has an account already") from None
    return user


def remove_user(email: str) -> None:
    """Removes a person with their sessions, links and tokens. Raises AccountError."""
    user = _user(email)
    if user.role == Role.admin and User.objects(role=Role.admin).count() == 1:
        raise AccountError(f"{user.email} is the only admin: make another one first")
    user.delete()
    ApiToken.objects(user_id=user.user_id).delete()
    SignInLink.objects(user_id=user.user_id).delete()


def list_users() -> list[User]:
    """Everybody, by e-mail."""
    database.connect()
    return list(User.objects.order_by("email"))


def set_password(email: str, password: str) -> None:
    """Sets a password and signs the person out everywhere. Raises AccountError."""
    user = _user(email)
    User.objects(user_id=user.user_id).update_one(
        set__password_hash=_hash_valid(password), set__sessions=[]
    )


def set_role(email: str, role: str) -> None:
    """Gives a person another role. Raises AccountError."""
    user, wanted = _user(email), _valid_role(role)
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


def issue_token(
    name: str, role: str, expires_at: datetime | None = None, *, owner: str | None = None
) -> str:
    """Makes an API token and returns its secret, which is shown this once and kept nowhere.

    ``owner`` is the e-mail of the person it belongs to. Raises AccountError.
    """
    _prepare()
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise AccountError("a token's name has 1 to 100 printable characters")
    if expires_at is not None and _aware(expires_at) <= _now():
        raise AccountError("a token cannot expire in the past")
    plain = f"dly_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        token_id=str(uuid.uuid4()),
        name=name,
        role=_valid_role(role),
        prefix=plain[: len("dly_") + 8],
        digest=digest(plain),
        user_id=None if owner is None else _user(owner).user_id,
        created_at=_now(),
        expires_at=None if expires_at is None else _aware(expires_at),
    )
    try:
        token.save(force_insert=True)
    except NotUniqueError:
        raise AccountError(f"there is a token named {name!r} already") from None
    return plain


def list_tokens() -> list[ApiToken]:
    """Every token, oldest first; none of them holds its secret."""
    database.connect()
    return list(ApiToken.objects.order_by("created_at"))


def revoke_token(name_or_id: str) -> None:
    """Makes a token, named by its name, id or prefix, worthless. Raises AccountError."""
    database.connect()
    for field in ("name", "token_id", "prefix"):
        if ApiToken.objects(**{field: name_or_id}).delete():
            return
    raise AccountError(f"there is no token {name_or_id!r}")


def sign_in_link(email: str) -> str:
    """The path of a new one-time sign-in link, good for a day; earlier ones stop working.

    Raises AccountError.
    """
    _prepare()
    user = _user(email)
    secret = secrets.token_urlsafe(32)
    now = _now()
    SignInLink.objects(user_id=user.user_id).delete()
    SignInLink(
        digest=digest(secret), user_id=user.user_id, created_at=now, expires_at=now + LINK_LIFETIME
    ).save(force_insert=True)
    return f"/sign-in/link/{secret}"


def link_owner(secret: str) -> User | None:
    """Whom the link would sign in, without using it up."""
    link = SignInLink.objects(digest=digest(secret), used_at=None, expires_at__gt=_now()).first()
    return link and User.objects(user_id=link.user_id).first()


def use_link(secret: str, password: str | None = None) -> User | None:
    """Uses the link up and returns its owner; of two callers at once one gets None.

    A ``password`` becomes theirs; AccountError for a bad one leaves the link as it was.
    """
    password_hash = None if password is None else _hash_valid(password)
    link = SignInLink.objects(digest=digest(secret), used_at=None, expires_at__gt=_now()).modify(
        set__used_at=_now()
    )
    if link is None:
        return None
    if password_hash is not None:
        User.objects(user_id=link.user_id).update_one(set__password_hash=password_hash)
    user: User | None = User.objects(user_id=link.user_id).first()
    return user


def ensure_admin() -> str | None:
    """Makes the first admin where there is none, and says how to sign in.

    Returns the path of a one-time sign-in link while that admin has no password, else None.
    Raises AccountError where DAILIES_ADMIN_EMAIL or DAILIES_ADMIN_PASSWORD cannot be used.
    """
    _prepare()
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
        return None
    return sign_in_link(admin.email) if admin.password_hash is None else None


def digest(secret: str) -> str:
    """How a random secret is kept: it has 256 bits, so that a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _prepare() -> None:
    database.connect()
    ensure_indexes()


def _user(email: str) -> User:
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


def _valid_role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        allowed = ", ".join(Role)
        raise AccountError(f"{role!r} is no role: it is one of {allowed}") from None


def _hash_valid(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise AccountError(f"a password has {MIN_PASSWORD} characters or more")
    if len(password) > MAX_PASSWORD:
        raise AccountError(f"a password has at most {MAX_PASSWORD} characters")
    return hash_password(password)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)
