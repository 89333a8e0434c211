"""`dailies user` and `dailies token`: who may come in."""

import getpass
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from webapp.cli.commands.failures import told_plainly
from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import dashboard_url, join_running_instance

_ROLE = click.Choice(["viewer", "editor", "admin"])


def _record(action: str, kind: str, target: str, detail: str = "") -> None:
    """A line of the audit log: by whom, of this machine's people."""
    from tasks.records import audit

    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = str(os.getuid())
    audit.record(f"command line ({who})", action, kind=kind, target=target, detail=detail)


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "never"


@click.group()
@setting_options(*CONNECTION)
def user() -> None:
    """Add, list and remove people."""
    join_running_instance()


@user.command("add")
@click.argument("email")
@click.option("--role", type=_ROLE, default="viewer", show_default=True)
@click.option("--password", help="12 characters or more. Better: leave it out and be asked.")
@click.option("--link", is_flag=True, help="No password: print a link that signs in once.")
def add_user(email: str, role: str, password: str | None, link: bool) -> None:
    """Add a person who signs in as EMAIL."""
    from webapp.auth import accounts

    if not link and password is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with told_plainly():
        added = accounts.add_user(email, None if link else password, role)
        _record("add person", "person", added.email, f"as {added.role}")
        click.echo(f"{added.email} may sign in as {added.role}.")
        if link:
            _print_link(added.email)


@user.command("list")
def list_users() -> None:
    """List everybody."""
    from webapp.auth import accounts

    with told_plainly():
        people = accounts.list_users()
    rows = [("E-MAIL", "ROLE", "SIGNS IN WITH", "LAST SIGN-IN")]
    for person in people:
        way = "password" if person.password_hash else "link"
        rows.append((person.email, person.role, way, _day(person.last_sign_in_at)))
    _table(rows)


@user.command("remove")
@click.argument("email")
def remove_user(email: str) -> None:
    """Remove a person, and sign them out everywhere."""
    from webapp.auth import accounts

    with told_plainly():
        accounts.remove_user(email)
        _record("remove person", "person", email)
    click.echo(f"{email} is removed.")


@user.command("role")
@click.argument("email")
@click.argument("role", type=_ROLE)
def set_role(email: str, role: str) -> None:
    """Give a person another role."""
    from webapp.auth import accounts

    with told_plainly():
        accounts.set_role(email, role)
        _record("change role", "person", email, f"to {role}")
    click.echo(f"{email} is {role} now.")


@user.command("password")
@click.argument("email")
@click.option("--password", help="12 characters or more. Better: leave it out and be asked.")
def set_password(email: str, password: str | None) -> None:
    """Set a person's password, and sign them out everywhere."""
    from webapp.auth import accounts

    if password is None:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    with told_plainly():
        accounts.set_password(email, password)
        _record("set password", "person", email)
    click.echo(f"{email} has a new password.")


@user.command("link")
@click.argument("email")
def link(email: str) -> None:
    """Print a link that signs a person in once, for whoever forgot a password."""
    with told_plainly():
        _print_link(email)


def _print_link(email: str) -> None:
    from webapp.auth import sign_in_links

    path = sign_in_links.make(email)
    _record("make sign-in link", "person", email)
    click.echo(f"{dashboard_url()}{path}")


@click.group()
@setting_options(*CONNECTION)
def token() -> None:
    """Add, list and revoke API tokens."""
    join_running_instance()


@token.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, default="editor", show_default=True)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "upload", "jobs", "admin"]),
    multiple=True,
    help="What it is for; more than once for several. Default: all that its role may do.",
)
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Day, or day and time (UTC), from which it is worth nothing. Default: never.",
)
def add_token(name: str, role: str, scopes: tuple[str, ...], expires: datetime | None) -> None:
    """Make a token called NAME and print its secret, which is shown this once."""
    from webapp.auth import api_tokens

    with told_plainly():
        until = expires.replace(tzinfo=UTC) if expires else None
        secret = api_tokens.issue(name, role, until, scopes=scopes)
        _record("make token", "token", name, f"{role}, for {', '.join(scopes) or 'all'}")
        click.echo(secret)


@token.command("list")
def list_tokens() -> None:
    """List tokens; their secrets are kept nowhere."""
    from webapp.auth import api_tokens

    with told_plainly():
        tokens = api_tokens.listed()
    rows = [("ID", "NAME", "ROLE", "FOR", "BEGINS", "EXPIRES", "LAST USED")]
    for entry in tokens:
        rows.append(
            (
                entry.token_id,
                entry.name,
                entry.role,
                ", ".join(entry.scopes) or "all",
                f"{entry.prefix}…",
                _day(entry.expires_at),
                _day(entry.last_used_at),
            )
        )
    _table(rows)


@token.command("revoke")
@click.argument("id")
def revoke_token(id: str) -> None:
    """Make a token worthless at once; `token list` shows its ID."""
    from webapp.auth import api_tokens

    with told_plainly():
        revoked = api_tokens.revoke(id)
        _record("revoke token", "token", revoked.name)
    click.echo(f"{revoked.name} is revoked.")
