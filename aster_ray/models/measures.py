"""How good forecasts were, each measure as a function of row weights so that it can be resampled.

Rows of one moment share their luck, and so do neighbouring moments: the bootstrap draws whole
blocks of time with every symbol in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from aster_ray.models.card import Estimate

Measure = Callable[[np.ndarray], float | None]
_LEVEL = 0.95
_CERTAIN = 1e-6


def auc(score: np.ndarray, up: np.ndarray) -> Measure:
    """Area under the ROC curve: the chance that a gain was scored above a loss; ties count half."""
    _, group = np.unique(score, return_inverse=True)
    groups = int(group.max()) + 1 if len(group) else 0

    def measure(weight: np.ndarray) -> float | None:
        gains = np.bincount(group, weight * up, groups)
        losses = np.bincount(group, weight * (1.0 - up), groups)
        pairs = float(gains.sum() * losses.sum())
        below = np.cumsum(losses) - 0.5 * losses
        return float(np.sum(gains * below)) / pairs if pairs > 0.0 else None

    return measure


def rank_correlation(score: np.ndarray, outcome: np.ndarray) -> Measure:
    """Information coefficient: correlation of the ranks of score and outcome."""
    first, second = _ranks(score), _ranks(outcome)

    def measure(weight: np.ndarray) -> float | None:
        total = float(weight.sum())
        a = first - float(np.sum(weight * first)) / total
        b = second - float(np.sum(weight * second)) / total
        spread = math.sqrt(float(np.sum(weight * a * a)) * float(np.sum(weight * b * b)))
        return float(np.sum(weight * a * b)) / spread if spread > 0.0 else None

    return measure


def mean_of(values: np.ndarray) -> Measure:
    """Weighted mean over the rows where ``values`` is not NaN."""
    counted = ~np.isnan(values)
    kept = np.where(counted, values, 0.0)

    def measure(weight: np.ndarray) -> float | None:
        total = float(np.sum(weight * counted))
        return float(np.sum(weight * kept)) / total if total > 0.0 else None

    return measure


def squared_error(probability: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the Brier score of each row."""
    return np.asarray((probability - up) ** 2)


def surprise(probability: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the logarithmic loss of each row, in nats."""
    held = np.clip(probability, _CERTAIN, 1.0 - _CERTAIN)
    return np.asarray(-np.where(up > 0.0, np.log(held), np.log(1.0 - held)))


def block_weights(
    close_ms: np.ndarray, block_ms: int, resamples: int, seed: int
) -> list[np.ndarray]:
    """Return row weights f8[M] of each resample: how often blocks drew the row's moment.

    A block is ``block_ms`` of time that begins anywhere; the last one wraps around to the first
    moment. As many are drawn as fill the period.
    """
    times, moment = np.unique(close_ms, return_inverse=True)
    count = len(times)
    step = int(np.median(np.diff(times))) if count > 1 else 1
    block = max(1, min(round(block_ms / max(step, 1)), count))
    draw = np.random.default_rng(seed)
    weights = []
    for _ in range(resamples):
        edges = np.zeros(2 * count + 1)
        begins = draw.integers(0, count, size=math.ceil(count / block))
        np.add.at(edges, begins, 1.0)
        np.add.at(edges, begins + block, -1.0)
        drawn = np.cumsum(edges)[:-1]
        weights.append((drawn[:count] + drawn[count:])[moment])
    return weights


def estimates(
    measures: Mapping[str, Measure], rows: int, weights: list[np.ndarray]
) -> dict[str, Estimate]:
    """Return each measure over all rows with its 95 % interval over the resamples."""
    found = {}
    tail = (1.0 - _LEVEL) / 2.0
    for name, measure in measures.items():
        drawn = [value for weight in weights if (value := measure(weight)) is not None]
        if len(drawn) < max(20, len(weights) // 2):
            found[name] = Estimate(value=measure(np.ones(rows)))
            continue
        low, high = np.quantile(drawn, [tail, 1.0 - tail])
        found[name] = Estimate(value=measure(np.ones(rows)), low=float(low), high=float(high))
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return mid-ranks f8[M]."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(size) - 0.5 * (size - 1))[group]
    return ranks
