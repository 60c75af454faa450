"""What choosing the best of many tries is worth: the deflated Sharpe ratio.

Bailey and Lopez de Prado (2014). Among N worthless strategies the best one still shows a Sharpe
ratio above zero; how far above follows from N and from how much the N ratios scatter. All ratios
here are per bar, not annualised, and kurtosis is raw (3 for a normal distribution).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, variance
from typing import NamedTuple

import numpy as np

_EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Selection(NamedTuple):
    """The best of several tries, judged as such; Sharpe ratios annualised."""

    tried: int
    best_sharpe: float | None
    luck_sharpe: float | None  # expected best of as many worthless tries with the same scatter
    deflated: float | None  # probability that the true ratio exceeds zero, given the choice


def expected_best(tries: int, scatter: float) -> float:
    """Return the expected maximum of ``tries`` draws of variance ``scatter`` around zero."""
    if tries < 2:
        return 0.0
    near = _NORMAL.inv_cdf(1.0 - 1.0 / tries)
    far = _NORMAL.inv_cdf(1.0 - 1.0 / (tries * math.e))
    return math.sqrt(scatter) * ((1.0 - _EULER) * near + _EULER * far)


def probability_above(
    sharpe: float, benchmark: float, count: int, skew: float, kurtosis: float
) -> float | None:
    """Return the probability that the true ratio exceeds ``benchmark``, from ``count`` returns."""
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if count < 2 or not spread > 0.0:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(count - 1.0) / math.sqrt(spread))


def judge(
    ratios: Sequence[float | None], best: np.ndarray, per_year: float, tried: int | None = None
) -> Selection:
    """Judge a choice.

    Args:
        ratios: annualised Sharpe ratio of every set; None where undefined.
        best: f8[T], the per-bar returns of the chosen set.
        per_year: bars in a year.
        tried: how many sets were tried, when that is more than ``ratios`` has.

    Sets of one grid resemble each other; counting them as independent errs on the strict side.
    """
    known = [ratio / math.sqrt(per_year) for ratio in ratios if ratio is not None]
    count = max(len(ratios), tried or 0)
    deviation = float(np.std(best, ddof=1)) if len(best) > 1 else 0.0
    if len(known) < 2 or not deviation > 0.0:
        return Selection(count, None, None, None)
    luck = expected_best(count, variance(known))
    mean = float(np.mean(best))
    centred = (best - mean) / float(np.std(best))
    skew, kurtosis = float(np.mean(centred**3)), float(np.mean(centred**4))
    sharpe = mean / deviation
    annual = math.sqrt(per_year)
    deflated = probability_above(sharpe, luck, len(best), skew, kurtosis)
    return Selection(count, sharpe * annual, luck * annual, deflated)
