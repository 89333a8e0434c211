"""`dailies demo`: a clip to look at, put in as any program would do it, over the API."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from tasks.settings import Settings
from webapp.cli.commands.failures import told_plainly
from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import dashboard_url, join_running_instance

_TIMEOUT_SECONDS = 60
# Longer than the calls take; a token that could not be revoked is worthless soon all the same.
_TOKEN_LIFETIME = timedelta(minutes=10)


@click.command()
@setting_options(*CONNECTION, "host", "port", "api_token")
@click.option("--url", help="The dashboard. Default: the one of the running `dailies up`.")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another video than the shipped clip.",
)
def demo(url: str | None, path: Path | None) -> None:
    """Put the shipped clip in and print the page to watch."""
    from webapp.demo import CLIP

    settings = join_running_instance()
    base = (url or dashboard_url()).rstrip("/")
    with _token(settings) as token:
        uploaded = _post_file(f"{base}/api/upload/video", token, path or CLIP)
        video = uploaded["video"]
        _post_json(
            f"{base}/api/upload/convert-to-hls/{video['id']}", token, {"s3Key": video["s3Key"]}
        )
    click.echo(f"Watch it become a stream: {base}/jobs/of/{video['id']}")


@contextmanager
def _token(settings: Settings) -> Iterator[str]:
    """DAILIES_API_TOKEN, else a token that is made in the database and revoked afterwards."""
    if settings.api_token:
        yield settings.api_token.get_secret_value()
        return
    from webapp.auth import api_tokens

    name = f"demo {secrets.token_hex(4)}"
    with told_plainly():
        token = api_tokens.issue(name, "editor", datetime.now(UTC) + _TOKEN_LIFETIME)
        try:
            yield token
        finally:
            api_tokens.revoke(api_tokens.id_of(token))


def _post_file(url: str, token: str, path: Path) -> dict[str, Any]:
    boundary = secrets.token_hex(16)
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="video"; filename="{path.name}"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    ).encode()
    body = head + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return _post(url, token, body, f"multipart/form-data; boundary={boundary}")


def _post_json(url: str, token: str, value: dict[str, Any]) -> dict[str, Any]:
    return _post(url, token, json.dumps(value).encode(), "application/json")


def _post(url: str, token: str, body: bytes, content_type: str) -> dict[str, Any]:
    """The answer's JSON. Raises ClickException with what the dashboard says."""
    request = urllib.request.Request(  # noqa: S310 (the user's own dashboard)
        url,
        data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": content_type},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            result: dict[str, Any] = json.load(answer)
            return result
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(4000).decode(errors="replace")
        try:
            said = json.loads(said)["error"]
        except (ValueError, KeyError, TypeError):
            said = said[:200]
        raise click.ClickException(f"{url} answered {error.code}: {said}") from None
    except OSError as error:
        raise click.ClickException(
            f"{url} does not answer ({error}). Start the dashboard first: dailies up"
        ) from None
