"""``python -m tune.sweep``: the sweep of ``aster sweep`` through Ray Tune, on one machine or many.

    python -m tune.sweep --strategy momentum --symbols BTC --grid fast=8:24:8 --grid slow=40,80
    python -m tune.sweep --strategy momentum --grid fast=4:60 --grid slow=20:200 \
        --search optuna --samples 500 --holdout 0.25 --out sweeps/first

It runs on the cluster that RAY_ADDRESS names (as in a submitted job), else on a local Ray node. The
rows are those of the local sweep, number for number, however many machines took part. An
interrupted grid or random search with --out continues with --resume.

The best of many sets is better than it will be: the result says how many were tried, what the best
of as many worthless ones would show, and with --holdout how the best did on later bars.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import output, tables
from aster_ray.cli.process import run_job
from aster_ray.cli.runs import Sweep, request_of, sweep_document
from aster_ray.errors import BadInputError, ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.kernel.simulator import Outcome
    from aster_ray.research.prepare import Prepared
    from aster_ray.research.request import RunRequest
    from aster_ray.research.sweep import Sets

SEARCHES = ("grid", "random", "optuna")
_MOST_DRAWN_FROM = 2**62  # a search that draws does not list
_MOST_SAMPLES = 100_000
_SHOWN_HELD_OUT = 20

Values = tuple[float, ...]
Chosen = list[tuple[Values, "Sets"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSweep(Sweep):
    """A sweep through Ray Tune."""

    search: Annotated[
        str | None, typer.Option(help="grid, random or optuna; random where --samples is given.")
    ] = None
    samples: Annotated[
        int | None, typer.Option(help="Sets to draw from the grid.", min=1, max=_MOST_SAMPLES)
    ] = None
    holdout: Annotated[
        float | None, typer.Option(help="Fraction of the bars kept for judging the best sets.")
    ] = None
    resume: Annotated[
        Path | None, typer.Option(help="--out directory of an interrupted sweep.")
    ] = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be run, checked: nothing of Ray has been started yet."""

    search: str
    grid: Mapping[str, tuple[float, ...]]
    chosen: Chosen  # the sets of a grid or random search; for optuna the corners of its space
    prepared: Prepared  # the bars that are fitted
    held_out: Prepared | None
    cut_ms: int | None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code."""
    return run_job("python -m tune.sweep", TuneSweep, sweep, argv)


def sweep(options: TuneSweep) -> None:
    """Search a strategy's parameters with Ray Tune, on a cluster or on this machine."""
    out = options.resume if options.out is None else options.out
    if out is not None:
        output.require_writable(out)
    request = request_of(options)
    plan = plan_of(options, request)
    names = tuple(plan.grid)
    with output.progress(options, "sweep") as progress:
        values, outcomes = _run(options, plan, progress)
        payload = payload_of(options, plan, values, outcomes)
    shown = tables.sweep_table(payload, names, options.top)
    # The folder of a resumed sweep is where its result belongs.
    emitted = dataclasses.replace(options, out=out)
    output.emit(emitted, payload, _also(shown, payload, names), "sweep.json")


def plan_of(options: TuneSweep, request: RunRequest) -> Plan:
    """Check everything a person can have got wrong, and try one set, before Ray is started.

    Raises:
        BadInputError: with the remedy.
    """
    search = options.search or ("grid" if options.samples is None else "random")
    if search not in SEARCHES:
        raise ConfigError([f"--search {search!r} must be one of {', '.join(SEARCHES)}"])
    if (search == "grid") != (options.samples is None):
        raise ConfigError(
            [f"--search {search} {'takes no' if search == 'grid' else 'needs'} --samples"]
        )
    if search == "optuna" and options.resume is not None:
        raise BadInputError("--resume continues grid and random searches: begin optuna's anew")
    from tune.storage import check_storage

    check_storage(options.out, options.resume)
    from aster_ray.research.grid import MAX_SETS, parse_grid
    from aster_ray.research.holdout import split
    from aster_ray.research.lookahead import refuse_look_ahead
    from aster_ray.research.prepare import prepare
    from aster_ray.research.sweep import check_metric, sweep_sets, widest_request

    check_metric(options.metric)
    grid = parse_grid(options.grid, request, MAX_SETS if search == "grid" else _MOST_DRAWN_FROM)
    chosen = _chosen(search, options.samples, request, grid)
    whole = prepare(widest_request(request, [own for _, own in chosen]))
    refuse_look_ahead(whole)
    fitted, held_out, cut_ms = whole, None, None
    if options.holdout is not None:
        parts = split(whole.market, options.holdout)
        fitted = dataclasses.replace(whole, market=parts.fitted)
        held_out, cut_ms = dataclasses.replace(whole, market=parts.held_out), parts.cut_ms
    # A faulty strategy speaks up here, and this machine's workers find compiled code.
    sweep_sets(fitted, [chosen[0][1]])
    return Plan(search, grid, chosen, fitted, held_out, cut_ms)


def _chosen(
    search: str, samples: int | None, request: RunRequest, grid: Mapping[str, tuple[float, ...]]
) -> Chosen:
    from aster_ray.research.draw import draw_sets
    from aster_ray.research.sweep import combinations_of, settler

    if search == "grid" or samples is None:
        return combinations_of(request, grid)[1]
    settle = settler(request, list(grid))
    if search == "random":
        return draw_sets(grid, settle, samples, request.settings.session.seed)
    corners: Chosen = []
    refused: list[str] = []
    for values in itertools.product(*({min(own), max(own)} for own in grid.values())):
        try:
            corners.append((values, settle(values)))
        except ConfigError as error:
            refused += error.problems
    if not corners:
        raise ConfigError(list(dict.fromkeys(refused))[:8])
    return corners


