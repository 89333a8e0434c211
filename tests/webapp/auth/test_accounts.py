"""Accounts: what is kept, what is refused, and what goes with whom."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tasks.settings import get_settings
from tests.servers import Servers
from webapp.auth import accounts, api_tokens, sign_in_links
from webapp.auth.accounts import AccountError
from webapp.models import ApiToken, SignInLink, User


def secret_of(path: str) -> str:
    assert path.startswith("/sign-in/link/")
    return path.removeprefix("/sign-in/link/")


def test_a_password_is_kept_as_argon2_and_checked(clean: Servers) -> None:
    accounts.add_user(" Ada@Example.com ", "correct horse", "editor")
    stored = clean.mongo_client.get_default_database()["users"].find_one()
    assert stored is not None
    assert stored["email"] == "ada@example.com"
    assert str(stored["password_hash"]).startswith("$argon2id$")
    assert accounts.check_password("ADA@example.com", "correct horse") is not None
    assert accounts.check_password("ada@example.com", "correct horsf") is None
    assert accounts.check_password("bob@example.com", "correct horse") is None
    assert accounts.check_password("\x00@\ud800", "correct horse") is None


def test_without_a_password_no_password_signs_in(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    for guess in ("", "None", "nobody has this password"):
        assert accounts.check_password("ada@example.com", guess) is None


@pytest.mark.parametrize(
    ("email", "password", "role", "reason"),
    [
        ("ada", "long enough for all", "viewer", "no e-mail"),
        ("a@b@c", "long enough for all", "viewer", "no e-mail"),
        ("a b@example.com", "long enough for all", "viewer", "no e-mail"),
        ("a@example..com", "long enough for all", "viewer", "no e-mail"),
        ("a" * 300 + "@example.com", "long enough for all", "viewer", "no e-mail"),
        ("ada@example.com", "12345678901", "viewer", "12 characters"),
        ("ada@example.com", "password1234", "viewer", "first that are guessed"),
        ("ada@example.com", "iloveyou1234", "viewer", "first that are guessed"),
        ("ada@example.com", "x" * 257, "viewer", "at most 256"),
        ("ada@example.com", "long enough for all", "owner", "viewer, editor, admin"),
    ],
)
def test_refusals_say_why(
    clean: Servers, email: str, password: str, role: str, reason: str
) -> None:
    with pytest.raises(AccountError, match=reason):
        accounts.add_user(email, password, role)
    assert len(User.objects) == 0


def test_an_email_has_one_account_also_for_two_at_once(clean: Servers) -> None:
    def add(_: int) -> str:
        try:
            accounts.add_user("ada@example.com", None, "viewer")
        except AccountError as error:
            return str(error)
        return "added"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(add, range(4)))
    assert answers == ["ada@example.com has an account already"] * 3 + ["added"]


def test_who_goes_takes_tokens_and_links_along(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    api_tokens.issue("ada's", "viewer", owner="ada@example.com")
    api_tokens.issue("somebody's", "viewer")
    sign_in_links.make("ada@example.com")
    accounts.remove_user("ada@example.com")
    assert [token.name for token in api_tokens.listed()] == ["somebody's"]
    assert len(SignInLink.objects) == 0
    with pytest.raises(AccountError, match="no account"):
        accounts.remove_user("ada@example.com")


def test_the_last_admin_stays(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "admin")
    with pytest.raises(AccountError, match="only admin"):
        accounts.remove_user("ada@example.com")
    with pytest.raises(AccountError, match="only admin"):
        accounts.set_role("ada@example.com", "viewer")
    accounts.add_user("bob@example.com", None, "admin")
    accounts.remove_user("ada@example.com")
    assert [user.email for user in accounts.list_users()] == ["bob@example.com"]


def test_a_token_is_kept_as_its_hash(clean: Servers) -> None:
    plain = api_tokens.issue("ci", "editor")
    token = ApiToken.objects.get(name="ci")
    assert plain.startswith(f"{token.prefix}_")
    assert len(plain.rsplit(token.prefix)[1]) > 42  # 256 bits
    everything = str(clean.mongo_client.get_default_database()["api_tokens"].find_one())
    assert plain.removeprefix(token.prefix) not in everything
    with pytest.raises(AccountError, match="already"):
        api_tokens.issue("ci", "viewer")
    with pytest.raises(AccountError, match="past"):
        api_tokens.issue("old", "viewer", datetime.now(UTC) - timedelta(seconds=1))
    for name in ("", "   ", "a\nb", "x" * 101):
        with pytest.raises(AccountError, match="printable"):
            api_tokens.issue(name, "viewer")


def test_a_token_is_revoked_by_its_id_and_by_no_name_that_its_owner_chose(clean: Servers) -> None:
    secret = api_tokens.issue("ci", "editor")
    token = ApiToken.objects.get()
    for name in (token.name, token.prefix, secret):
        with pytest.raises(AccountError, match="no token"):
            api_tokens.revoke(name)
    assert api_tokens.id_of(secret) == token.token_id
    assert api_tokens.revoke(token.token_id).name == "ci"
    assert api_tokens.listed() == []
    # A name that reads like another token's id, secret or the bootstrap token's is refused.
    for decoy in (token.token_id, token.token_id.upper(), token.prefix, "dailies_api_token"):
        with pytest.raises(AccountError, match="reads like another's"):
            api_tokens.issue(decoy, "editor")


def test_an_old_session_is_over_whatever_its_cookie_says(clean: Servers) -> None:
    key = accounts.open_session(accounts.add_user("ada@example.com", None, "viewer"))
    assert accounts.of_session(key) is not None
    old = datetime.now(UTC) - accounts.SESSION_LIFETIME - timedelta(seconds=1)
    User.objects.update(__raw__={"$set": {"sessions.0.opened_at": old}})
    assert accounts.of_session(key) is None


def test_the_first_admin_signs_in_by_link_until_they_have_a_password(clean: Servers) -> None:
    admin = accounts.ensure_admin()
    assert accounts.ensure_admin() == admin
    assert admin.password_hash is None
    first, second = sign_in_links.make(admin.email), sign_in_links.make(admin.email)
    assert [(user.email, user.role) for user in accounts.list_users()] == [
        ("admin@dailies.local", "admin")
    ]
    assert sign_in_links.use(secret_of(first)) is None, "a new link replaces the one before"
    assert sign_in_links.use(secret_of(second), "correct horse") is not None
    assert accounts.ensure_admin().password_hash is not None
    assert accounts.check_password("admin@dailies.local", "correct horse") is not None


def test_the_first_admin_takes_the_password_of_the_settings(
    clean: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILIES_ADMIN_EMAIL", "boss@example.com")
    monkeypatch.setenv("DAILIES_ADMIN_PASSWORD", "too short")
    get_settings.cache_clear()
    try:
        with pytest.raises(AccountError, match="12 characters"):
            accounts.ensure_admin()
        monkeypatch.setenv("DAILIES_ADMIN_PASSWORD", "long enough for all")
        get_settings.cache_clear()
        assert accounts.ensure_admin().password_hash is not None
        assert accounts.check_password("boss@example.com", "long enough for all") is not None
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_a_link_signs_in_once_also_for_two_at_once(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    secret = secret_of(sign_in_links.make("ada@example.com"))
    assert sign_in_links.owner(secret) is not None
    with ThreadPoolExecutor(8) as pool:
        winners = [user for user in pool.map(sign_in_links.use, [secret] * 8) if user]
    assert len(winners) == 1
    assert sign_in_links.owner(secret) is None


def test_a_link_ends_after_a_day(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    secret = secret_of(sign_in_links.make("ada@example.com"))
    left = SignInLink.objects.get().expires_at - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    SignInLink.objects.update(set__expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert sign_in_links.owner(secret) is None
    assert sign_in_links.use(secret) is None


def test_a_refused_password_leaves_the_link_as_it_was(clean: Servers) -> None:
    accounts.add_user("ada@example.com", None, "viewer")
    secret = secret_of(sign_in_links.make("ada@example.com"))
    with pytest.raises(AccountError, match="12 characters"):
        sign_in_links.use(secret, "short")
    assert sign_in_links.use(secret) is not None


def test_sessions_of_one_person_are_bounded(clean: Servers) -> None:
    user = accounts.add_user("ada@example.com", None, "viewer")
    keys = [accounts.open_session(user) for _ in range(accounts.MAX_SESSIONS + 3)]
    kept = [session.key for session in User.objects.get().sessions]
    assert kept == keys[3:]
