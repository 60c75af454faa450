"""Verbs that trade or look at what was traded: backtest, sweep, paper, report."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output, status_tables, tables
from aster_ray.cli.options import RunOptions, VerbOptions, verb
from aster_ray.errors import BadInputError

if TYPE_CHECKING:
    from aster_ray.research.request import RunRequest
    from aster_ray.research.sweep import Basis

# Verbs that need Ray live with their host and are imported by name on use, so that the domain
# never imports Ray and the table works under `ray job submit`, where nothing is installed.
HOSTS = {
    "paper": "actors.cli:paper",
    "paper --detach": "actors.cli:paper_detached",
}
RUNS = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(RunOptions):
    """A run over a grid of parameters."""

    grid: Annotated[
        list[str],
        typer.Option(metavar="NAME=FROM:TO:STEP|A,B,C", help="Parameter values; repeatable."),
    ] = field(default_factory=list)
    top: Annotated[int, typer.Option(help="Rows to print, best first.", min=1)] = 20
    metric: Annotated[
        str, typer.Option(help="sharpe, total_return, win_rate, profit_factor or max_drawdown.")
    ] = "sharpe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper(RunOptions):
    """A run through the actors."""

    speed: Annotated[
        float | None, typer.Option(help="Bars per second; 0 = as fast as possible.")
    ] = None
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it trades; it goes on by itself.")
    ] = False
    plain: Annotated[
        bool, typer.Option("--plain", help="Trade on the paper venue, matched against the bars.")
    ] = False
    simulator: Annotated[
        bool,
        typer.Option(
            "--simulator",
            help="Trade at a simulated exchange; usual for the built-in market, not with --data.",
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders(VerbOptions):
    """A verb about the folders of earlier runs."""

    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folder of a run; several = compare.")
    ]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    verb(app, "backtest", RunOptions)(backtest)
    verb(app, "sweep", Sweep)(sweep)
    verb(app, "paper", Paper)(paper)
    verb(app, "report", Folders)(report)


def backtest(options: RunOptions) -> None:
    """Run strategies over past bars and write a report with a tear sheet."""
    from aster_ray.metrics.files import check_run_folder
    from aster_ray.research.backtest import run_backtest, write_run

    if options.out is not None:
        check_run_folder(options.out)
    request = request_of(options)
    with output.progress(options, "backtest") as progress:
        result = run_backtest(request, progress)
        out = options.out or RUNS / result.report["run"]["run_id"]
        write_run(result, out)
    output.emit(options, result.report, tables.run_table(result.report, out))


def sweep(options: Sweep) -> None:
    """Try every combination of a parameter grid on all cores."""
    from aster_ray.metrics.files import check_run_folder

    if options.out is not None:
        check_run_folder(options.out)
    request = request_of(options)
    from aster_ray.research.grid import parse_grid

    grid = parse_grid(options.grid, request)
    from aster_ray.research.sweep import run_sweep

    with output.progress(options, "sweep") as progress:
        result = run_sweep(request, grid, progress, options.metric)
    payload = sweep_document(result.rows, result.basis, result.metric)
    shown = tables.sweep_table(payload, tuple(grid), options.top)
    output.emit(options, payload, shown, "sweep.json")


def paper(options: Paper) -> None:
    """Trade the built-in market at a simulated exchange, or a recorded one on paper."""
    from aster_ray.metrics.files import check_run_folder

    if options.out is not None:
        check_run_folder(options.out)
    request = paper_request(options)
    if options.detach:
        started = _host("paper --detach")(request, options.out, options.as_json)
        payload = {
            "session": started.folder.name,
            "folder": str(started.folder),
            "pid": started.pid,
            "stop": f"aster stop {started.folder}",
        }
        output.emit(options, payload, status_tables.detached_table(payload))
        return
    result = _host("paper")(request, options.out, options.as_json)
    output.emit(options, result.report, tables.run_table(result.report, result.folder))
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def report(options: Folders) -> None:
    """Print the report of an earlier run, or compare several side by side."""
    from aster_ray.metrics.files import read_report

    if len(options.folders) > 1:
        _compare(options)
        return
    (folder,) = options.folders
    content = read_report(folder)
    output.emit(options, content, tables.run_table(content, folder), "report.json")


def _compare(options: Folders) -> None:
    from aster_ray.metrics.comparison import compare, load_runs
    from aster_ray.metrics.comparison_page import render_comparison

    if options.out is not None:
        output.require_writable(options.out)
    runs = load_runs(options.folders)
    seed = _seed(runs[0].report["run"].get("seed", 0) if options.seed is None else options.seed)
    found = compare(runs, seed)
    out = options.out or RUNS / f"compare-{found.content['id']}"
    page = render_comparison(found)
    with output.staged(out) as folder:
        (folder / "compare.json").write_text(output.dumps(found.content), encoding="utf-8")
        (folder / "compare.html").write_text(page, encoding="utf-8")
    output.emit(options, found.content, tables.comparison_table(found.content, out))


def _seed(value: object) -> int:
    """Return what may seed a generator, given or from a report."""
    try:
        seed = int(str(value))
    except ValueError:
        seed = -1
    if seed < 0:
        raise BadInputError(f"--seed must be a whole number from 0 on, was {value}")
    return seed


def sweep_document(rows: list[dict[str, Any]], basis: Basis, metric: str) -> dict[str, Any]:
    """Return the content of ``sweep.json``: where every set begins, and a row for each."""
    from aster_ray.metrics.report import iso

    return {
        "metric": metric,
        "sets": len(rows),
        "anchor_ms": basis.anchor_ms,
        "anchor": iso(basis.anchor_ms),
        "warmup": basis.warmup,
        "rows": rows,
    }


def request_of(options: RunOptions) -> RunRequest:
    """Return the checked request that a command's options ask for."""
    settings = api.load_settings(options.config, _given(options), options.settings)
    return api.request_run(options.strategy, options.param, settings)


def paper_request(options: Paper) -> RunRequest:
    """Return the checked request of a paper session."""
    from aster_ray.cli.destination import paper_settings
    from aster_ray.engine.config import PAPER, SIMULATOR

    asked = {PAPER: options.plain, SIMULATOR: options.simulator}
    settings = paper_settings(options.config, _given(options), options.settings, asked)
    return api.request_run(options.strategy, options.param, settings)


def _given(options: RunOptions) -> dict[str, Any]:
    return {name: getattr(options, name, None) for name in api.OPTION_PATHS}


def _host(name: str) -> Callable[..., Any]:
    module, _, function = HOSTS[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
