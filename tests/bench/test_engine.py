"""Both engines trade the same strategy; nothing here asserts a speed."""

from __future__ import annotations

import backtesting.backtesting
import pytest

from aster_ray.research import backtest
from tests.bench import engine


@pytest.mark.filterwarnings("ignore")
def test_both_sides_trade_and_what_was_measured_is_put_back() -> None:
    finish, statistics = backtest.finish, backtesting.backtesting.compute_stats
    row = engine.run(4_000, 1)
    assert row.bars == 4_000
    assert row.trips > 10
    # Risk limits and the end of the data decide about a few.
    assert abs(row.trips - row.peer_trips) <= 3
    assert min(row.ours, row.ours_full, row.backtesting, row.backtesting_full) > 0.0
    assert backtest.finish is finish
    assert backtesting.backtesting.compute_stats is statistics
