from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.covariance import covariance_path, update_covariance
from tests.factories import a_book


def test_covariance_is_the_riskmetrics_average_over_the_weights_there_were() -> None:
    decay, draw = 0.9, np.random.default_rng(1)
    marks = 100.0 * np.cumprod(1.0 + 0.01 * draw.standard_normal((40, 2)), axis=0)
    book, returns = a_book(2), []
    for row, before in zip(marks[1:], marks, strict=False):
        book.positions["mark"] = before
        update_covariance(book, decay, row)
        returns.append(row / before - 1.0)
        weights = decay ** np.arange(len(returns))[::-1]
        expected = np.einsum("t,ta,tb->ab", weights, returns, returns) / weights.sum()
        np.testing.assert_allclose(book.covariance, expected, rtol=1e-12)
        np.testing.assert_allclose(book.covariance_weight, 1.0 - decay ** len(returns))


def test_a_short_history_shows_as_much_risk_as_a_long_one() -> None:
    """The mean over many markets of 1 % a bar is 1 % after two bars and after fifty."""
    decay, draw = 0.97, np.random.default_rng(5)
    found = {2: 0.0, 50: 0.0}
    for _ in range(400):
        marks = 100.0 * np.cumprod(1.0 + 0.01 * draw.standard_normal((51, 1)), axis=0)
        path = np.zeros((51, 1, 1))
        covariance_path(marks, decay, np.full(1, np.nan), np.zeros((1, 1)), path)
        for bars in found:
            found[bars] += path[bars, 0, 0] / 400
    for variance in found.values():
        assert variance == pytest.approx(1e-4, rel=0.1)


def test_a_symbol_without_a_mark_leaves_the_covariance_alone() -> None:
    book = a_book(2)
    book.covariance[:] = [[4.0, 1.0], [1.0, 9.0]]
    book.covariance_weight[:] = 1.0
    book.positions["mark"] = [100.0, np.nan]
    update_covariance(book, 0.5, np.array([110.0, 50.0]))
    assert book.covariance[0, 0] == pytest.approx(0.5 * 4.0 + 0.5 * 0.01)
    assert book.covariance[0, 1] == book.covariance[1, 0] == 1.0
    assert book.covariance[1, 1] == 9.0


def test_a_path_known_beforehand_is_the_one_met_on_the_way() -> None:
    draw = np.random.default_rng(2)
    marks = 100.0 * np.cumprod(1.0 + 0.01 * draw.standard_normal((60, 3)), axis=0)
    marks[draw.random(marks.shape) < 0.1] = np.nan
    path, book = np.zeros((60, 3, 3)), a_book(3)
    covariance_path(marks, 0.97, np.full(3, np.nan), np.zeros((3, 3)), path)
    for row, known in zip(marks, path, strict=True):
        update_covariance(book, 0.97, row)
        book.positions["mark"] = np.where(np.isnan(row), book.positions["mark"], row)
        assert book.covariance.tobytes() == known.tobytes()
