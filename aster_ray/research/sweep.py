"""A parameter grid over one market: every set gets an account of its own.

Indicator columns that several sets share are computed once. A strategy that offers ``fused``
takes the compiled way; any other one is asked for its signals set by set. Same numbers, either way.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from aster_ray.errors import ConfigError
from aster_ray.kernel.simulator import Outcome, Simulator
from aster_ray.research.fused import FusedSource, blocks
from aster_ray.research.lookahead import refuse_look_ahead
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import Params, RunRequest
from aster_ray.strategies.contract import Fused, Panel, Strategy, offered
from aster_ray.strategies.encode import signal_columns
from aster_ray.strategies.parameters import resolve_params, warmup_of

Progress = Callable[[int, int], None]
Sets = tuple[Params, ...]  # one parameter mapping per strategy
Run = Callable[[Sequence[Sets]], list[Outcome]]
METRIC = "sharpe"
# What a sweep can be ranked by, and whether more of it is better.
METRICS: Mapping[str, bool] = {
    "sharpe": True,
    "total_return": True,
    "win_rate": True,
    "profit_factor": True,
    "max_drawdown": False,
}
_LARGEST_CHUNK = 16


class Basis(NamedTuple):
    """Where the bars of every set begin: the longest warm-up of all sets is the warm-up of each.

    Indicators never forget their first bar, so a backtest gives a row of the sweep again to the bit
    when it is given the same ``warmup``, which alone it might not need.
    """

    anchor_ms: int  # open of the first bar
    warmup: int  # bars


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Every set with its outcome, best first; ``metric`` is what "best" means."""

    rows: list[dict[str, Any]]
    basis: Basis
    metric: str = METRIC


def run_sweep(
    request: RunRequest,
    grid: Mapping[str, Sequence[float]],
    progress: Progress | None = None,
    metric: str = METRIC,
) -> SweepResult:
    """Run every combination of ``grid`` (parameter or strategy.parameter -> values).

    Raises:
        ConfigError: a value is outside a parameter's bounds, or no combination is allowed.
    """
    check_metric(metric)
    names, combinations = combinations_of(request, grid)
    prepared = prepare(widest_request(request, [sets for _, sets in combinations]))
    refuse_look_ahead(prepared)
    basis = basis_of(prepared)
    outcomes = sweep_sets(prepared, [sets for _, sets in combinations], progress)
    values = [values for values, _ in combinations]
    return SweepResult(ranked(names, values, outcomes, metric), basis, metric)


def basis_of(prepared: Prepared) -> Basis:
    """Return where the bars of a prepared sweep begin."""
    return Basis(int(prepared.market.open_ms[0]), prepared.request.market_request().warmup)


def check_metric(metric: str) -> None:
    """Refuse a name that no sweep is ranked by."""
    if metric not in METRICS:
        raise ConfigError([f"--metric {metric!r} must be one of {', '.join(METRICS)}"])


def ranked(
    names: Sequence[str],
    values: Sequence[Sequence[float]],
    outcomes: Sequence[Outcome],
    metric: str = METRIC,
) -> list[dict[str, Any]]:
    """Return a row per set (its parameters, then its outcome), best first, undefined last.

    Equal sets keep the order they came in.
    """
    sign = -1.0 if METRICS[metric] else 1.0

    def key(row: dict[str, Any]) -> float:
        return float(np.inf) if row[metric] is None else sign * row[metric]

    rows = [
        dict(zip(names, own, strict=True)) | dataclasses.asdict(outcome)
        for own, outcome in zip(values, outcomes, strict=True)
    ]
    return sorted(rows, key=key)


def combinations_of(
    request: RunRequest, grid: Mapping[str, Sequence[float]]
) -> tuple[list[str], list[tuple[tuple[float, ...], Sets]]]:
    """Return the grid's names and (values, parameters of every strategy) of each allowed set.

    A combination the strategy itself rules out (fast above slow) is left out.
    """
    settle = settler(request, list(grid))
    found: list[tuple[tuple[float, ...], Sets]] = []
    refused: list[str] = []
    for values in itertools.product(*grid.values()):
        try:
            found.append((tuple(values), settle(values)))
        except ConfigError as error:
            refused += error.problems
    if not found:
        raise ConfigError(list(dict.fromkeys(refused))[:8] or ["grid must name a parameter"])
    return list(grid), found


