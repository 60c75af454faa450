"""Probabilities mean what they say, intervals cover, and a row's answer needs no company."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.models.calibrate import Calibration, apply_calibration, fit_calibration


def drawn(slope: float, intercept: float, rows: int = 40_000, seed: int = 1):
    """Return scores, deviations and returns whose true log odds are slope * score + intercept."""
    draw = np.random.default_rng(seed)
    score, deviation = draw.normal(0.0, 1.0, rows), draw.uniform(0.005, 0.03, rows)
    up = draw.random(rows) < 1.0 / (1.0 + np.exp(-(slope * score + intercept)))
    size = deviation * np.abs(draw.standard_t(5, rows))
    return score, deviation, np.where(up, size, -size)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.3, 0.2), (0.0, -0.1)])
def test_what_made_the_data_is_found_again(slope: float, intercept: float) -> None:
    found = fit_calibration(*drawn(slope, intercept))
    assert found.slope == pytest.approx(slope, abs=0.04)
    assert found.intercept == pytest.approx(intercept, abs=0.03)


def test_little_data_leaves_half_the_confidence() -> None:
    found = fit_calibration(*drawn(1.5, 0.0, rows=12))
    assert 0.3 < found.slope < 0.8
    assert abs(found.intercept) < 0.1


def test_a_score_that_points_the_wrong_way_is_not_followed_and_not_turned() -> None:
    score, deviation, log_return = drawn(-0.8, 0.3)
    found = fit_calibration(score, deviation, log_return)
    assert found.slope == 0.0
    answers = apply_calibration(found, score, deviation)
    assert np.ptp(answers.probability) == 0.0
    assert answers.probability[0] == pytest.approx(np.mean(log_return > 0), abs=0.01)


def test_intervals_cover_later_returns_and_are_as_wide_as_the_market_moves() -> None:
    score, deviation, log_return = drawn(0.5, 0.0)
    found = fit_calibration(score[:20_000], deviation[:20_000], log_return[:20_000])
    later = apply_calibration(found, score[20_000:], deviation[20_000:])
    held = (later.low <= log_return[20_000:]) & (log_return[20_000:] <= later.high)
    assert held.mean() == pytest.approx(found.level, abs=0.01)
    width = (later.high - later.low) / deviation[20_000:]
    np.testing.assert_allclose(width, 2 * found.reach, rtol=1e-9)
    assert (later.low < later.expected_return).all()
    assert (np.sign(later.expected_return) == np.sign(later.probability - 0.5)).all()


def test_the_expected_return_is_what_follows_on_average() -> None:
    score, deviation, log_return = drawn(0.7, 0.0, rows=200_000)
    found = fit_calibration(score, deviation, log_return)
    answers = apply_calibration(found, score, deviation)
    sure = answers.probability > 0.6
    expected = float(np.mean(answers.expected_return[sure] / deviation[sure]))
    assert np.mean(log_return[sure] / deviation[sure]) == pytest.approx(expected, rel=0.05)


def test_a_row_has_the_same_bits_alone_and_among_others() -> None:
    score, deviation, _ = drawn(0.7, 0.1, rows=1_000)
    calibration = Calibration(0.43, 0.02, 0.7, 1.8, 0.9)
    together = apply_calibration(calibration, score, deviation)
    for row in range(0, 1_000, 37):
        alone = apply_calibration(calibration, score[row : row + 1], deviation[row : row + 1])
        assert [column[0] for column in alone] == [column[row] for column in together]


def test_an_absurd_score_is_certain_but_no_overflow() -> None:
    calibration = Calibration(1.0, 0.0, 0.7, 1.8, 0.9)
    answers = apply_calibration(calibration, np.array([-1e6, 1e6]), np.ones(2))
    assert np.isfinite(np.stack(answers)).all()
    assert answers.probability[0] < 1e-12 < 1 - 1e-12 < answers.probability[1]
