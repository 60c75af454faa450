from __future__ import annotations

import numpy as np

from aster_ray.metrics.marks import carried, last_marks, tradable_rows
from tests.aster_ray.metrics.accounts import Ledger, flat_market


def test_numbers_are_carried_down_and_never_up() -> None:
    nan = np.nan
    values = np.array([[nan, 1.0], [2.0, nan], [nan, nan], [3.0, 4.0]])
    expected = [[nan, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 4.0]]
    np.testing.assert_array_equal(carried(values), expected)


def test_last_marks_stop_at_the_end_of_the_run() -> None:
    market = flat_market([[1.0, 5.0], [2.0, np.nan], [3.0, 7.0]])
    facts = Ledger(market).facts(close_ms=market.close_ms[:2], equity=np.ones(2), gross=np.ones(2))
    assert tradable_rows(facts).tolist() == [0, 1]
    assert last_marks(facts).tolist() == [2.0, 5.0]


def test_no_bars_know_no_mark() -> None:
    empty = np.empty(0)
    facts = Ledger(flat_market([[1.0]])).facts(
        close_ms=np.empty(0, np.int64), equity=empty, gross=empty
    )
    assert np.isnan(last_marks(facts)).all()
