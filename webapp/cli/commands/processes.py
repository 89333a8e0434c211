"""`dailies web`, `worker` and `reconciler`: each becomes the process that a Procfile names."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from tasks.settings import get_settings
from webapp.cli.commands.checkout import ROOT, process_environment
from webapp.cli.commands.options import EVERYTHING, setting_options
from webapp.cli.up.address import listening_address

# Milliseconds for running work to end at a stop; the work of a worker that stops is taken up
# again by another, so few.
_WORKER_SHUTDOWN_MS = 5000


def _become(argv: Sequence[str], **extra: str) -> NoReturn:
    """Replace this process by Python with ``argv``, run in ROOT."""
    settings = get_settings()
    environment = process_environment({**os.environ, **extra}, settings.data)
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *argv], environment)  # noqa: S606


@click.command()
@setting_options(*EVERYTHING)
def web() -> None:
    """Run the dashboard and the API."""
    settings = get_settings()
    if "DAILIES_SUPERVISED" not in os.environ:
        _tell_first_sign_in()
    _become(
        [
            *("-m", "gunicorn", "--config", "python:webapp.gunicorn_config"),
            *("--bind", listening_address(settings)),
            *("--workers", str(settings.web_concurrency)),
            *("--log-level", settings.log_level),
            "webapp.app:create_app()",
        ]
    )


def _tell_first_sign_in() -> None:
    """Without `dailies up`, the log is where the first admin finds the way in."""
    from webapp.cli.up.first_sign_in import FirstSignInError, first_sign_in

    try:
        first = first_sign_in({})
    except FirstSignInError as error:
        # Not the end: the dashboard starts, and /readyz says what is missing until it is there.
        click.echo(f"dailies: {error}", err=True)
        return
    if first.link:
        click.echo(
            f"The first admin, {first.email}, signs in, once, at this path of the dashboard:"
            f" {first.link}"
        )


@click.command()
@setting_options(*EVERYTHING)
def worker() -> None:
    """Run a worker: it does what is queued."""
    settings = get_settings()
    _become(
        [
            *("-m", "dramatiq"),
            *("--processes", str(settings.worker_processes)),
            *("--threads", str(settings.worker_threads)),
            *("--worker-shutdown-timeout", str(_WORKER_SHUTDOWN_MS)),
            # Its lines come without level and with the time twice; webapp.worker_process sets
            # logging up instead.
            "--skip-logging",
            *("tasks.actors", "webapp.worker_process"),
        ],
        # Dramatiq fetches twice as much as it can do unless told otherwise; what is fetched
        # waits unseen behind running work.
        dramatiq_queue_prefetch="1",
    )


@click.command()
@setting_options(*EVERYTHING)
def reconciler() -> None:
    """Run the loop that heals rows and queue."""
    get_settings()
    from tasks.recovery.reconciler import main

    main()
