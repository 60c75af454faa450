from __future__ import annotations

import numpy as np

from aster_ray.kernel.synthetic import high_unit, low_unit, next_variance, normal, snap


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
