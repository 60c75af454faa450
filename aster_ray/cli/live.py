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
        _show(console, result.report["session"].get("live", {}), result.folder)

    output.emit(options, result.report, show)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _show(console: Any, told: Mapping[str, Any], folder: Path) -> None:
    """Say what is left at the venue, and how to go on."""
    for line in farewell_lines(told):
        console.print(line, markup=False, soft_wrap=True)
    dry = " --dry" if told.get("dry") else ""
    confirm = "" if dry else " --confirm WALLET"
    console.print(f"go on      aster live --resume {folder}{dry}{confirm}", soft_wrap=True)


def farewell_lines(told: Mapping[str, Any]) -> list[str]:
    """Return what is left at the venue, a line each."""
    if told.get("dry"):
        return [f"dry run    {told['withheld']:,} orders were not sent; logs/executor.log has them"]
    if "left" not in told:
        return [f"NOT KNOWN  {told.get('silence', 'the venue was not asked')}: aster flatten shows"]
    left = told["left"]
    stops = {
        order["symbol"]: order["trigger_price"]
        for order in left["orders"]
        if order["ours"] and order["type"] == "stop_market"
    }
    lines = []
    for symbol, qty in left["positions"].items():
        guard = f"its stop at {stops[symbol]:g} rests" if symbol in stops else "NO STOP OF OURS"
        lines.append(f"held       {qty:g} {symbol} at the venue; {guard}")
    others = [order for order in left["orders"] if not order["ours"]]
    lines += [f"not ours   {one['type']} {one['symbol']} {one['id']}" for one in others]
    return lines or ["flat       nothing is held at the venue and nothing rests there"]


def _host(name: str) -> Callable[..., Any]:
    module, _, function = HOSTS[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
