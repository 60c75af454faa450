"""The shape of daily returns: how bad the bad days are. Fractions; losses are positive."""

from __future__ import annotations

import math

import numpy as np

# Fewer days than this say nothing about the worst one in twenty.
MIN_DAYS = 20


def value_at_risk(daily_returns: np.ndarray, confidence: float = 0.95) -> float | None:
    """Return the daily loss exceeded on ``1 - confidence`` of the days (historical).

    Linear interpolation between order statistics; negative when even that day gained.
    """
    if len(daily_returns) < MIN_DAYS:
        return None
    return -float(np.quantile(daily_returns, 1.0 - confidence))


def conditional_value_at_risk(daily_returns: np.ndarray, confidence: float = 0.95) -> float | None:
    """Return the mean loss of the days at or beyond the value at risk."""
    threshold = value_at_risk(daily_returns, confidence)
    if threshold is None:
        return None
    # The interpolated quantile always lies at or above the worst day, so the tail is never empty.
    return -float(np.mean(daily_returns[daily_returns <= -threshold]))


def _standard_moment(values: np.ndarray, power: int) -> float | None:
    spread = float(np.std(values))
    if spread <= 1e-12 * float(np.max(np.abs(values))):
        return None
    return float(np.mean(((values - np.mean(values)) / spread) ** power))


def skew(daily_returns: np.ndarray) -> float | None:
    """Return the bias-corrected skewness (Fisher-Pearson); negative: the long tail is losses."""
    count = len(daily_returns)
    moment = _standard_moment(daily_returns, 3) if count >= 3 else None
    if moment is None:
        return None
    return math.sqrt(count * (count - 1)) / (count - 2) * moment


def excess_kurtosis(daily_returns: np.ndarray) -> float | None:
    """Return the bias-corrected kurtosis less that of a normal distribution."""
    count = len(daily_returns)
    moment = _standard_moment(daily_returns, 4) if count >= 4 else None
    if moment is None:
        return None
    scale = (count - 1) / ((count - 2) * (count - 3))
    return scale * ((count + 1) * (moment - 3.0) + 6.0)
