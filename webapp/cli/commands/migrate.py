"""`dailies migrate`: bring stored rows to the shape of this version."""

import click

from webapp.cli.commands.failures import told_plainly
from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import join_running_instance


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list migrations and how far each is.")
@setting_options(*CONNECTION)
def migrate(dry_run: bool) -> None:
    """Run the migrations that are pending, and wait until they are done.

    Each web process, worker and reconciler does the same when it starts, aside. Another process
    that runs one is waited for.
    """
    join_running_instance()
    with told_plainly():
        from tasks import migrations

        if dry_run:
            for one in migrations.standing():
                click.echo(f"{one.name}: {one.said}. {one.sentence}")
            return
        try:
            done = migrations.run(lambda one, what: click.echo(f"{one.name} {what}."))
        except migrations.MigrationFailed as error:
            raise click.ClickException(str(error)) from None
        if not done:
            click.echo("No migration is pending.")
