"""From a score to a probability that means what it says, and to an interval that covers.

Both are fitted on decisions the trees have not seen. Scores of market models are about twice as
confident as they may be, so the slope is drawn towards one half until the data says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

# Platt's slope and intercept before any data, and how sure of them we are.
_SLOPE, _SLOPE_DEVIATION, _INTERCEPT_DEVIATION = 0.5, 0.25, 0.1
LEVEL = 0.9


class Calibration(NamedTuple):
    """What turns scores (log odds) and deviations into probabilities, returns and intervals.

    Attributes:
        slope, intercept: of the log odds; a slope of 0 says that the score says nothing.
        move: mean of |return| / deviation, the size of what follows either way.
        reach: half-width of the interval in deviations.
        level: share of intervals that shall hold the return.
    """

    slope: float
    intercept: float
    move: float
    reach: float
    level: float


class Predictions(NamedTuple):
    """One answer per row: f8[M] each; returns are log returns over the horizon, before costs."""

    probability: np.ndarray
    expected_return: np.ndarray
    low: np.ndarray
    high: np.ndarray


def fit_calibration(
    score: np.ndarray, deviation: np.ndarray, log_return: np.ndarray, level: float = LEVEL
) -> Calibration:
    """Fit on settled decisions.

    Args:
        score: f8[M], log odds of a gain.
        deviation: f8[M], standard deviation of a return over the horizon.
        log_return: f8[M], what became of it.
        level: coverage wanted, e.g. 0.9.
    """
    slope, intercept = _platt(score, (log_return > 0.0).astype(np.float64))
    move = float(np.mean(np.abs(log_return) / deviation))
    rough = apply_calibration(Calibration(slope, intercept, move, 0.0, level), score, deviation)
    misses = np.sort(np.abs(log_return - rough.expected_return) / deviation)
    # Split conformal: the smallest width that held for a share `level` of n + 1.
    rank = min(math.ceil((len(misses) + 1) * level), len(misses))
    return Calibration(slope, intercept, move, float(misses[rank - 1]), level)


def apply_calibration(
    calibration: Calibration, score: np.ndarray, deviation: np.ndarray
) -> Predictions:
    """Return the answers; each row has the same bits alone and among others."""
    slope, intercept, move, reach, _ = calibration
    odds = np.clip(slope * score.astype(np.float64) + intercept, -30.0, 30.0)
    # math.exp: numpy's own may differ in the last bit between a long array and a short one.
    probability = np.array([1.0 / (1.0 + math.exp(-value)) for value in odds.tolist()])
    expected = (2.0 * probability - 1.0) * move * deviation
    return Predictions(
        probability, expected, expected - reach * deviation, expected + reach * deviation
    )


def _platt(score: np.ndarray, up: np.ndarray) -> tuple[float, float]:
    """Return the most likely slope (not below 0) and intercept, by Newton's method."""
    # Below zero the model would be followed against its own word: then it has none.
    found = _newton(score, up, fixed_slope=False)
    return found if found[0] >= 0.0 else (0.0, _newton(score, up, fixed_slope=True)[1])


def _newton(score: np.ndarray, up: np.ndarray, *, fixed_slope: bool) -> tuple[float, float]:
    slope, intercept = (0.0 if fixed_slope else _SLOPE), 0.0
    tight, wide = 1.0 / _INTERCEPT_DEVIATION**2, 1.0 / _SLOPE_DEVIATION**2
    for _ in range(50):
        probability = 1.0 / (1.0 + np.exp(-(slope * score + intercept)))
        miss, weight = up - probability, probability * (1.0 - probability)
        by_slope = float(np.sum(miss * score)) - wide * (slope - _SLOPE)
        by_intercept = float(np.sum(miss)) - tight * intercept
        curve, cross = float(np.sum(weight * score**2)) + wide, float(np.sum(weight * score))
        bend = float(np.sum(weight)) + tight
        if fixed_slope:
            steps = (0.0, by_intercept / bend)
        else:
            determinant = curve * bend - cross**2
            steps = (
                (bend * by_slope - cross * by_intercept) / determinant,
                (curve * by_intercept - cross * by_slope) / determinant,
            )
        slope, intercept = slope + steps[0], intercept + steps[1]
        if abs(steps[0]) + abs(steps[1]) < 1e-12:
            break
    return slope, intercept
