"""Many runs over one market: fresh accounts, outcomes that agree with the whole trace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from aster_ray.kernel import simulator as module
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup, SignalColumns
from aster_ray.kernel.simulate import STRETCH_BYTES
from aster_ray.kernel.simulator import Simulator
from aster_ray.metrics import performance
from tests.factories import CAPITAL, a_market, a_setup, random_signals, says, simulated

COSTS = {"maker_fee": 0.0002, "taker_fee": 0.0006, "slippage": 0.0005}


def a_simulator(symbols: int = 1, strategies: int = 1, rows: int = 600) -> Simulator:
    setup = a_setup(symbols, strategies, **COSTS)
    return Simulator(a_market(rows, symbols, seed=5), setup, CAPITAL)


@pytest.mark.parametrize(("symbols", "ladders"), [(1, False), (2, False), (1, True), (2, True)])
def test_a_run_keeps_the_same_book_as_a_traced_one(symbols: int, ladders: bool) -> None:
    simulator = a_simulator(symbols, 2)
    signals = random_signals(simulator.market, 2, seed=8, ladders=ladders)
    short, moments = simulator.run(signals)
    book, trace = simulator.trace(signals)
    for name in ("account", "positions", "sleeves", "levels"):
        one, other = getattr(short, name), getattr(book, name)
        for field in one.dtype.names:
            if field not in ("fill_count", "intent_count"):  # of the last close only
                assert np.array_equal(one[field], other[field], equal_nan=one[field].dtype == "f8")
    assert np.array_equal(short.denials, book.denials)
    assert np.array_equal(moments.moments, trace.moments)
    assert simulator.outcome(short, moments) == simulator.outcome(book, trace)


def test_a_single_sleeve_glides_to_the_same_outcome() -> None:
    simulator = a_simulator(1, 1, rows=2_000)
    signals = random_signals(simulator.market, 1, seed=2, busy=0.02)
    outcome = simulator.outcome(*simulator.run(signals))
    assert outcome.round_trips > 10
    assert outcome == simulator.outcome(*simulator.trace(signals))


@pytest.mark.compiled
@pytest.mark.parametrize("symbols", [1, 2])
@pytest.mark.parametrize("kept", [True, False])
def test_a_block_of_accounts_ends_where_each_would_alone(
    symbols: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr(module, "_MAX_PATH", 0)
    rows = 6_000  # more than one stretch of bars
    assert rows * symbols * 64 > STRETCH_BYTES
    market = a_market(rows, symbols, seed=3, volatility=0.004, gaps=0.01)
    setup = a_setup(symbols, 1, **COSTS, hard_drawdown=0.03, soft_drawdown=0.5)
    simulator = Simulator(market, setup, CAPITAL)
    columns = [
        random_signals(market, 1, seed, busy=busy)
        for seed, busy in enumerate((0.003, 0.01, 0.03, 0.1, 0.9))
    ]
    each = [simulator.outcome(*simulator.run(signals)) for signals in columns]
    block = SignalColumns(*(np.stack(parts) for parts in zip(*columns, strict=True)))
    assert simulator.run_block(block) == each
    assert len({outcome.total_return for outcome in each}) == len(each)
    assert any(outcome.halted_ms for outcome in each)
    assert any(outcome.denials > 20 for outcome in each)
    assert simulator.run_block(SignalColumns(*(part[:1] for part in block))) == each[:1]


@pytest.mark.parametrize("symbols", [1, 2])
def test_a_short_block_ends_where_each_account_would_alone(symbols: int) -> None:
    simulator = a_simulator(symbols, rows=150)
    columns = [random_signals(simulator.market, 1, seed, busy=0.1) for seed in range(3)]
    each = [simulator.outcome(*simulator.run(signals)) for signals in columns]
    block = SignalColumns(*(np.stack(parts) for parts in zip(*columns, strict=True)))
    assert simulator.run_block(block) == each == simulator.run_block(block)
    assert len({outcome.total_return for outcome in each}) == 3


def test_accounts_share_nothing() -> None:
    simulator = a_simulator()
    busy, silent = random_signals(simulator.market, 1, seed=1), says()
    silent = silent._replace(code=np.zeros((len(simulator.market), 1), np.int8))
    first = simulator.outcome(*simulator.run(busy))
    untouched = simulator.outcome(*simulator.run(silent))
    assert untouched.round_trips == 0
    assert (untouched.total_return, untouched.fees, untouched.sharpe) == (0.0, 0.0, None)
    assert (untouched.win_rate, untouched.profit_factor, untouched.halted_ms) == (None, None, None)
    assert simulator.outcome(*simulator.run(busy)) == first


@pytest.mark.compiled
def test_threads_give_what_one_run_after_another_gives() -> None:
    simulator = a_simulator(2)
    columns = [random_signals(simulator.market, 1, seed=seed) for seed in range(12)]
    expected = [simulator.outcome(*simulator.run(signals)) for signals in columns]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda s: simulator.outcome(*simulator.run(s)), columns))
    assert found == expected


def test_the_outcome_is_what_the_trace_says() -> None:
    simulator = a_simulator(2)
    book, trace = simulator.trace(random_signals(simulator.market, 1, seed=4))
    outcome = simulator.outcome(book, trace)
    start, timeframe_ms = simulator.market.start, simulator.market.timeframe_ms
    equity = np.concatenate([[CAPITAL], trace.equity[start:]])
    assert outcome.total_return == equity[-1] / CAPITAL - 1.0
    assert outcome.max_drawdown == performance.max_drawdown(equity)
    per_year = performance.bars_per_year(timeframe_ms)
    assert outcome.sharpe == pytest.approx(
        performance.sharpe(performance.returns(equity), per_year), rel=1e-9
    )
    assert outcome.slippage == pytest.approx(trace.fills["slippage"].sum(), rel=1e-12)
    bars = len(simulator.market) - start
    assert outcome.exposure == book.sleeves["exposed_bars"].sum() / (2 * bars)
    wins, trips = book.sleeves["wins"].sum(), book.sleeves["trips"].sum()
    assert outcome.win_rate == wins / trips
    assert outcome.profit_factor == book.sleeves["gain"].sum() / book.sleeves["loss"].sum()


@pytest.mark.compiled
def test_a_trace_holds_every_fill_of_a_busy_run() -> None:
    simulator = a_simulator(2, 2, rows=6_000)
    signals = random_signals(simulator.market, 2, seed=6, busy=0.9)
    free = simulator._setup._replace(limits=simulator._setup.limits.copy())
    free.limits["enabled"] = 0
    busy = Simulator(simulator.market, free, CAPITAL)
    _, trace = busy.trace(signals)
    assert len(trace.fills) > 4096  # more than the first buffer takes
    assert len(trace.fills) == trace.fill_count[0]
    expected = simulated(free, simulator.market, signals)
    assert np.array_equal(np.asarray(trace.fills)["price"], np.asarray(expected.fills)["price"])


def test_a_covariance_path_too_large_to_keep_is_computed_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market: Market = a_market(400, 2, seed=9)
    setup: Setup = a_setup(2, sizing=2, **COSTS)
    signals = random_signals(market, 1, seed=9)
    kept = Simulator(market, setup, CAPITAL)
    monkeypatch.setattr(module, "_MAX_PATH", 0)
    computed = Simulator(market, setup, CAPITAL)
    assert len(computed._timeline.covariance) == 0
    assert computed.outcome(*computed.run(signals)) == kept.outcome(*kept.run(signals))


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_tradable_bars_have_no_sharpe_ratio(rows: int) -> None:
    market = a_market(20 + rows, 1, start=20)
    simulator = Simulator(market, a_setup(), CAPITAL)
    signals = random_signals(market, 1, seed=1)
    outcome = simulator.outcome(*simulator.run(signals))
    assert outcome.sharpe is None
    assert outcome.exposure == 0.0
