"""`dailies doctor`: is everything there that Dailies needs, and if not, what to do."""

import sys

import click

from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import join_running_instance

_WORDS = {"ok": "ok", "idle": "not yet", "missing": "MISSING"}
_COLOURS = {"ok": "green", "idle": "yellow", "missing": "red"}


@click.command()
@setting_options(*CONNECTION, "ffmpeg", "ffprobe", "media_base_url", "whisper_model")
def doctor() -> None:
    """Check every server and tool, and say what to do about what is missing.

    Exit code 1 where something needed is missing.
    """
    from webapp.cli.up import checkup

    results = checkup.examine(join_running_instance())
    width = max(len(result.name) for result in results)
    for result in results:
        word = click.style(_WORDS[result.state].ljust(8), fg=_COLOURS[result.state])
        click.echo(f"{word} {result.name.ljust(width)}  {result.detail}")
        if result.advice:
            click.echo(f"{' ' * (10 + width)} → {result.advice}")
    missing = [result.name for result in results if result.state == "missing"]
    if missing:
        click.echo(f"\nMissing: {', '.join(missing)}.")
        sys.exit(1)
    click.echo("\nEverything needed is there.")
