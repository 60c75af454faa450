"""``aster live``: trade an account at the venue."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from aster_ray.cli import output, tables
from aster_ray.cli.options import RunOptions, verb
from aster_ray.cli.runs import request_of
from aster_ray.errors import BadInputError

# Its host needs Ray and is imported by name on use; see ``runs.HOSTS``.
HOSTS = {"live": "actors.live:live", "wish": "actors.live:Wish"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Live(RunOptions):
    """What may be traded, for whom, and whether really."""

    confirm: Annotated[
        str | None, typer.Option(metavar="WALLET", help="Address of the account that may trade.")
    ] = None
    dry: Annotated[
        bool, typer.Option("--dry", help="Send nothing; write down what would have been sent.")
    ] = False
    resume: Annotated[
        Path | None, typer.Option(metavar="SESSION", help="Go on with a live session that ended.")
    ] = None


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "live", Live)(live)


def live(options: Live) -> None:
    """Trade an account at the venue with real money; refuses unless everything is as it must be."""
    from aster_ray.metrics.files import check_run_folder

    if options.out is not None:
        check_run_folder(options.out)
    try:
        import aster_ray.doctor.clearance  # noqa: F401 - is what it needs installed?
    except ImportError as error:
        raise BadInputError(
            f"aster live needs {error.name}, which is not installed: pip install 'aster-ray[live]'"
        ) from error
    wish = _host("wish")(options.confirm, options.dry, options.resume, options.out)
    result = _host("live")(request_of(options), wish, options.as_json)

    def show(console: Any) -> None:
        tables.run_table(result.report, result.folder)(console)
        _show(console, result.report["session"], result.folder)

    output.emit(options, result.report, show)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _show(console: Any, session: Mapping[str, Any], folder: Path) -> None:
    """Say what is left at the venue, and how to go on."""
    for line in farewell_lines(session):
        console.print(line, markup=False, soft_wrap=True)
    dry = " --dry" if session["live"].get("dry") else ""
    confirm = "" if dry else " --confirm WALLET"
    console.print(f"go on      aster live --resume {folder}{dry}{confirm}", soft_wrap=True)


def farewell_lines(session: Mapping[str, Any]) -> list[str]:
    """Return what is left at the venue, a line each.

    Args:
        session: that section of the report.
    """
    live = session["live"]
    if live.get("dry"):
        return [f"dry run    {live['withheld']:,} orders were not sent; logs/executor.log has them"]
    if "left_at_venue" not in session:
        return [f"NOT KNOWN  {live['silence']}: aster flatten shows"]
    lines = []
    for symbol, row in session["left_at_venue"].items():
        guard = "NO STOP OF OURS" if row["stop"] is None else f"its stop at {row['stop']:g} rests"
        lines.append(f"held       {row['qty']:g} {symbol} at the venue; {guard}")
    if live["orders_not_ours"]:
        lines.append(f"not ours   {live['orders_not_ours']}")
    return lines or ["flat       nothing is held at the venue and nothing rests there"]


def _host(name: str) -> Callable[..., Any]:
    module, _, function = HOSTS[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
