"""``python -m bench [PART …] [--quick]``: measure, print a table, write results/latest.json."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import accept, bulk, first_frame, reconciler, report, rows, simulation, transcode, upload
from bench.options import CannotMeasure, Options
from bench.report import Result
from tasks.media.tools import ToolMissing
from webapp.cli.up.binaries import MissingServer
from webapp.cli.up.servers import ServerNotReady

#: Name on the command line → what measures. A new benchmark is a module with ``measure`` and a
#: line here.
PARTS: dict[str, Callable[[Options], list[Result]]] = {
    "accept": accept.measure,
    "upload": upload.measure,
    "bulk": bulk.measure,
    "reconciler": reconciler.measure,
    "rows": rows.measure,
    "transcode": transcode.measure,
    "first_frame": first_frame.measure,
    "simulation": simulation.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where everything was measured, whether or not goals were met; else 1."""
    given = _parser().parse_args(arguments)
    # As Ctrl-C does, SIGTERM unwinds: servers end and the temporary folder goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    results: list[Result] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="dailies-bench-") as folder:
        for part in given.parts or PARTS:
            options = Options(
                folder=Path(folder),
                quick=given.quick,
                rounds=given.rounds,
                clip=given.clip,
                rows=given.rows,
                settings=dict(given.settings),
            )
            print(f"== {part}", flush=True)
            try:
                results += PARTS[part](options)
            except (CannotMeasure, MissingServer, ServerNotReady, ToolMissing) as error:
                failed = True
                print(f"{part} could not be measured: {error}", file=sys.stderr)
    print()
    print(report.table(results))
    report.write(results)
    missed = [result.name for result in results if result.ok is False]
    if missed:
        print(f"\n{len(missed)} of the goals missed: {'; '.join(missed)}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--quick", action="store_true", help="small sizes; numbers say little")
    parser.add_argument("--rounds", type=int, default=1, help="of the whole job; medians count")
    parser.add_argument("--rows", type=int, help="jobs of each kind, in place of a million")
    parser.add_argument("--clip", type=Path, help="a source of your own for the whole job")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a setting of Dailies, to compare with its default",
    )
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must look like NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
