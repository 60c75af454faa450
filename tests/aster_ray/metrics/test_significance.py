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
    change = some_returns(200)
    random = np.random.default_rng(3)
    sharpes, totals = [], []
    for _ in range(significance.RESAMPLES):
        lengths = significance._lengths(200, 24, random)
        begin = random.integers(0, 200, size=len(lengths))
        picked = np.concatenate(
            [(start + np.arange(size)) % 200 for start, size in zip(begin, lengths, strict=True)]
        )
        assert len(picked) == 200
        sharpes.append(performance.sharpe(change[picked], 8_760))
        totals.append(np.prod(1 + change[picked]) - 1)
    found = significance.confidence(change, HOUR, seed=3)
    assert found.sharpe == pytest.approx(np.quantile(sharpes, [0.025, 0.975]), rel=1e-9)
    assert found.total_return == pytest.approx(np.quantile(totals, [0.025, 0.975]), rel=1e-9)


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
