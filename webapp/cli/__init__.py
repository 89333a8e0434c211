"""The console script `dailies`: a group whose commands are imported when they are called.

May import: auth, models, demo.
"""

import importlib
import sys

import click

from tasks.settings import SettingsError

# Name → module, attribute and the line in `dailies --help`, so that help imports no command.
_COMMANDS = {
    "up": ("up", "up", "Start everything: servers that aren't set, dashboard, worker, reconciler."),
    "web": ("processes", "web", "Run the dashboard and the API."),
    "worker": ("processes", "worker", "Run a worker: it does what is queued."),
    "reconciler": ("processes", "reconciler", "Run the loop that heals rows and queue."),
    "reconcile": ("reconcile", "reconcile", "Repair what disagrees once, or only show it."),
    "claim-bucket": ("claim", "claim_bucket", "Make this installation the owner of the bucket."),
    "migrate": ("migrate", "migrate", "Bring stored rows to the shape of this version."),
    "user": ("accounts", "user", "Add, list and remove people."),
    "token": ("accounts", "token", "Add, list and revoke API tokens."),
    "demo": ("demo", "demo", "Put the shipped clip in and print the page to watch."),
    "doctor": ("doctor", "doctor", "Check every server and tool, and say what to do."),
}


class _LazyGroup(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(
            importlib.import_module(f"webapp.cli.commands.{module}"), attribute
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Dailies: films and episodes in, adaptive streams out, every job visible."""


def main() -> None:
    """Run a command; wrong settings are one line each on stderr and exit code 2."""
    try:
        cli(prog_name="dailies")
    except SettingsError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"dailies: {line}\n")
        sys.exit(2)
