"""A parameter grid over one market: every set gets an account of its own.

Indicator columns that several sets share are computed once. A strategy that offers ``fused``
takes the compiled way; any other one is asked for its signals set by set. Same numbers, either way.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from aster_ray._jit import bound
from aster_ray.errors import ConfigError
from aster_ray.kernel.records import SignalColumns
from aster_ray.kernel.simulator import Outcome, Simulator
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import Params, RunRequest
from aster_ray.strategies.contract import ColumnKey, Fused, Panel, Series, Strategy
from aster_ray.strategies.encode import signal_columns
from aster_ray.strategies.parameters import resolve_params
from aster_ray.strategies.series import series_of

Progress = Callable[[int, int], None]
Sets = tuple[Params, ...]  # one parameter mapping per strategy
METRIC = "sharpe"
_COLUMN_BYTES = 256 * 2**20
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Every set with its outcome, best first; ``metric`` is what "best" means."""

    rows: list[dict[str, Any]]
    metric: str = METRIC


def run_sweep(
    request: RunRequest,
    grid: Mapping[str, Sequence[float]],
    progress: Progress | None = None,
) -> SweepResult:
    """Run every combination of ``grid`` (parameter or strategy.parameter -> values).

    Raises:
        ConfigError: a value is outside a parameter's bounds, or no combination is allowed.
    """
    names, combinations = _combinations(request, grid)
    slowest = _widest_request(request, [sets for _, sets in combinations])
    prepared = prepare(slowest)
    outcomes = sweep_sets(prepared, [sets for _, sets in combinations], progress)
    rows = [
        dict(zip(names, values, strict=True)) | dataclasses.asdict(outcome)
        for (values, _), outcome in zip(combinations, outcomes, strict=True)
    ]
    rows.sort(key=lambda row: -np.inf if row[METRIC] is None else row[METRIC], reverse=True)
    return SweepResult(rows)


def _combinations(
    request: RunRequest, grid: Mapping[str, Sequence[float]]
) -> tuple[list[str], list[tuple[tuple[float, ...], Sets]]]:
    """Return the grid's names and (values, parameters of every strategy) of each allowed set.

    A combination the strategy itself rules out (fast above slow) is left out.
    """
    loaded = request.load_strategies()
    owners = [_owner(name, loaded) for name in grid]
    found: list[tuple[tuple[float, ...], Sets]] = []
    refused: list[str] = []
    for values in itertools.product(*grid.values()):
        params = [dict(own) for _, own in loaded]
        for (k, name), value in zip(owners, values, strict=True):
            params[k][name] = value
        try:
            sets = tuple(
                resolve_params(strategy, own)
                for (strategy, _), own in zip(loaded, params, strict=True)
            )
        except ConfigError as error:
            refused += error.problems
            continue
        found.append((tuple(values), sets))
    if not found:
        raise ConfigError(list(dict.fromkeys(refused))[:8] or ["grid must name a parameter"])
    return list(grid), found


def _owner(name: str, loaded: Sequence[tuple[Strategy, Params]]) -> tuple[int, str]:
    """Return (strategy index, parameter name) of a grid key."""
    owner, _, parameter = name.rpartition(".")
    for k, (strategy, own) in enumerate(loaded):
        if owner in ("", strategy.name) and parameter in own:
            return k, parameter
    raise ConfigError([f"grid parameter {name!r} belongs to no strategy of this run"])


def _widest_request(request: RunRequest, sets: Sequence[Sets]) -> RunRequest:
    """Return the request whose warm-up covers every set: all sets trade the same bars."""
    loaded = request.load_strategies()
    widest = [
        max((own[k] for own in sets), key=strategy.warmup)
        for k, (strategy, _) in enumerate(loaded)
    ]
    names = [name for name, _ in request.strategies]
    return RunRequest(request.settings, tuple(zip(names, widest, strict=True)))


def sweep_sets(
    prepared: Prepared, sets: Sequence[Sets], progress: Progress | None = None
) -> list[Outcome]:
    """Run one account per parameter set over a prepared market, in the order given."""
    simulator = Simulator(prepared.market, prepared.setup, prepared.capital)
    source = _source(prepared, sets)
    outcomes: list[Outcome] = []

    def run(own: Sets) -> Outcome:
        return simulator.outcome(*simulator.run(source(own)))

    if sets:
        outcomes.append(run(sets[0]))  # compiles once, before threads ask for it together
    with ThreadPoolExecutor(_threads()) as pool:
        for outcome in pool.map(run, sets[1:]):
            outcomes.append(outcome)
            if progress is not None and len(outcomes) % _BLOCK == 0:
                progress(len(outcomes), len(sets))
    if progress is not None:
        progress(len(sets), len(sets))
    return outcomes


