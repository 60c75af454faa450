"""vectorbt as fast as we can make it: Rust engine, one process per core, blocks that fit a cache.

It has no threads of its own, so blocks of columns go to processes that are started and warm before
any clock runs; one process is what somebody gets who calls it. Indicators are the same functions as
ours, each distinct column computed once a sweep, like the conditions that sets share; signals are
written by our own compiled rule.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.sharedctypes import RawArray
from typing import Any, NamedTuple

import numpy as np
import vectorbt as vbt

from aster_ray.kernel.records import (
    CLOSE,
    EXIT_LONG,
    EXIT_SHORT,
    HIGH,
    LONG,
    LOW,
    OPEN,
    SHORT,
)
from aster_ray.research.fused import worked_out
from aster_ray.strategies import registry
from aster_ray.strategies.contract import Panel, Params
from aster_ray.strategies.series import series_of
from tests.bench.studies import Study

# Columns a call: fewer spend their time in Python, more fall out of the cache (4 to 24 tried).
BLOCK = 8
ENGINE = "rust"


class Terms(NamedTuple):
    """How one side is told to trade: fractions, quote currency, base asset."""

    open: np.ndarray  # f8[T], of the bars that may trade
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    timeframe_ms: int
    fees: float
    slippage: float
    capital: float
    size: float  # base asset


class Measures(NamedTuple):
    """What vectorbt says of each column."""

    total_return: np.ndarray
    sharpe: np.ndarray
    max_drawdown: np.ndarray
    trades: np.ndarray


class _Job(NamedTuple):
    """A block of parameter sets: where their columns are, and their numbers."""

    index: list[np.ndarray]
    stop_loss: np.ndarray
    take_profit: np.ndarray


def terms_of(study: Study, size: float) -> Terms:
    """Return a study's market and costs as vectorbt takes them."""
    rows = study.market.bars[study.market.start :, 0]
    rules = study.prepared.setup.rules[0]
    return Terms(
        *(np.ascontiguousarray(rows[:, column]) for column in (OPEN, HIGH, LOW, CLOSE)),
        study.market.timeframe_ms,
        float(rules["taker_fee"]),
        float(rules["half_spread"] + rules["slippage"]),
        study.prepared.capital,
        size,
    )


def portfolio(
    terms: Terms, codes: list[np.ndarray], stop_loss: np.ndarray, take_profit: np.ndarray
) -> Any:
    """Simulate one column per code i1[T]: decided at a close, executed at the next open."""
    shape = (len(terms.close), len(codes))
    signals = [np.zeros(shape, np.bool_) for _ in range(4)]
    for column, code in enumerate(codes):
        for said, bit in zip(signals, (LONG, EXIT_LONG, SHORT, EXIT_SHORT), strict=True):
            said[1:, column] = code[:-1] & bit != 0
    return vbt.Portfolio.from_signals(
        terms.close[:, None],
        *signals,
        size=terms.size,
        price=terms.open[:, None],
        open=terms.open[:, None],
        high=terms.high[:, None],
        low=terms.low[:, None],
        fees=terms.fees,
        slippage=terms.slippage,
        sl_stop=stop_loss[None, :],
        tp_stop=take_profit[None, :],
        use_stops=not bool(np.isnan(stop_loss).all() and np.isnan(take_profit).all()),
        init_cash=terms.capital,
        freq=f"{terms.timeframe_ms}ms",
        engine=ENGINE,
    )


def measures(run: Any) -> Measures:
    """Return the figures both sides compute."""
    fall = -run.max_drawdown()  # it counts a fall as negative
    found = (run.total_return(), run.sharpe_ratio(), fall, run.trades.count())
    return Measures(*(np.atleast_1d(np.asarray(values)) for values in found))


def stops_of(strategy: str, params: list[Params]) -> tuple[np.ndarray, np.ndarray]:
    """Return stop loss and take profit of each set, NaN for none."""
    constants = [registry.load(strategy).fused.constants(own) for own in params]
    return np.array([c[1] for c in constants]), np.array([c[2] for c in constants])


_worker: dict[str, Any] = {}


def _prepare_worker(strategy: str, terms: Terms, shared: Any, rows: int, start: int) -> None:
    columns = np.frombuffer(shared, np.int8).reshape(-1, rows)
    rule = registry.load(strategy).fused.rule
    _worker.update(terms=terms, columns=columns, rule=rule, start=start)


def _run_job(job: _Job) -> tuple[Measures, float]:
    """Return the measures of a block and the processor time it took."""
    begin = time.process_time()
    columns, start = _worker["columns"], _worker["start"]
    codes = []
    for index in job.index:
        code = np.zeros(columns.shape[1], np.int8)
        _worker["rule"](columns, index, code)
        codes.append(code[start:])
    found = measures(portfolio(_worker["terms"], codes, job.stop_loss, job.take_profit))
    return found, time.process_time() - begin


class Peer:
    """A vectorbt sweep that can be run again and again, in so many processes."""

    def __init__(self, study: Study, size: float, processes: int) -> None:
        strategy = registry.load(study.strategy)
        self._fused = strategy.fused
        self._series, _ = series_of(Panel.of(study.market), 0)
        self._wanted = list(
            dict.fromkeys(c for own in study.params for c in self._fused.conditions(own))
        )
        rows = len(study.market)
        shared = RawArray("b", len(self._wanted) * rows)
        self._columns = np.frombuffer(shared, np.int8).reshape(-1, rows)
        self._jobs = [
            self._job(study.strategy, study.params[begin : begin + BLOCK])
            for begin in range(0, len(study.params), BLOCK)
        ]
        # Started afresh: a fork would inherit the threads of our own sweep.
        self._pool = ProcessPoolExecutor(
            processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare_worker,
            initargs=(study.strategy, terms_of(study, size), shared, rows, study.market.start),
        )

    def _job(self, strategy: str, params: list[Params]) -> _Job:
        place = {condition: index for index, condition in enumerate(self._wanted)}
        return _Job(
            [np.array([place[c] for c in self._fused.conditions(own)]) for own in params],
            *stops_of(strategy, params),
        )

    def run(self) -> tuple[list[Measures], float]:
        """Run the whole sweep; return its measures and the processor time of the workers."""
        self._columns[:] = worked_out(self._fused, self._wanted, self._series)
        done = list(self._pool.map(_run_job, self._jobs))
        return [found for found, _ in done], sum(cpu for _, cpu in done)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown()
