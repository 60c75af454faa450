from __future__ import annotations

import numpy as np
import pytest

from aster_ray.metrics import tail


def test_value_at_risk_of_a_hand_worked_ladder() -> None:
    # -0.10, -0.09 ... 0.10: the 5 % quantile of 21 points is the second, -0.09
    days = np.arange(-10, 11) / 100
    assert tail.value_at_risk(days) == pytest.approx(0.09)
    assert tail.conditional_value_at_risk(days) == pytest.approx(0.095)


def test_value_at_risk_is_negative_when_even_the_bad_days_gain() -> None:
    assert tail.value_at_risk(np.full(30, 0.01)) == -0.01


def test_too_few_days_say_nothing() -> None:
    few = np.linspace(-0.1, 0.1, tail.MIN_DAYS - 1)
    assert tail.value_at_risk(few) is tail.conditional_value_at_risk(few) is None


def test_moments_match_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    days = np.random.default_rng(2).standard_t(5, 300)
    assert tail.skew(days) == pytest.approx(stats.skew(days, bias=False))
    assert tail.excess_kurtosis(days) == pytest.approx(stats.kurtosis(days, bias=False))


@pytest.mark.parametrize("days", [np.zeros(0), np.array([0.1]), np.full(50, 0.01)])
def test_moments_without_spread_are_undefined(days: np.ndarray) -> None:
    assert tail.skew(days) is tail.excess_kurtosis(days) is None
