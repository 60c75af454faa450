from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.synthetic import (
    DRIFT,
    GAP,
    JUMP,
    SHOCK,
    SIGMA,
    high_unit,
    low_unit,
    next_regime,
    next_variance,
    normal,
    simulate_factor,
    simulate_funding,
    simulate_mark,
    simulate_symbol,
    snap,
)

# Mean minutes, drift, volatility multiple, pull: a calm regime and one twice as lively.
REGIMES = np.array([[50.0, 0.0, 1.0, 0.0], [50.0, 0.00001, 2.0, 0.001]])
CHANCES = np.array([[0.0, 1.0], [1.0, 0.0]])
HOURS = np.linspace(0.5, 1.5, 24)
# Start, annual volatility, loading, ticks and lots per unit, turnover a minute.
PROFILE = np.array([100.0, 0.8, 0.6, 100.0, 1000.0, 5_000.0])


def words(count: int) -> np.ndarray:
    drawn: np.ndarray = np.random.PCG64(3).random_raw(count)
    return drawn


def test_normals_have_mean_zero_and_deviation_one() -> None:
    drawn = np.array([normal(word) for word in words(50_000)])
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1.0) < 0.02
    assert drawn.max() < 3.5  # four uniform numbers: tails come from volatility and jumps


def test_units_fill_the_unit_interval() -> None:
    for unit in (high_unit, low_unit):
        drawn = np.array([unit(word) for word in words(20_000)])
        assert drawn.min() >= 0.0
        assert drawn.max() < 1.0
        assert abs(drawn.mean() - 0.5) < 0.01
    assert high_unit(np.uint64(2**64 - 1)) < 1.0  # the top bit is no sign


def test_variance_never_dies_and_never_explodes() -> None:
    for shock in (-3.4, 3.4):
        variance = 1.0
        for _ in range(10_000):
            variance = next_variance(variance, shock, 0.0008, 0.022)
        assert 0.1 < variance < 10.0


def test_prices_are_the_floats_nearest_to_their_decimals() -> None:
    assert snap(60_000.04, 10.0) == 60_000.0
    assert snap(0.0300004, 1_000_000.0) == 0.03
    assert snap(1e-12, 1_000_000.0) == 1e-6  # never zero


def factor_of(minutes: int = 1_500) -> np.ndarray:
    return simulate_factor(words(3 * minutes).reshape(-1, 3), REGIMES, CHANCES, HOURS)


def bars_of(factor: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    bars = np.empty((len(factor), 5))
    simulate_symbol(drawn, factor, PROFILE, bars)
    return bars


def test_a_regime_is_left_once_in_its_mean_stay_and_for_where_its_chances_lead() -> None:
    regimes = np.array([[4.0, 0, 1, 0], [2.0, 0, 1, 0], [2.0, 0, 1, 0]])
    chances = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.25, 0.0]])
    assert next_regime(0, 0.25, regimes, chances) == 0  # one draw in four leaves
    assert next_regime(0, 0.06, regimes, chances) == 1
    assert next_regime(0, 0.07, regimes, chances) == 2
    assert next_regime(1, 0.49, regimes, chances) == 0
    assert next_regime(2, 0.49, regimes, chances) == 2  # chances that leave a rest keep it


def test_the_factor_gaps_on_the_hour_only_and_jumps_by_one_and_a_half_to_four_percent() -> None:
    rare = words(3 * 180).reshape(-1, 3)
    rare[:, 0] &= ~np.uint64(0xFFFFFFFF)  # every hour's draw is the rarest
    rare[90, 2] &= ~np.uint64(0xFFFFFFFF)
    factor = simulate_factor(rare, REGIMES, CHANCES, HOURS)
    assert np.flatnonzero(factor[:, GAP]).tolist() == [0, 60, 120]
    assert np.flatnonzero(factor[:, JUMP]).tolist() == [90]
    assert np.sign(factor[90, JUMP]) == (1 if factor[90, SHOCK] > 0.05 else -1)
    moves = np.abs(np.concatenate([factor[[0, 60, 120], GAP], factor[[90], JUMP]]))
    np.testing.assert_array_equal(moves, 0.015)