def _threads() -> int:
    assigned = os.environ.get("OMP_NUM_THREADS", "")
    return int(assigned) if assigned.isdigit() else len(os.sched_getaffinity(0))


def _source(prepared: Prepared, sets: Sequence[Sets]) -> Callable[[Sets], SignalColumns]:
    strategy = prepared.strategies[0][0]
    fused = getattr(strategy, "fused", None)
    panel = Panel.of(prepared.market)
    if isinstance(fused, Fused) and len(prepared.strategies) == 1:
        return FusedSource(strategy, fused, panel, [own[0] for own in sets]).columns
    strategies = [strategy for strategy, _ in prepared.strategies]
    return lambda own: signal_columns(list(zip(strategies, own, strict=True)), panel)


class FusedSource:
    """Signal columns of a fused strategy: shared indicators, one compiled pass per set."""

    def __init__(
        self, strategy: Strategy, fused: Fused, panel: Panel, params: Sequence[Params]
    ) -> None:
        self._fused = fused
        self._names = [parameter.name for parameter in strategy.parameters]
        self._rows = len(panel.open_ms)
        self._symbols = [series_of(panel, n) for n in range(len(panel.symbols))]
        keys = dict.fromkeys(key for own in params for key in fused.keys(own))
        self._place = {key: index for index, key in enumerate(keys)}
        self._columns = [_indicators(fused, tuple(keys), series) for series, _ in self._symbols]
        self._rule: Callable[..., Any] | None = None
        self._local = threading.local()
        self._constant = np.ones((1, len(self._symbols)))
        self._no_ladder = np.full((1, len(self._symbols), 4), np.nan)

    def _code(self) -> np.ndarray:
        """Return this thread's code buffer, i1[N, T]."""
        if not hasattr(self._local, "code"):
            self._local.code = np.zeros((len(self._symbols), self._rows), np.int8)
        code: np.ndarray = self._local.code
        return code

    def columns(self, own: Sets) -> SignalColumns:
        """Return the signals of one set; valid until this thread asks for the next."""
        params = own[0]
        index = np.array([self._place[key] for key in self._fused.keys(params)])
        values = np.array([params[name] for name in self._names], np.float64)
        buffer = self._code()
        for n, (_, rows) in enumerate(self._symbols):
            whole = len(rows) == self._rows
            code = buffer[n] if whole else np.zeros(len(rows), np.int8)
            arguments = (self._columns[n], index, values, code)
            if self._rule is None:
                self._rule = bound(self._fused.rule, *arguments)
            self._rule(*arguments)
            if not whole:
                buffer[n] = 0
                buffer[n, rows] = code
        confidence, stop_loss, take_profit = self._fused.constants(params)
        return SignalColumns(
            code=np.ascontiguousarray(buffer.T),
            confidence=self._constant * confidence,
            stop_loss=self._constant * stop_loss,
            take_profit=self._constant * take_profit,
            target_units=self._constant,
            ladder=self._no_ladder,
        )


def _indicators(fused: Fused, keys: tuple[ColumnKey, ...], series: Series) -> np.ndarray:
    """Return f8[U, R], one row per distinct indicator column."""
    columns = np.empty((len(keys), len(series.close)))
    for row, key in enumerate(keys):
        columns[row] = fused.column(key, series)
    return columns


def blocks(sets: Sequence[Sets], fused: Fused, rows: int) -> Iterator[Sequence[Sets]]:
    """Cut ``sets`` so that the indicator columns of each part fit in memory."""
    most = max(8, _COLUMN_BYTES // (8 * max(1, rows)))
    begin = 0
    keys: set[ColumnKey] = set()
    for position, own in enumerate(sets):
        wanted = keys | set(fused.keys(own[0]))
        if len(wanted) > most and position > begin:
            yield sets[begin:position]
            begin, wanted = position, set(fused.keys(own[0]))
        keys = wanted
    yield sets[begin:]
