"""People, their passwords and sessions, API tokens, and one-time sign-in links."""

import hashlib
import re
import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mongoengine.errors import NotUniqueError

from tasks import database
from tasks.settings import get_settings
from webapp.models import ApiToken, Role, Scope, Session, SignInLink, User, ensure_indexes
from webapp.passwords import hash_password, verify_password

MIN_PASSWORD = 10
MAX_PASSWORD = 256
LINK_LIFETIME = timedelta(hours=24)
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
    user = _user(email)
    User.objects(user_id=user.user_id).update_one(set__sessions=[])
    SignInLink.objects(user_id=user.user_id).delete()
    return len(user.sessions)


def change_password(user_id: str, current: str, new: str) -> None:
    """Sets the password of a person who knows the one they have, and ends all their sessions.

    Who has none yet, as they came by link, need not know one. Raises AccountError.
    """
    user = person(user_id)
    known = user.password_hash
    if known is not None and not verify_password(known, current[: MAX_PASSWORD + 1]):
        raise AccountError("the current password is wrong")
    # Of two changes at once, or of one and an admin's, one wins: both knew the same password.
    changed = User.objects(user_id=user_id, password_hash=known).update_one(
        set__password_hash=_hash_valid(new), set__sessions=[]
    )
    if not changed:
        raise AccountError("the password was changed meanwhile: sign in again")


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
    name: str,
    role: str,
    expires_at: datetime | None = None,
    *,
    scopes: Iterable[str] = (),
    owner: str | None = None,
) -> str:
    """Makes an API token and returns its secret, which is shown this once and kept nowhere.

    Without ``scopes`` it may do all that its role may. ``owner`` is the e-mail of the person it
    belongs to. Raises AccountError.
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
        scopes=_valid_scopes(scopes),
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


def list_tokens(owner: str | None = None) -> list[ApiToken]:
    """Every token, or those of one person by e-mail, oldest first; none holds its secret.

    Raises AccountError.
    """
    database.connect()
    of = {} if owner is None else {"user_id": _user(owner).user_id}
    return list(ApiToken.objects(**of).order_by("created_at"))


def revoke_token(name_or_id: str, *, owner: str | None = None) -> ApiToken:
    """Makes a token, named by its name, id or prefix, worthless, and returns what it was.

    With ``owner``, an e-mail, it must be that person's. Raises AccountError.
    """
    database.connect()
    of = {} if owner is None else {"user_id": _user(owner).user_id}
    for field in ("name", "token_id", "prefix"):
        token: ApiToken | None = ApiToken.objects(**{field: name_or_id}, **of).first()
        if token is not None and ApiToken.objects(token_id=token.token_id).delete():
            return token
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


def _valid_scopes(scopes: Iterable[str]) -> list[str]:
    try:
        wanted = {Scope(scope) for scope in scopes}
    except ValueError as error:
        raise AccountError(f"{error}: it is one of {', '.join(Scope)}") from None
    return [scope.value for scope in Scope if scope in wanted]


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
