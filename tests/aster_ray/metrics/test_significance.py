from __future__ import annotations

import math

import numpy as np
import pytest

from aster_ray.metrics import performance, significance
from tests.aster_ray.metrics.accounts import DAY, HOUR


def some_returns(count: int = 600, drift: float = 1e-4) -> np.ndarray:
    return np.random.default_rng(5).normal(drift, 0.01, count)


def test_same_seed_same_bits_and_another_seed_another_interval() -> None:
    first = significance.confidence(some_returns(), HOUR, seed=7)
    assert first == significance.confidence(some_returns(), HOUR, seed=7)
    assert first != significance.confidence(some_returns(), HOUR, seed=8)


def test_prefix_sums_give_what_gathering_the_blocks_gives() -> None:
    series = np.array([some_returns(200), np.random.default_rng(6).normal(0.0, 0.02, 200)])
    random = np.random.default_rng(3)
    picked = []
    for _ in range(0, significance.RESAMPLES, significance._CHUNK):
        begin, end = significance._blocks(200, 24, significance._CHUNK, random)
        assert np.all(np.sum(end - begin, axis=1) == 200)
        picked += [
            np.concatenate([np.arange(a, b) % 200 for a, b in zip(*row, strict=True)])
            for row in zip(begin, end, strict=True)
        ]
    found = significance.resample(series, HOUR, seed=3)
    for place, change in enumerate(series):
        sharpes = [performance.sharpe(change[order], 8_760) for order in picked]
        totals = [np.prod(1 + change[order]) - 1 for order in picked]
        assert found.sharpe[place] == pytest.approx(sharpes, rel=1e-9)
        assert found.total_return[place] == pytest.approx(totals, rel=1e-9)


def test_blocks_have_the_expected_length_and_begin_anywhere() -> None:
    begin, end = significance._blocks(5_000, 25, 200, np.random.default_rng(1))
    lengths = (end - begin)[:, :100]  # the first ones: none was cut short by the end
    assert float(np.mean(lengths)) == pytest.approx(25.0, rel=0.03)
    assert float(np.mean(lengths == 1)) == pytest.approx(1 / 25, rel=0.1)  # geometric
    assert float(np.mean(begin)) == pytest.approx(2_500, rel=0.02)


def test_what_moves_two_series_at_once_is_no_difference_between_them() -> None:
    market = some_returns(2_000)
    mine = market + np.random.default_rng(9).normal(0.0, 0.001, 2_000)
    _, _, gap = significance.compared(mine, market, DAY, seed=2)
    alone = significance.confidence(mine, DAY, seed=2).sharpe
    assert gap is not None
    assert alone is not None
    assert gap.low < 0.0 < gap.high
    assert gap.high - gap.low < 0.2 * (alone.high - alone.low)


def test_a_better_series_is_seen_to_be_better_and_a_ruined_one_compares_to_nothing() -> None:
    market = some_returns(2_000)
    mine, other, gap = significance.compared(market + 0.002, market, DAY, seed=2)
    assert gap is not None
    assert gap.low > 0.0
    assert mine == significance.confidence(market + 0.002, DAY, seed=2)
    assert other == significance.confidence(market, DAY, seed=2)
    ruined = significance.compared(np.empty(0), market, DAY, seed=2)
    assert (ruined[0].sharpe, ruined[1], ruined[2]) == (None, other, None)


def test_interval_of_independent_returns_has_the_textbook_width() -> None:
    # Standard error of a daily Sharpe near zero is 1 / sqrt(n), annualised by sqrt(365).
    found = significance.confidence(some_returns(2_000, 0.0), DAY, seed=1).sharpe
    assert found is not None
    textbook = 2 * 1.96 * math.sqrt(365 / 2_000)
    assert found.high - found.low == pytest.approx(textbook, rel=0.15)


def test_interval_holds_the_estimate() -> None:
    change = some_returns()
    found = significance.confidence(change, HOUR, seed=0)
    estimate = performance.sharpe(change, performance.bars_per_year(HOUR))
    assert found.sharpe is not None
    assert estimate is not None
    assert found.sharpe.low < estimate < found.sharpe.high


@pytest.mark.parametrize("change", [np.empty(0), np.full(5, 0.01), np.zeros(500)])
def test_too_little_evidence_gives_no_interval(change: np.ndarray) -> None:
    found = significance.confidence(change, HOUR, seed=0)
    assert found.sharpe is found.total_return is None


def test_block_is_a_day_of_bars_or_the_cube_root_of_the_count() -> None:
    assert significance.block_length(10_000, HOUR) == 24
    assert significance.block_length(1_000_000, HOUR) == 100
    assert significance.block_length(10, 60_000) == 5
    assert significance.block_length(0, HOUR) == 1


def test_a_few_trades_in_a_flat_account_give_a_finite_interval() -> None:
    change = np.zeros(2_000)
    change[1_000] = 0.05
    found = significance.confidence(change, HOUR, seed=0)
    assert found.sharpe is None or all(abs(value) < 1e3 for value in found.sharpe)
