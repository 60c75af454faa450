"""The schedule that trades expected cost off against its variance.

R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3 (2000),
pages 5-39: linear permanent impact g(v) = gamma v, temporary impact h(v) = epsilon sgn v + eta v
(their section 1), optimal trajectories of equations (16) to (19), cost and variance of (4) and (5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from aster_ray.model.ids import DAY_MS

# Beyond this decay everything is traded in the first interval, to double precision.
_STEEP = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """How a price answers to an order. Any one unit of time, of quantity and of money.

    Attributes:
        sigma: volatility, money per unit and square root of time.
        eta: temporary impact, money per unit for each unit per time that is traded.
        gamma: permanent impact, money per unit for each unit traded.
        epsilon: fixed cost, money per unit: half of the spread, and the fee.
    """

    sigma: float
    eta: float
    gamma: float = 0.0
    epsilon: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """What is usual in a market.

    Attributes:
        value: of one lot, in quote currency.
        half_spread: fraction of the price.
        daily_lots: public volume of a day.
        daily_volatility: standard deviation of a day's return.
        temporary_share: trading at this share of the daily volume costs a spread.
        permanent_share: this share of it, once traded, has moved the price by a spread.
    """

    value: float
    half_spread: float
    daily_lots: float
    daily_volatility: float
    temporary_share: float = 0.01
    permanent_share: float = 0.1


def usual_impact(market: Liquidity) -> Impact:
    """Return impact in lots, days and quote currency, by the rule the paper's example uses."""
    spread = 2.0 * market.half_spread * market.value
    return Impact(
        sigma=market.daily_volatility * market.value,
        eta=spread / (market.temporary_share * market.daily_lots),
        gamma=spread / (market.permanent_share * market.daily_lots),
        epsilon=0.5 * spread,
    )


def decay(impact: Impact, risk_aversion: float, tau: float) -> float:
    """Return kappa, the rate at which the optimal trajectory decays; 0 means a straight line.

    Args:
        impact: of the market.
        risk_aversion: lambda, per unit of money.
        tau: length of an interval.

    Raises:
        ValueError: intervals are so long that permanent impact outweighs the temporary one; the
            problem then has no minimum.
    """
    eta = impact.eta - 0.5 * impact.gamma * tau
    if eta <= 0.0:
        raise ValueError(f"temporary impact {impact.eta} is too small for intervals of {tau}")
    square = risk_aversion * impact.sigma**2 / eta
    return math.acosh(0.5 * square * tau**2 + 1.0) / tau


def trajectory(kappa: float, count: int, tau: float) -> list[float]:
    """Return which fraction is left after each of ``count`` intervals, from 1 to 0."""
    total = kappa * count * tau
    if total < 1e-9:
        return [1.0 - k / count for k in range(count + 1)]
    if total > _STEEP:  # sinh(a) / sinh(b) of large a and b is exp(a - b)
        return [math.exp(-kappa * k * tau) for k in range(count)] + [0.0]
    return [math.sinh(total - kappa * k * tau) / math.sinh(total) for k in range(count)] + [0.0]


def weights(impact: Impact, risk_aversion: float, count: int, tau: float) -> list[float]:
    """Return which fraction the optimal schedule trades in each interval."""
    left = trajectory(decay(impact, risk_aversion, tau), count, tau)
    return [before - after for before, after in pairwise(left)]


def expected_cost(impact: Impact, trades: Sequence[float], tau: float) -> float:
    """Return what it costs on average to trade these quantities in intervals of ``tau``."""
    total = math.fsum(trades)
    eta = impact.eta - 0.5 * impact.gamma * tau
    fixed = impact.epsilon * math.fsum(abs(lots) for lots in trades)
    return 0.5 * impact.gamma * total**2 + fixed + eta / tau * math.fsum(lots**2 for lots in trades)


def variance(impact: Impact, trades: Sequence[float], tau: float) -> float:
    """Return the variance of that cost."""
    left, squares = math.fsum(trades), []
    for lots in trades:
        left -= lots
        squares.append(left**2)
    return impact.sigma**2 * tau * math.fsum(squares)


def days(ms: float) -> float:
    """Return a time in the unit of ``usual_impact``."""
    return ms / DAY_MS
