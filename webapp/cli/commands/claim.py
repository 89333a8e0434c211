"""`dailies claim-bucket`: marks the bucket as this installation's own."""

import click

from webapp.cli.commands.failures import told_plainly
from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import join_running_instance


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@setting_options(*CONNECTION)
def claim_bucket(yes: bool) -> None:
    """Make this installation the owner of what lies in the bucket below DAILIES_KEY_PREFIX.

    Only an owner removes files. Claim a bucket whose former installation is no more: what belongs
    to no row of this database can be removed afterwards.
    """
    join_running_instance()
    from tasks.errors import StorageFailed
    from tasks.infra import ownership
    from tasks.infra.storage import get_storage
    from tasks.settings import get_settings

    settings = get_settings()
    place = f"{settings.s3_bucket}/{settings.key_prefix}"
    with told_plainly():
        try:
            own, owner = ownership.installation_id(), ownership.marked_owner(get_storage())
            if owner == own:
                click.echo(f"{place} belongs to this installation already ({own}).")
                return
            if not yes:
                of = f"installation {owner}" if owner else "nobody"
                click.confirm(f"{place} belongs to {of}. Make it this installation's?", abort=True)
            ownership.claim(get_storage())
        except StorageFailed as error:
            raise click.ClickException(error.sentence) from None
    click.echo(f"{place} belongs to this installation now ({own}).")
