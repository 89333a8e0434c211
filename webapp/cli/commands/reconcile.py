"""`dailies reconcile`: one pass of the reconciler now, or only what it would do."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import click

from webapp.cli.commands.failures import told_plainly
from webapp.cli.commands.options import CONNECTION, setting_options
from webapp.cli.up.instance import join_running_instance


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what disagrees and what would be done.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@setting_options(*CONNECTION)
def reconcile(dry_run: bool, as_json: bool) -> None:
    """Look where rows, queue and bucket disagree, and repair what the rules repair.

    A reconciler that runs does the same every few seconds; beside it this changes nothing twice.
    """
    join_running_instance()
    with told_plainly(), _servers_told_plainly():
        if dry_run:
            _show_drift(as_json)
        else:
            _pass(as_json)


@contextmanager
def _servers_told_plainly() -> Iterator[None]:
    import redis

    from tasks.errors import StorageFailed

    try:
        yield
    except redis.RedisError as error:
        raise click.ClickException(f"REDIS_URL: the queue does not answer ({error}).") from None
    except StorageFailed as error:
        raise click.ClickException(error.sentence) from None


def _show_drift(as_json: bool) -> None:
    from tasks.recovery.drift import find_drift

    drift = find_drift(limit=10_000)
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in drift], indent=2, ensure_ascii=False))
        return
    if not drift:
        click.echo("Nothing to see: rows, queue and bucket agree.")
        return
    rows = [("WHAT", "ROW", "QUEUE OR BUCKET", "RULE", "FIX")]
    for entry in drift:
        what = entry.job_id if entry.name in ("", entry.job_id) else f"{entry.name} {entry.job_id}"
        who = "" if entry.by_itself else " (only if somebody asks)" if entry.fixable else ""
        rows.append((what, entry.row_says, entry.other_says, entry.rule, entry.fix + who))
    _table(rows)
    click.echo(f"\n{len(drift):,} in all. Nothing was changed.")


def _pass(as_json: bool) -> None:
    from tasks.recovery import bucket_look
    from tasks.recovery.reconciler import reconcile as one_pass
    from tasks.recovery.verdict import BY_ID

    result = one_pass()
    lying = bucket_look.look().orphans
    left = [(finding.ref, finding.rule.id) for finding in result.left]
    left += [(orphan.ref, orphan.rule_id) for orphan in lying]
    if as_json:
        told = {
            "repaired": [{"jobId": ref, "rule": rule} for ref, rule in result.made],
            "left": [{"jobId": ref, "rule": rule} for ref, rule in left],
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if not (result.made or left):
        click.echo("Nothing to do: rows, queue and bucket agree.")
    for title, entries in (("REPAIRED", result.made), ("LEFT FOR A PERSON", left)):
        if entries:
            _table([(title, "WHY"), *((ref, BY_ID[rule].sentence) for ref, rule in entries)])


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