def _run(
    options: TuneSweep, plan: Plan, progress: Callable[[int, int], None]
) -> tuple[list[Values], list[Outcome]]:
    """Run the search on Ray and return every set with its outcome, in the order of the search."""
    import numpy as np

    from aster_ray.research.sweep import settler
    from tune.blocks import Workload, block_size
    from tune.node import ray_node
    from tune.storage import storage_for
    from tune.study import run_blocks, run_search

    prepared, names = plan.prepared, tuple(plan.grid)
    drawn = plan.search != "optuna"
    values = [own for own, _ in plan.chosen] if drawn else []
    matrix = np.array(values, np.float64).reshape(len(values), len(names))
    workload = Workload(prepared.request, prepared.market, names, matrix)
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(storage_for(options.out, options.resume))
        stack.enter_context(ray_node())
        try:
            if drawn:
                size = block_size(len(values), prepared.market, len(prepared.strategies))
                return values, run_blocks(workload, size, storage, progress)
            from tune.guided import GenerationSearch

            count, seed = options.samples or 1, prepared.request.settings.session.seed
            settle = settler(prepared.request, names)
            search = GenerationSearch(plan.grid, settle, count, seed, options.metric)
            found = run_search(workload, search, count, storage, progress)
            order = [own for own in search.order if own in found]
            return order, [found[own] for own in order]
        except KeyboardInterrupt:
            if drawn and (options.out or options.resume):
                folder = options.resume or options.out
                sys.stderr.write(f"stopped; the same command with --resume {folder} continues\n")
            raise


def payload_of(
    options: TuneSweep, plan: Plan, values: Sequence[Values], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Return the document of ``aster sweep``, and what the choice of the best is worth."""
    from aster_ray.research.sweep import basis_of, ranked

    names = tuple(plan.grid)
    rows = ranked(names, values, outcomes, options.metric)
    payload = sweep_document(rows, basis_of(plan.prepared), options.metric)
    payload["search"] = {
        "kind": plan.search,
        "seed": plan.prepared.request.settings.session.seed,
        "strategies": [strategy.name for strategy, _ in plan.prepared.strategies],
    }
    payload["selection"] = _selection(plan, rows)
    if plan.held_out is not None:
        top = rows[: min(options.top, _SHOWN_HELD_OUT)]
        payload["holdout"] = _held_out(plan, plan.held_out, top, options)
    return payload


def _sets_of(prepared: Prepared, names: Sequence[str], row: Mapping[str, Any]) -> Sets:
    from aster_ray.research.sweep import settler

    return settler(prepared.request, names)([row[name] for name in names])


def _selection(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the best set compares with the best of as many worthless ones."""
    import numpy as np

    from aster_ray.kernel.simulator import Simulator
    from aster_ray.metrics.performance import bars_per_year, returns
    from aster_ray.metrics.selection import judge
    from aster_ray.strategies.contract import Panel
    from aster_ray.strategies.encode import signal_columns

    prepared = plan.prepared
    best = _sets_of(prepared, tuple(plan.grid), rows[0])
    pairs = [(strategy, own) for (strategy, _), own in zip(prepared.strategies, best, strict=True)]
    columns = signal_columns(pairs, Panel.of(prepared.market))
    simulator = Simulator(prepared.market, prepared.setup, prepared.capital)
    _, trace = simulator.trace(columns)
    equity = np.concatenate([[prepared.capital], trace.equity[prepared.market.start :]])
    per_year = bars_per_year(prepared.market.timeframe_ms)
    return judge([row["sharpe"] for row in rows], returns(equity), per_year)._asdict()


def _held_out(
    plan: Plan, held_out: Prepared, top: Sequence[Mapping[str, Any]], options: TuneSweep
) -> dict[str, Any]:
    """Return the outcome of the top sets on the bars that no search has seen."""
    from aster_ray.research.sweep import sweep_sets

    names = tuple(plan.grid)
    outcomes = sweep_sets(held_out, [_sets_of(held_out, names, row) for row in top])
    later = [
        {name: row[name] for name in names}
        | {"fitted": row[options.metric], "held_out": getattr(outcome, options.metric)}
        | {"held_out_outcome": dataclasses.asdict(outcome)}
        for row, outcome in zip(top, outcomes, strict=True)
    ]
    return {"fraction": options.holdout, "from_ms": plan.cut_ms, "rows": later}


def _also(shown: tables.Render, payload: Mapping[str, Any], names: Sequence[str]) -> tables.Render:
    """Draw the rows, then what must be known before one of them is believed."""

    def render(console: Console) -> None:
        shown(console)
        judged = payload["selection"]
        if judged["deflated"] is not None:
            console.print(
                f"best of {judged['tried']} tried: sharpe {judged['best_sharpe']:.2f}; the best of "
                f"as many worthless sets would show {judged['luck_sharpe']:.2f}; deflated sharpe "
                f"ratio {judged['deflated']:.3f}",
                markup=False,
            )
        for row in payload.get("holdout", {}).get("rows", ()):
            params = ", ".join(f"{name} {row[name]:g}" for name in names)
            fitted, later = (_plain(row[key]) for key in ("fitted", "held_out"))
            console.print(f"{params}: fitted {fitted}, held out {later}", markup=False)

    return render


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
