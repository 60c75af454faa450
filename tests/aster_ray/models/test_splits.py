"""No answer of a test is in the training that came before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.errors import ModelError
from aster_ray.models.splits import LEAST_ROWS, divide, walk_forward


@st.composite
def periods(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw close and end times of several symbols with outages, and an embargo."""
    times = draw(st.integers(3_000, 4_000))
    symbols = draw(st.integers(1, 3))
    horizon = draw(st.integers(1, 30))
    source = np.random.default_rng(draw(st.integers(0, 2**32)))
    close = np.repeat(np.arange(times) * 10, symbols)
    close = close[source.random(len(close)) > 0.05]
    end = close + 10 * source.integers(1, horizon + 1, len(close))
    return close, end, 10 * draw(st.integers(0, 30))


@settings(max_examples=40)
@given(periods())
def test_parts_follow_each_other_and_answers_are_known_in_time(period) -> None:
    close, end, embargo = period
    parts = divide(close, end, embargo)
    for before, after in ((0, 1), (1, 2)):
        first = close[parts[after]].min()
        assert (end[parts[before]] + embargo <= first).all()
    rows = np.concatenate(parts)
    assert len(np.unique(rows)) == len(rows)
    assert parts.held_out[-1] == len(close) - 1
    # What was purged lies within an embargo and a longest label of a border, nothing else does.
    lost = np.setdiff1d(np.arange(len(close)), rows)
    borders = np.array([close[parts.calibration].min(), close[parts.held_out].min()])
    reach = embargo + (end - close).max()
    assert all((borders - close[row] > 0).any() for row in lost)
    assert all((np.abs(borders - close[row]) <= reach + 10).any() for row in lost)


@settings(max_examples=40)
@given(periods(), st.integers(1, 6))
def test_each_fold_learns_only_from_what_was_settled(period, folds: int) -> None:
    close, end, embargo = period
    splits = walk_forward(close, end, folds, embargo)
    assert len(splits) == folds
    for split in splits:
        assert (end[split.train] + embargo <= close[split.test].min()).all()
        assert close[split.train].max() < close[split.test].min()
    tested = np.concatenate([split.test for split in splits])
    assert len(np.unique(tested)) == len(tested)
    assert tested.max() == len(close) - 1
    sizes = [len(split.train) for split in splits]
    assert sizes == sorted(sizes)


def test_too_few_decisions_are_refused_with_the_part_that_lacks_them() -> None:
    close = np.arange(1_000)
    with pytest.raises(ModelError, match=f"calibration part has 100 decisions, {LEAST_ROWS} are"):
        divide(close, close, 0, calibration=0.1)
    with pytest.raises(ModelError, match="training of fold 1 part has 100 decisions"):
        walk_forward(close, close, 9, 0)
