from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from aster_ray.engine.algos.almgren_chriss import (
    Impact,
    Liquidity,
    decay,
    expected_cost,
    trajectory,
    usual_impact,
    variance,
    weights,
)

# Table 1 of the paper: a million shares in five days of one interval each, at 50 with a spread of
# an eighth, 30 % annual volatility, five million shares a day.
PAPER = Impact(sigma=0.95, eta=2.5e-6, gamma=2.5e-7, epsilon=0.0625)
SHARES, DAYS = 1e6, 5


def objective(impact: Impact, trades: np.ndarray, aversion: float, tau: float) -> float:
    cost = expected_cost(impact, list(trades), tau)
    return cost + aversion * variance(impact, list(trades), tau)


def test_the_papers_example_comes_out() -> None:
    """Its optimal strategy for lambda = 1e-6 decays at about 0.6 a day."""
    kappa = decay(PAPER, 1e-6, 1.0)
    assert kappa == pytest.approx(0.61, abs=0.01)
    even = [SHARES / DAYS] * DAYS
    # 0.5 gamma X^2 + epsilon X + (eta - gamma tau / 2) X^2 / T, and a variance of sigma^2 tau
    # (0.8^2 + 0.6^2 + 0.4^2 + 0.2^2) X^2.
    assert expected_cost(PAPER, even, 1.0) == pytest.approx(125_000 + 62_500 + 475_000)
    assert variance(PAPER, even, 1.0) == pytest.approx(0.95**2 * 1.2 * 1e12)


def test_the_rule_of_thumb_gives_the_papers_impact() -> None:
    market = Liquidity(
        value=50.0, half_spread=0.0625 / 50.0, daily_lots=5e6, daily_volatility=0.019
    )
    found = usual_impact(market)
    assert (found.eta, found.gamma) == pytest.approx((PAPER.eta, PAPER.gamma))
    assert (found.sigma, found.epsilon) == pytest.approx((PAPER.sigma, PAPER.epsilon))


@given(st.floats(1e-9, 1e-4), st.integers(1, 12), st.floats(0.1, 2.0))
def test_cost_and_variance_of_the_optimum_are_the_papers_closed_forms(
    aversion: float, count: int, tau: float
) -> None:
    """Equation (20)."""
    kappa, total = decay(PAPER, aversion, tau), count * tau
    trades = [SHARES * share for share in weights(PAPER, aversion, count, tau)]
    eta = PAPER.eta - 0.5 * PAPER.gamma * tau
    if kappa * total > 100.0:
        return  # the closed form overflows before ours does
    sinh = math.sinh(kappa * total)
    cost = 0.5 * PAPER.gamma * SHARES**2 + PAPER.epsilon * SHARES
    cost += (
        eta
        * SHARES**2
        * math.tanh(0.5 * kappa * tau)
        * (tau * math.sinh(2 * kappa * total) + 2 * total * math.sinh(kappa * tau))
        / (2 * tau**2 * sinh**2)
    )
    risk = tau * sinh * math.cosh(kappa * (total - tau)) - total * math.sinh(kappa * tau)
    risk *= 0.5 * PAPER.sigma**2 * SHARES**2 / (sinh**2 * math.sinh(kappa * tau))
    assert expected_cost(PAPER, trades, tau) == pytest.approx(cost, rel=1e-6)
    assert variance(PAPER, trades, tau) == pytest.approx(risk, rel=1e-6, abs=1e-6 * SHARES)


@pytest.mark.parametrize("aversion", [1e-8, 1e-6, 1e-5])
def test_no_other_schedule_is_better(aversion: float) -> None:
    """Against a numeric optimum that knows nothing of hyperbolic functions."""
    ours = SHARES * np.array(weights(PAPER, aversion, DAYS, 1.0))
    best = objective(PAPER, ours, aversion, 1.0)

    def judged(shares: np.ndarray) -> float:
        trades = SHARES * np.append(shares, 1.0 - shares.sum())
        return objective(PAPER, trades, aversion, 1.0) / best

    found = minimize(judged, np.full(DAYS - 1, 0.2), method="BFGS", options={"gtol": 1e-9})
    assert found.fun == pytest.approx(1.0, abs=1e-9)
    assert np.append(found.x, 1.0 - found.x.sum()) * SHARES == pytest.approx(ours, rel=1e-3)


def test_who_does_not_mind_risk_trades_evenly_and_who_hates_it_at_once() -> None:
    assert weights(PAPER, 0.0, 4, 1.0) == pytest.approx([0.25] * 4)
    assert weights(PAPER, 1e6, 4, 1.0) == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-9)
    assert trajectory(1e4, 3, 1.0) == [1.0, 0.0, 0.0, 0.0]


@given(st.floats(0.0, 1e-2), st.integers(1, 200), st.floats(1e-4, 5.0))
def test_a_trajectory_falls_from_one_to_nothing(aversion: float, count: int, tau: float) -> None:
    left = trajectory(decay(PAPER, aversion, tau), count, tau)
    assert (len(left), left[0], left[-1]) == (count + 1, 1.0, 0.0)
    assert all(before >= after >= 0.0 for before, after in pairwise(left))
    found = weights(PAPER, aversion, count, tau)
    assert math.fsum(found) == pytest.approx(1.0)
    assert all(a >= b - 1e-12 for a, b in pairwise(found))  # the first piece is the largest


def test_a_problem_without_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="too small for intervals of 21"):
        decay(PAPER, 1e-6, 21.0)
