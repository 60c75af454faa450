"""From an opinion to a quantity: the fraction of equity one full position may be worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.model.enums import Denial, Sizing

FIXED = int(Sizing.FIXED)
CONFIDENCE = int(Sizing.CONFIDENCE)
VOLATILITY = int(Sizing.VOLATILITY)
NONE = int(Denial.NONE)
NO_EDGE = int(Denial.NO_EDGE)
DAYS_PER_YEAR = 365.0


@inlined_kernel
def clamp(value: float, low: float, high: float) -> float:
    """Return ``value`` held inside [low, high]."""
    return min(max(value, low), high)


@inlined_kernel
def confidence_fraction(limits: Any, confidence: float) -> float:
    """Scale linearly from ``min_fraction`` at ``min_confidence`` to ``max_fraction`` at 1."""
    span = 1.0 - limits.min_confidence
    weight = 1.0 if span <= 0.0 else clamp((confidence - limits.min_confidence) / span, 0.0, 1.0)
    return limits.min_fraction + (limits.max_fraction - limits.min_fraction) * weight


@lean_kernel
def volatility_fraction(limits: Any, variance: float) -> float:
    """Return target / annualised volatility; ``variance`` is that of one bar's return."""
    if not variance > 0.0:
        return limits.min_fraction
    annual = np.sqrt(variance * limits.bars_per_day * DAYS_PER_YEAR)
    return clamp(limits.target_volatility / annual, limits.min_fraction, limits.max_fraction)


@lean_kernel
def kelly_fraction(limits: Any, sleeve: Any, stop_loss: float) -> float:
    """Return fractional Kelly from the sleeve's own closed round trips, net of costs.

    f* = (p b - q) / b of the amount at risk (Kelly 1956), times the cap; the amount at risk is
    notional x stop. Zero or less means no edge. Until ``kelly_trips`` trips: ``min_fraction``.
    """
    losses = sleeve.trips - sleeve.wins
    if sleeve.trips < limits.kelly_trips or losses == 0 or sleeve.wins == 0:
        return limits.min_fraction
    win_rate = sleeve.wins / sleeve.trips
    average_loss = sleeve.loss / losses
    if not average_loss > 0.0:
        return limits.min_fraction
    odds = sleeve.gain / sleeve.wins / average_loss
    edge = (win_rate * odds - (1.0 - win_rate)) / odds
    if edge <= 0.0:
        return 0.0
    at_risk = limits.kelly_cap * edge
    return clamp(at_risk / max(stop_loss, 1e-4), limits.min_fraction, limits.max_fraction)


@inlined_kernel
def full_fraction(
    limits: Any, sleeve: Any, confidence: float, stop_loss: float, variance: float
) -> float:
    """Return the fraction of equity a full position is worth under the configured sizing."""
    if limits.sizing == FIXED:
        return limits.fixed_fraction
    if limits.sizing == CONFIDENCE:
        return confidence_fraction(limits, confidence)
    if limits.sizing == VOLATILITY:
        return volatility_fraction(limits, variance)
    return kelly_fraction(limits, sleeve, 1.0 if np.isnan(stop_loss) else stop_loss)


@inlined_kernel
def to_lots(notional: float, price: float, lot: float) -> int:
    """Return whole lots worth at most ``notional``: sizing may shrink an order, never grow it."""
    return int(np.floor(notional / (price * lot) + 1e-9))
