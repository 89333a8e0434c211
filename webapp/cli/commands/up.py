"""`dailies up`: everything on one machine."""

from pathlib import Path

import click

from tasks.settings import get_settings
from webapp.cli.commands.checkout import ROOT
from webapp.cli.commands.options import EVERYTHING, setting_options


@click.command()
@setting_options(*EVERYTHING)
@click.option(
    "--procfile",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "Procfile",
    show_default="the project's",
    help="Processes to run over the servers.",
)
def up(procfile: Path) -> None:
    """Start everything: servers that aren't set, dashboard, worker, reconciler.

    What ends is started again. Ctrl-C stops all.
    """
    from webapp.cli.up.binaries import MissingServer
    from webapp.cli.up.data_folder import DataFolderError
    from webapp.cli.up.start import CannotStart
    from webapp.cli.up.start import up as start

    try:
        start(get_settings(), procfile)
    except (CannotStart, DataFolderError, MissingServer) as error:
        raise click.ClickException(str(error)) from None
