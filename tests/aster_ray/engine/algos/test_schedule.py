from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.engine.algos.config import Algorithm, ExecutionConfig
from aster_ray.engine.algos.norms import BINS, Norms, learn_norms, market_norms
from aster_ray.engine.algos.params import Params, params_from, params_of, params_record
from aster_ray.engine.algos.schedule import due_at, due_table
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from tests.aster_ray.engine.algos.venue import a_parent, at
from tests.factories import START_MS, an_instrument

QUARTER = 15 * MINUTE_MS


def some_bars(days: int, timeframe_ms: int = MINUTE_MS, seed: int = 1) -> np.ndarray:
    """Return bars before START_MS that trade three times as much from 08:00 to 16:00 UTC."""
    rows = days * DAY_MS // timeframe_ms
    opened = START_MS - timeframe_ms * (rows - np.arange(rows))
    busy = (opened % DAY_MS // HOUR_MS >= 8) & (opened % DAY_MS // HOUR_MS < 16)
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.001 * rng.standard_normal(rows)))
    return np.column_stack([opened, close, np.where(busy, 3.0, 1.0)])


def a_market() -> Market:
    """Return forty days of hours of two symbols."""
    rows = 40 * 24
    rng = np.random.default_rng(2)
    bars = np.zeros((rows, 2, 8))
    bars[:, :, CLOSE] = 100.0 * np.exp(np.cumsum(0.002 * rng.standard_normal((rows, 2)), axis=0))
    return Market(
        symbols=("BTCUSDT", "ETHUSDT"),
        timeframe_ms=HOUR_MS,
        open_ms=START_MS + HOUR_MS * np.arange(rows),
        bars=bars,
        volume=rng.random((rows, 2)) * np.array([5.0, 80.0]),
        funding_rate=np.zeros((rows, 2)),
        start=1,
    )


def the_params(algorithm: Algorithm, norms: Norms | None = None, **config: Any) -> Params:
    parent = a_parent(1_000_000, decided_ms=at(7 * 3_600), deadline_ms=at(11 * 3_600))
    found = ExecutionConfig(algorithm=str(algorithm), slice_ms=600_000, **config)
    return params_of(found, parent, an_instrument(), norms or Norms())


