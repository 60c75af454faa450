"""The compiled host against the event engine; tests/parity holds the wide comparison."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, LONG, MARK_CLOSE, SHORT, Book, Setup, SignalColumns
from aster_ray.kernel.simulator import Simulator
from aster_ray.model.enums import Denial
from tests.factories import (
    CAPITAL,
    Session,
    a_bar,
    a_market,
    a_setup,
    an_open_setup,
    examples,
    market_of,
    random_signals,
    says,
    simulated,
)

COSTS = {"taker_fee": 0.0006, "maker_fee": 0.0002, "slippage": 0.0005, "recentre_bars": 6}


@given(st.integers(0, 2**31), st.sampled_from([0.003, 0.02]), st.booleans())
@settings(max_examples=examples(15))
def test_it_ends_where_the_engine_ends(seed: int, volatility: float, ladders: bool) -> None:
    market = a_market(150, 2, seed, volatility=volatility, gaps=0.05)
    signals = random_signals(market, 2, seed, ladders=ladders)
    setup = a_setup(2, 2, **COSTS)
    session = Session(setup)
    closes = session.run(market, signals)
    found = simulated(setup, market, signals)
    fills = np.concatenate([closed.fills for closed in closes])
    assert found.fills.tobytes() == fills.tobytes()
    equity = [closed.orders.equity for closed in closes]
    assert found.equity[market.start :].tobytes() == np.array(equity).tobytes()
    assert found.book.denials.tolist() == session.book.denials.tolist()


@given(st.integers(0, 2**31), st.sampled_from([0.001, 0.003, 0.02]))
@settings(max_examples=examples(25))
def test_the_quick_ways_through_quiet_bars_lead_to_the_same_place(
    seed: int, volatility: float
) -> None:
    """One symbol and one sleeve: the run without a trace glides, the one with a trace may not."""
    market = a_market(400, 1, seed, volatility=volatility, gaps=0.01)
    signals = random_signals(market, 1, seed, busy=0.02)
    setup = a_setup(1, 1, **COSTS, hard_drawdown=0.05, soft_drawdown=0.03)
    assert_all_ways_meet(market, setup, signals)


def assert_all_ways_meet(market: Market, setup: Setup, signals: SignalColumns) -> Book:
    """Run with every short way, with a trace, and with a covariance that is not known before."""
    simulator = Simulator(market, setup, CAPITAL)
    quick, moments = simulator.run(signals)
    traced, trace = simulator.trace(signals)
    slow = simulated(setup, market, signals)
    for name in ("account", "positions", "sleeves", "denials"):
        counters = {"intent_count", "fill_count"}
        one, other, third = (getattr(book, name) for book in (quick, traced, slow.book))
        for field in one.dtype.names or (None,):
            if field not in counters:
                left, middle, right = (x[field] if field else x for x in (one, other, third))
                assert left.tobytes() == middle.tobytes(), field
                assert left.tobytes() == right.tobytes(), field
    assert moments.moments.tobytes() == trace.moments.tobytes()
    tradable = slice(market.start, None)
    assert trace.equity[tradable].tobytes() == slow.equity[tradable].tobytes()
    return quick


@pytest.mark.parametrize(
    ("setup", "volatility"),
    [
        (a_setup(**COSTS), 0.003),
        (a_setup(**COSTS, give_back=0.0, holding_ms=0), 0.003),
        (a_setup(**COSTS, soft_drawdown=0.004, hard_drawdown=0.005), 0.01),
        (an_open_setup(leverage=20.0, fixed_fraction=15.0, enabled=0), 0.003),
    ],
    ids=["standard", "no give-back nor holding limit", "a tight halt", "close to liquidation"],
)
@pytest.mark.parametrize("seed", [2, 5])
def test_a_glide_over_wishes_and_still_bars_leads_to_the_same_place(
    setup: Setup, volatility: float, seed: int
) -> None:
    """The signal stands for days, its columns are constant, and some bars do not move at all."""
    market = a_market(400, 1, seed, volatility=volatility, gaps=0.0)
    for t in range(40, 400, 7):
        still = market.bars[t - 1, 0, CLOSE], market.bars[t - 1, 0, MARK_CLOSE]
        market.bars[t, 0, :4], market.bars[t, 0, 4:7], market.bars[t, 0, 7] = *still, 0.0
    said = says(stop_loss=0.15, confidence=0.9)
    wishes = np.repeat(np.random.default_rng(seed).choice([0, LONG, SHORT], 10), 40)
    signals = said._replace(code=wishes[:, None].astype(np.int8))
    book = assert_all_ways_meet(market, setup, signals)
    assert book.account[0]["traded"] > 0.0


def test_a_symbol_without_a_bar_refuses_nothing_while_another_does() -> None:
    market = a_market(300, 2, 1, gaps=0.2)
    setup = a_setup(2, 1, max_daily_opens=0)
    draw = np.random.default_rng(1)
    code = draw.choice([0, LONG, SHORT], (300, 2), p=[0.4, 0.3, 0.3]).astype(np.int8)
    code[np.isnan(market.bars[:, :, CLOSE])] = 0
    book = assert_all_ways_meet(market, setup, says(2)._replace(code=code))
    assert book.denials[Denial.DAILY_OPENS] == book.denials.sum() > 50


def test_moments_are_those_of_the_equity_curve() -> None:
    market = a_market(300, 1, 3, volatility=0.02, gaps=0.0)
    signals = random_signals(market, 1, 3)
    simulator = Simulator(market, a_setup(1, 1, **COSTS), CAPITAL)
    book, trace = simulator.trace(signals)
    equity = np.concatenate([[CAPITAL], trace.equity[market.start :]])
    returns = equity[1:] / equity[:-1] - 1.0
    peak = np.maximum.accumulate(equity)
    assert trace.moments[0] == pytest.approx(returns.sum())
    assert trace.moments[1] == pytest.approx((returns**2).sum())
    assert trace.moments[2] == pytest.approx((1.0 - equity / peak).max())
    outcome = simulator.outcome(book, trace)
    assert outcome.total_return == pytest.approx(equity[-1] / CAPITAL - 1.0)
    assert outcome.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(24 * 365))


def test_rows_before_the_start_move_marks_and_trade_nothing() -> None:
    bars = np.array([[a_bar(float(price))] for price in (100, 101, 102, 103)])
    row = says(code=LONG)
    signals = SignalColumns(np.full((4, 1), LONG, np.int8), *row[1:])
    market = market_of(bars, start=2)
    found = simulated(an_open_setup(enabled=0), market, signals)
    assert found.fills["price"].tolist() == [103.0]  # decided on row 2, filled on row 3
    assert found.book.account[0]["bar"] == 2
    assert np.isnan(found.equity[:2]).all()


def test_the_last_signal_finds_no_bar_to_trade_on() -> None:
    bars = np.array([[a_bar(100.0)], [a_bar(100.0)]])
    signals = SignalColumns(np.array([[0], [LONG]], np.int8), *says()[1:])
    found = simulated(an_open_setup(enabled=0), market_of(bars), signals)
    assert not len(found.fills)
    assert found.book.sleeves[0]["order_lots"] == 10_000
