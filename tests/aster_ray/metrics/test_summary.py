from __future__ import annotations

import numpy as np
import pytest

from aster_ray.metrics.summary import measures
from tests.aster_ray.metrics.accounts import DAY


def test_one_year_of_days_worked_by_hand() -> None:
    equity = 1_000.0 * np.concatenate([np.linspace(1.0, 1.2, 200), np.linspace(1.2, 0.9, 166)])
    found = measures(np.arange(366) * DAY, equity, np.full(365, 500.0), traded=10_000.0)
    assert found["final_equity"] == 900.0
    assert found["profit"] == -100.0
    assert found["total_return"] == found["cagr"] == pytest.approx(-0.1)
    assert found["max_drawdown"] == pytest.approx(0.25)
    assert found["calmar"] == pytest.approx(-0.4)
    assert found["longest_drawdown_ms"] == 165 * DAY
    assert found["time_in_market"] == 1.0
    assert found["turnover_per_year"] == pytest.approx(10_000 / equity.mean())


def test_nothing_happened_is_undefined_not_zero() -> None:
    found = measures(np.empty(0, np.int64), np.empty(0), np.empty(0), 0.0)
    assert set(found.values()) == {None}