def test_norms_are_those_of_the_recording() -> None:
    found = learn_norms(some_bars(10), MINUTE_MS, START_MS, 0.001)
    assert found.days == 10
    assert found.daily_lots == pytest.approx((8 * 3 + 16) * 60 / 0.001)
    assert found.daily_volatility == pytest.approx(0.001 * math.sqrt(1_440), rel=0.05)
    busy, quiet = found.curve[8 * 4], found.curve[0]
    # Ten days of three to one, and two flat ones.
    assert busy / quiet == pytest.approx((10 * 0.018750 + 2 / BINS) / (10 * 0.006250 + 2 / BINS))
    assert math.fsum(found.curve) == pytest.approx(1.0)
    assert found.share(START_MS, START_MS + DAY_MS) == pytest.approx(1.0)
    assert found.share(at(8 * 3_600), at(9 * 3_600)) == pytest.approx(4 * busy)
    assert found.share(at(8 * 3_600), at(8 * 3_600 + 450)) == pytest.approx(busy / 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3 * DAY_MS // MINUTE_MS), st.floats(0.0, 1e6), st.floats(1.0, 1e6))
def test_bars_that_had_not_closed_change_nothing(cut: int, volume: float, price: float) -> None:
    bars = some_bars(9)
    until = START_MS - cut * MINUTE_MS
    known = learn_norms(bars, MINUTE_MS, until, 0.001)
    poisoned = bars.copy()
    poisoned[bars[:, 0] + MINUTE_MS > until, 1:] = price, volume
    assert learn_norms(poisoned, MINUTE_MS, until, 0.001) == known
    shorter = bars[bars[:, 0] + MINUTE_MS <= until]
    assert learn_norms(shorter, MINUTE_MS, until, 0.001) == known


def test_a_bar_that_had_closed_does_change_them() -> None:
    """Or the test above could not fail."""
    bars = some_bars(9)
    before = learn_norms(bars, MINUTE_MS, START_MS, 0.001)
    bars[-1, 2] = 500.0
    assert learn_norms(bars, MINUTE_MS, START_MS, 0.001).curve != before.curve


def test_with_few_days_or_days_with_holes_the_curve_is_flat() -> None:
    flat = Norms().curve
    few = learn_norms(some_bars(4), MINUTE_MS, START_MS, 0.001)
    assert (few.curve, few.days) == (flat, 4)
    assert few.daily_lots > 0.0
    bars = some_bars(8)
    holed = bars[bars[:, 0] % DAY_MS > 6 * HOUR_MS]  # a quarter of every day is missing
    assert learn_norms(holed, MINUTE_MS, START_MS, 0.001) == Norms()
    assert learn_norms(bars[:0], MINUTE_MS, START_MS, 0.001) == Norms()
    still = bars.copy()
    still[:, 2] = 0.0
    assert learn_norms(still, MINUTE_MS, START_MS, 0.001) == Norms()


@pytest.mark.parametrize("timeframe_ms", [5 * MINUTE_MS, QUARTER, HOUR_MS, 4 * HOUR_MS])
def test_longer_bars_fill_all_of_their_quarters(timeframe_ms: int) -> None:
    fine = learn_norms(some_bars(10), MINUTE_MS, START_MS, 0.001)
    coarse = learn_norms(some_bars(10, timeframe_ms), timeframe_ms, START_MS, 0.001)
    assert coarse.curve == pytest.approx(fine.curve)


def test_vwap_trades_as_the_day_does_and_evenly_where_it_is_not_known() -> None:
    norms = learn_norms(some_bars(30), MINUTE_MS, START_MS, 0.001)
    found = the_params(Algorithm.VWAP, norms, window=0.5)
    # Two hours from 07:00: the second one is busy.
    assert len(found.weights) == 12
    assert found.weights[11] / found.weights[0] == pytest.approx(norms.curve[33] / norms.curve[28])
    assert sum(found.weights[6:]) > 2.5 * sum(found.weights[:6])
    assert the_params(Algorithm.VWAP, window=0.5).weights == pytest.approx([1 / 12] * 12)


def test_adaptive_follows_almgren_chriss_where_impact_is_known_and_risk_matters() -> None:
    norms = Norms(daily_lots=1e6, daily_volatility=0.05)
    even = the_params(Algorithm.ADAPTIVE, norms)
    assert even.weights == pytest.approx([1 / 12] * 12)
    assert the_params(Algorithm.ADAPTIVE, risk_aversion=1e-2).weights == even.weights
    averse = the_params(Algorithm.ADAPTIVE, norms, risk_aversion=1e-2)
    assert all(a > b for a, b in pairwise(averse.weights))
    # kappa^2 = lambda sigma^2 / eta, with sigma = 0.05 x 0.1 and eta about 2e-5 / 1e4
    kappa = math.sqrt(1e-2 * 0.005**2 / 2e-9)
    decay = kappa * (10 * MINUTE_MS / DAY_MS)
    first, second = averse.weights[:2]
    total = 12 * decay
    wanted = (math.sinh(total) - math.sinh(total - decay)) / (
        math.sinh(total - decay) - math.sinh(total - 2 * decay)
    )
    assert first / second == pytest.approx(wanted, rel=1e-3)


def test_where_trading_is_dearer_it_is_spread_out_more() -> None:
    norms = Norms(daily_lots=1e6, daily_volatility=0.05)
    usual, dearer = (
        the_params(Algorithm.ADAPTIVE, norms, risk_aversion=1e-2, temporary_impact=share)
        for share in (0.01, 0.001)
    )
    assert dearer.weights[0] < usual.weights[0]


def test_norms_of_a_market_are_those_of_its_symbols() -> None:
    market = a_market()
    symbols = [an_instrument(base) for base in ("BTC", "ETH")]
    found = market_norms(market, symbols, int(market.open_ms[-1]))
    assert list(found) == ["BTCUSDT", "ETHUSDT"]
    for n, rules in enumerate(symbols):
        bars = np.column_stack([market.open_ms, market.bars[:, n, CLOSE], market.volume[:, n]])
        wanted = learn_norms(bars, market.timeframe_ms, int(market.open_ms[-1]), float(rules.lot))
        assert found[rules.symbol] == wanted
        assert wanted.days > 0


def test_pieces_that_rest_first_begin_early_enough_to_be_taken_in_time() -> None:
    found = the_params(Algorithm.TWAP, maker_first=True, rest_ms=60_000, window=0.5)
    assert found.window_ms == 2 * HOUR_MS
    assert found.schedule_ms == 2 * HOUR_MS - 60_000
    rests = the_params(Algorithm.MAKER_FIRST, rest_ms=60_000)
    assert (rests.window_ms, rests.schedule_ms, rests.maker_first) == (60_000, 0, True)
    assert the_params(Algorithm.MARKET).window_ms == 1


def test_parameters_survive_the_journal() -> None:
    for algorithm in Algorithm:
        found = the_params(algorithm, maker_first=True)
        assert params_from(params_record(found)) == found


@given(
    st.integers(1, 10**9),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50).filter(lambda w: sum(w) > 1e-6),
)
def test_a_table_loses_no_lot_and_never_falls(total: int, shares: list[float]) -> None:
    table = due_table(total, shares)
    assert table[-1] == total
    assert all(0 <= a <= b for a, b in pairwise(table))
    for share, due in zip(np.cumsum(shares) / sum(shares), table, strict=True):
        assert abs(due - share * total) <= 0.5 + 1e-6 * total


def test_slices_are_due_from_their_beginning() -> None:
    table = (10, 20, 30)
    moments = {-1: 0, 0: 10, 999: 10, 1_000: 20, 1_999: 20, 2_000: 30, 9_999: 30}
    assert {ms: due_at(table, 3_000, ms) for ms in moments} == moments
    assert due_at((7,), 0, 0) == 7
