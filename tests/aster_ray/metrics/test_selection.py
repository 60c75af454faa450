"""The best of many tries is judged as the best of many tries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aster_ray.metrics.selection import expected_best, judge, probability_above

HOURLY = 8_760.0


def test_the_published_example_comes_out() -> None:
    """Bailey and Lopez de Prado (2014): SR 2.5 a year over 1,250 days, 100 trials."""
    sharpe, scatter = 2.5 / math.sqrt(250), 0.5 / 250
    luck = expected_best(100, scatter)
    assert luck == pytest.approx(0.1132, abs=5e-5)
    assert probability_above(sharpe, luck, 1_250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)
    fewer = expected_best(46, scatter)
    assert probability_above(sharpe, fewer, 1_250, -3.0, 10.0) == pytest.approx(0.9505, abs=5e-4)


def test_one_try_expects_nothing_of_luck() -> None:
    assert expected_best(1, 4.0) == 0.0
    assert expected_best(2, 1.0) > 0.0


def test_the_expected_best_is_what_draws_show() -> None:
    draws = np.random.default_rng(1).normal(0.0, 0.3, (4_000, 50)).max(axis=1)
    assert expected_best(50, 0.09) == pytest.approx(draws.mean(), rel=0.03)


def test_luck_alone_is_not_believed_and_an_edge_is() -> None:
    draw = np.random.default_rng(3)
    worthless = draw.normal(0.0, 0.01, (200, 2_000))
    ratios = [float(row.mean() / row.std(ddof=1) * math.sqrt(HOURLY)) for row in worthless]
    best = worthless[int(np.argmax(ratios))]
    luck = judge(ratios, best, HOURLY)
    assert luck.tried == 200
    assert luck.best_sharpe == pytest.approx(max(ratios))
    assert luck.deflated is not None
    assert luck.deflated < 0.9
    assert probability_above(best.mean() / best.std(ddof=1), 0.0, 2_000, 0.0, 3.0) > 0.99  # type: ignore[operator]
    edge = judge([*ratios, 20.0], best + 0.002, HOURLY)
    assert edge.deflated is not None
    assert edge.deflated > 0.99


def test_more_tries_than_ratios_make_it_stricter() -> None:
    best = np.random.default_rng(5).normal(0.0005, 0.01, 3_000)
    few = judge([0.1, 0.4, -0.2], best, HOURLY)
    many = judge([0.1, 0.4, -0.2], best, HOURLY, tried=10_000)
    assert many.tried == 10_000
    assert few.luck_sharpe is not None
    assert many.luck_sharpe is not None
    assert many.luck_sharpe > few.luck_sharpe


@pytest.mark.parametrize("returns", [np.zeros(100), np.zeros(0), np.ones(1)])
def test_what_is_undefined_is_none(returns: np.ndarray) -> None:
    assert judge([1.0, None, 2.0], returns, HOURLY)[1:] == (None, None, None)
    assert judge([1.0], np.array([0.1, -0.1]), HOURLY).deflated is None


def test_an_impossible_shape_of_returns_has_no_probability() -> None:
    assert probability_above(2.0, 0.0, 100, 9.0, 1.0) is None
