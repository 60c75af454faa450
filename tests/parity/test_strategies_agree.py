"""Every strategy, on the built-in and on recorded markets: the same orders in every host."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aster_ray import settings
from aster_ray.engine.strategy_desk import PreparedSignals, StrategyDesk
from aster_ray.kernel.records import SignalColumns
from aster_ray.kernel.simulator import Simulator
from aster_ray.research.backtest import run_prepared
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import build_request
from aster_ray.strategies import registry
from aster_ray.venues.replay import ReplayFeed

ALL = (*registry.names(), "all")


def _prepared(name: str, **data: object) -> Prepared:
    base = settings.Settings()
    section = dataclasses.replace(base.data, **data)
    effective = dataclasses.replace(base, data=section)
    return prepare(build_request(effective, registry.names() if name == "all" else (name,)))


def _built_in(name: str) -> Prepared:
    return _prepared(name, start="2025-02-01", end="2025-03-15")


def _assert_same_run(prepared: Prepared) -> int:
    """Compare the compiled host with the engine, bit for bit; return the number of fills."""
    engine = run_prepared(prepared)
    columns = PreparedSignals(prepared.strategies, prepared.market).columns
    book, trace = Simulator(prepared.market, prepared.setup, prepared.capital).trace(columns)
    start = prepared.market.start
    np.testing.assert_array_equal(trace.equity[start:], engine.equity)
    np.testing.assert_array_equal(trace.gross[start:], engine.facts.gross)
    fills = np.asarray(trace.fills)
    assert len(fills) == len(engine.fills)
    for name in fills.dtype.names or ():
        np.testing.assert_array_equal(fills[name], engine.fills[name], err_msg=name)
    assert int(book.denials.sum()) == sum(engine.denials.values())
    return len(fills)


@pytest.mark.parametrize("name", ALL)
def test_sweep_and_engine_agree_on_the_built_in_market(name: str) -> None:
    assert _assert_same_run(_built_in(name)) > 20


@pytest.mark.parametrize("name", ALL)
def test_sweep_and_engine_agree_on_recorded_bars(name: str, recorded_data: Path) -> None:
    period = {"start": "2024-01-01", "end": "2024-06-30"}
    prepared = _prepared(name, path=str(recorded_data), symbols=("BTC", "ETH", "SOL"), **period)
    assert _assert_same_run(prepared) > 20


@pytest.mark.parametrize("name", ALL)
def test_signals_bar_by_bar_equal_signals_all_at_once(name: str) -> None:
    prepared = _built_in(name)
    feed = ReplayFeed(prepared.market)
    desk = StrategyDesk(prepared.strategies, feed.history)
    at_once = PreparedSignals(prepared.strategies, prepared.market)
    for seq in range(min(160, len(feed))):
        batch = feed.batch(seq)
        _, step, row = desk.on_bars(batch)
        _, whole, t = at_once.on_bars(batch)
        assert row == 0
        _assert_same_row(step, whole, t)


def _assert_same_row(step: SignalColumns, whole: SignalColumns, t: int) -> None:
    for name, one, many in zip(SignalColumns._fields, step, whole, strict=True):
        expected = many[t] if len(many) > 1 else many[0]
        np.testing.assert_array_equal(one[0], expected, err_msg=f"{name} at row {t}")


@pytest.mark.parametrize("name", registry.names())
def test_a_sweep_counts_the_round_trips_the_report_pairs(name: str) -> None:
    prepared = _built_in(name)
    report = run_prepared(prepared).report["round_trips"]["all"]
    columns = PreparedSignals(prepared.strategies, prepared.market).columns
    simulator = Simulator(prepared.market, prepared.setup, prepared.capital)
    outcome = simulator.outcome(*simulator.run(columns))
    assert outcome.round_trips == report["round_trips"] > 10
    # A ladder level's result leaves out the funding that the report shares among levels.
    slack = 0.05 if name == "grid" else 1e-9
    assert outcome.win_rate == pytest.approx(report["win_rate"], abs=slack)
    assert outcome.profit_factor == pytest.approx(report["profit_factor"], abs=slack)