def settler(request: RunRequest, names: Sequence[str]) -> Callable[[Sequence[float]], Sets]:
    """Return what turns values of the parameters ``names`` into those of every strategy.

    It raises ConfigError for a combination that a strategy rules out.
    """
    loaded = request.load_strategies()
    owners = [_owner(name, loaded) for name in names]

    def settle(values: Sequence[float]) -> Sets:
        params = [dict(own) for _, own in loaded]
        for (k, name), value in zip(owners, values, strict=True):
            params[k][name] = value
        return tuple(
            resolve_params(strategy, own) for (strategy, _), own in zip(loaded, params, strict=True)
        )

    return settle


def _owner(name: str, loaded: Sequence[tuple[Strategy, Params]]) -> tuple[int, str]:
    """Return (strategy index, parameter name) of a grid key."""
    owner, _, parameter = name.rpartition(".")
    for k, (strategy, own) in enumerate(loaded):
        if owner in ("", strategy.name) and parameter in own:
            return k, parameter
    raise ConfigError([f"grid parameter {name!r} belongs to no strategy of this run"])


def widest_request(request: RunRequest, sets: Sequence[Sets]) -> RunRequest:
    """Return the request whose warm-up covers every set: all sets trade the same bars."""
    loaded = request.load_strategies()
    widest = [
        max((own[k] for own in sets), key=partial(warmup_of, strategy))
        for k, (strategy, _) in enumerate(loaded)
    ]
    names = [name for name, _ in request.strategies]
    return RunRequest(request.settings, tuple(zip(names, widest, strict=True)))


def sweep_sets(
    prepared: Prepared, sets: Sequence[Sets], progress: Progress | None = None
) -> list[Outcome]:
    """Run one account per parameter set over a prepared market, in the order given."""
    simulator = Simulator(prepared.market, prepared.setup, prepared.capital)
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(_threads()) as pool:
        for run, part in _parts(prepared, simulator, sets):
            chunks = _chunks(part, _threads())
            if chunks and not outcomes:
                outcomes += run(chunks.pop(0))  # compiles once, before threads ask together
            for done in pool.map(run, chunks):
                outcomes += done
                if progress is not None:
                    progress(len(outcomes), len(sets))
    if progress is not None:
        progress(len(sets), len(sets))
    return outcomes


def _chunks(part: Sequence[Sets], threads: int) -> list[Sequence[Sets]]:
    """Cut ``part`` so that handing it out costs little and no core waits long for the last one."""
    size = max(1, min(_LARGEST_CHUNK, len(part) // (8 * threads)))
    return [part[begin : begin + size] for begin in range(0, len(part), size)]


def _threads() -> int:
    assigned = os.environ.get("OMP_NUM_THREADS", "")
    if assigned.isdigit():
        return max(1, int(assigned))
    # Not every system can say which cores this process may use.
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1


def _parts(
    prepared: Prepared, simulator: Simulator, sets: Sequence[Sets]
) -> Iterator[tuple[Run, Sequence[Sets]]]:
    """Yield what runs a chunk of sets, and the sets it serves: in blocks that fit in memory."""
    panel = Panel.of(prepared.market)
    strategies = [strategy for strategy, _ in prepared.strategies]
    fused = offered(strategies[0], "fused")
    if not isinstance(fused, Fused) or len(strategies) > 1:
        yield partial(_run_one_by_one, simulator, strategies, panel), sets
        return
    params = [own[0] for own in sets]
    for begin, end in blocks(params, fused, panel.close.size):
        source = FusedSource(fused, panel, params[begin:end])
        yield partial(_run_together, simulator, source), sets[begin:end]


def _run_one_by_one(
    simulator: Simulator, strategies: Sequence[Strategy], panel: Panel, chunk: Sequence[Sets]
) -> list[Outcome]:
    return [
        simulator.outcome(
            *simulator.run(signal_columns(list(zip(strategies, own, strict=True)), panel))
        )
        for own in chunk
    ]


def _run_together(
    simulator: Simulator, source: FusedSource, chunk: Sequence[Sets]
) -> list[Outcome]:
    return simulator.run_block(source.columns([own[0] for own in chunk]))
