"""The held-out part trades where the fitted part ends, and neither sees the other's trades."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.errors import ConfigError
from aster_ray.research.holdout import split
from tests.factories import a_market


def test_the_parts_meet_at_the_cut() -> None:
    market = a_market(600, 2, start=100)
    parts = split(market, 0.3)
    assert len(parts.fitted) == 450
    assert parts.fitted.start == 100
    assert parts.held_out.start == 450
    assert len(parts.held_out) == 600
    assert parts.cut_ms == market.open_ms[450]
    assert np.shares_memory(parts.fitted.bars, market.bars)


@pytest.mark.parametrize(
    ("fraction", "message"), [(0.0, "above 0"), (1.0, "below 1"), (0.05, "fewer")]
)
def test_a_part_that_would_mean_nothing_is_refused(fraction: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split(a_market(600, 1, start=100), fraction)
