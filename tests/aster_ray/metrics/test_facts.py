from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.metrics.facts import curve, no_fills, no_orders
from tests.aster_ray.metrics.accounts import HOUR, Ledger, flat_market

BOOK = Ledger(flat_market([[100.0], [101.0]]))


def test_curve_starts_with_the_capital_when_the_first_bar_opens() -> None:
    ms, equity = curve(BOOK.facts())
    assert ms.tolist() == [0, HOUR, 2 * HOUR]
    assert equity.tolist() == [10_000.0] * 3


def test_a_run_without_bars_has_no_curve() -> None:
    empty = np.empty(0)
    facts = BOOK.facts(close_ms=np.empty(0, np.int64), equity=empty, gross=empty)
    assert facts.start_ms is None
    assert [len(column) for column in curve(facts)] == [0, 0]


def test_sleeves_have_names() -> None:
    facts = BOOK.facts(sleeves=(("momentum", 0), ("grid", 0)))
    assert (facts.symbol_of(1), facts.strategy_of(1)) == ("S0USDT", "grid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"equity": np.ones(3)}, "one element per close"),
        ({"close_ms": np.array([HOUR, HOUR + 1])}, "a close of the market"),
        ({"lots": np.ones(2)}, "one element per symbol"),
        ({"fills": np.zeros(2)}, "FILL records"),
        ({"orders": {"ms": []}}, "must have the columns"),
        ({"orders": no_orders() | {"ms": [1]}}, "same length"),
    ],
)
def test_facts_that_do_not_fit_together_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BOOK.facts(**change)


def test_no_fills_is_an_empty_record_array() -> None:
    assert len(BOOK.facts(fills=no_fills()).fills) == 0
