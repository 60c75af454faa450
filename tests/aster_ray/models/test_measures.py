"""Measures against scikit-learn and SciPy, weights included, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from aster_ray.models.measures import (
    auc,
    block_weights,
    estimates,
    mean_of,
    rank_correlation,
    squared_error,
    surprise,
)


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(2)
    score = np.round(draw.normal(0, 1, 2_000), 1)  # with ties
    return {
        "score": score,
        "probability": 1 / (1 + np.exp(-score)),
        "up": (draw.random(2_000) < 0.4).astype(float),
        "outcome": np.round(draw.standard_t(4, 2_000), 1),
        "weight": draw.integers(0, 4, 2_000).astype(float),
    }


def test_area_log_loss_and_brier_are_those_of_scikit_learn(rows) -> None:
    up, weight, probability = rows["up"], rows["weight"], rows["probability"]
    for w in (np.ones(2_000), weight):
        assert auc(rows["score"], up)(w) == pytest.approx(
            roc_auc_score(up, rows["score"], sample_weight=w), rel=1e-12
        )
        assert mean_of(surprise(probability, up))(w) == pytest.approx(
            log_loss(up, probability, sample_weight=w), rel=1e-12
        )
        assert mean_of(squared_error(probability, up))(w) == pytest.approx(
            brier_score_loss(up, probability, sample_weight=w), rel=1e-12
        )


def test_rank_correlation_is_spearmans(rows) -> None:
    found = rank_correlation(rows["score"], rows["outcome"])(np.ones(2_000))
    assert found == pytest.approx(spearmanr(rows["score"], rows["outcome"])[0], rel=1e-12)


def test_what_cannot_be_measured_is_none() -> None:
    ones = np.ones(4)
    assert auc(np.arange(4.0), ones)(ones) is None
    assert rank_correlation(ones, np.arange(4.0))(ones) is None
    assert mean_of(np.full(4, np.nan))(ones) is None
    assert mean_of(np.array([1.0, np.nan, 3.0, np.nan]))(np.array([1.0, 5.0, 3.0, 5.0])) == 2.5


def test_a_block_takes_every_symbol_of_its_hours_along() -> None:
    close_ms = np.repeat(np.arange(500) * 3_600_000, 3)
    for weight in block_weights(close_ms, 24 * 3_600_000, 50, seed=1):
        by_hour = weight.reshape(500, 3)
        assert (by_hour == by_hour[:, :1]).all()
        assert by_hour[:, 0].sum() == 21 * 24  # as many blocks as fill the period
        assert len(np.flatnonzero(np.diff(by_hour[:, 0]))) <= 2 * 21
    again = block_weights(close_ms, 24 * 3_600_000, 50, seed=1)
    assert np.array_equal(again, block_weights(close_ms, 24 * 3_600_000, 50, seed=1))
    assert not np.array_equal(again, block_weights(close_ms, 24 * 3_600_000, 50, seed=2))


def test_intervals_of_dependent_rows_cover_and_those_of_single_rows_would_not() -> None:
    """Hours that share a day's luck: the mean of 120 days lies in 19 of 20 intervals."""
    draw = np.random.default_rng(3)
    close_ms = np.arange(120 * 24) * 3_600_000
    covered = {24: 0, 1: 0}
    for trial in range(40):
        values = np.repeat(draw.normal(0, 1, 120), 24)
        for hours in covered:
            weights = block_weights(close_ms, hours * 3_600_000, 100, seed=trial)
            found = estimates({"mean": mean_of(values)}, len(values), weights)["mean"]
            assert found.low is not None
            assert found.high is not None
            covered[hours] += found.low <= 0.0 <= found.high
    assert covered[24] >= 34
    assert covered[1] < 24


def test_a_measure_that_most_resamples_lack_has_no_interval() -> None:
    values = np.full(1_000, np.nan)
    values[0] = 1.0
    weights = block_weights(np.arange(1_000), 1, 100, seed=1)
    weights = [np.where(np.arange(1_000) == 0, 0.0, weight) for weight in weights]
    found = estimates({"rare": mean_of(values)}, 1_000, weights)["rare"]
    assert (found.value, found.low, found.high) == (1.0, None, None)