def test_volatility_follows_the_hour_and_the_regime() -> None:
    still = np.full((1, 3), np.uint64(2**63))
    first = simulate_factor(still, REGIMES, CHANCES, HOURS)
    lively = simulate_factor(still, REGIMES[::-1].copy(), CHANCES, HOURS)
    assert lively[0, SIGMA] == 2.0 * first[0, SIGMA]
    assert lively[0, DRIFT] == REGIMES[1, 1]
    later = simulate_factor(still, REGIMES, CHANCES, HOURS[::-1].copy())
    assert later[0, SIGMA] == pytest.approx(3.0 * first[0, SIGMA])


def test_a_symbols_bars_hold_together_and_lie_on_its_grid() -> None:
    factor = factor_of()
    bars = bars_of(factor, words(4 * len(factor)).reshape(-1, 4))
    opened, high, low, close, volume = bars.T
    assert (high >= np.maximum(opened, close)).all()
    assert (low <= np.minimum(opened, close)).all()
    assert (low > 0.0).all()
    np.testing.assert_array_equal(bars[:, :4], np.round(bars[:, :4], 2))
    np.testing.assert_array_equal(volume, np.round(volume, 3))
    assert (volume > 0.0).all()
    assert np.std(np.log(close[1:] / close[:-1])) == pytest.approx(
        0.8 * np.mean(factor[:, SIGMA]) / np.sqrt(525_600), rel=0.3
    )


@pytest.mark.parametrize("odd", [0, 1])
def test_a_symbol_jumps_alone_on_the_side_its_bit_says(odd: int) -> None:
    drawn = np.full((2, 4), np.uint64(2**63))
    drawn[1, 3] = np.uint64(0)
    drawn[1, 0] |= np.uint64(odd)
    moved = bars_of(np.array([[0.0, 1e-9, 0.0, 0.0, 0.0]] * 2), drawn)
    side = -1.0 if odd else 1.0
    assert moved[1, 3] / moved[0, 3] - 1.0 == pytest.approx(side * 0.8 * 0.015, abs=1e-4)


def test_no_minute_moves_a_price_by_more_than_a_fifth() -> None:
    crash = np.array([[0.0, 1.0, 0.0, -5.0, -5.0]] * 2)
    bars = bars_of(crash, np.full((2, 4), np.uint64(2**63)))
    assert bars[0, 0] == 80.0
    assert bars[0, 3] == 64.0


def test_the_mark_follows_the_close_without_its_spikes() -> None:
    factor = factor_of(300)
    bars = bars_of(factor, words(4 * 300).reshape(-1, 4))
    bars[100, :4] *= 1.1
    mark = np.empty_like(bars)
    simulate_mark(bars, 100.0, mark)
    assert mark[0, 0] == bars[0, 0]
    np.testing.assert_array_equal(mark[1:, 0], mark[:-1, 3])
    np.testing.assert_array_equal(mark[:, 1], mark[:, [0, 3]].max(axis=1))
    np.testing.assert_array_equal(mark[:, 2], mark[:, [0, 3]].min(axis=1))
    assert 1.03 < mark[100, 3] / mark[99, 3] < 1.06  # of the ten percent
    assert not mark[:, 4].any()


def test_funding_reverts_leans_with_the_trend_and_is_capped() -> None:
    # Four equal 16-bit numbers in the middle: a shock of almost nothing.
    still = np.full(480 * 10, 0x8000_8000_8000_7FFF, np.uint64)
    flat = simulate_funding(still, np.full(480 * 10, 100.0), 480)
    assert len(flat) == 10
    assert flat[-1] == pytest.approx(0.0001, abs=2e-6)
    rising = simulate_funding(still, np.repeat(100.0 * 1.02 ** np.arange(10), 480), 480)
    assert rising[0] == flat[0]
    assert (rising[1:] > flat[1:]).all()
    for growth, cap in ((3.0, 0.003), (0.3, -0.003)):
        wild = simulate_funding(still, np.repeat(100.0 * growth ** np.arange(10), 480), 480)
        assert wild[-1] == cap
