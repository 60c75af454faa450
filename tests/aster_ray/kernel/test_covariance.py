from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.covariance import covariance_path, update_covariance
from tests.factories import a_book


def test_covariance_is_the_riskmetrics_average() -> None:
    decay, draw = 0.9, np.random.default_rng(1)
    marks = 100.0 * np.cumprod(1.0 + 0.01 * draw.standard_normal((40, 2)), axis=0)
    book, expected = a_book(2), np.zeros((2, 2))
    for row, before in zip(marks[1:], marks, strict=False):
        book.positions["mark"] = before
        update_covariance(book, decay, row)
        returns = row / before - 1.0
        expected = decay * expected + (1.0 - decay) * np.outer(returns, returns)
    np.testing.assert_allclose(book.covariance, expected, rtol=1e-12)


def test_a_symbol_without_a_mark_leaves_the_covariance_alone() -> None:
    book = a_book(2)
    book.covariance[:] = [[4.0, 1.0], [1.0, 9.0]]
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
    covariance_path(marks, 0.97, np.full(3, np.nan), path)
    for row, known in zip(marks, path, strict=True):
        update_covariance(book, 0.97, row)
        book.positions["mark"] = np.where(np.isnan(row), book.positions["mark"], row)
        assert book.covariance.tobytes() == known.tobytes()
