from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.metrics.waterfall import ledger, waterfall
from tests.aster_ray.metrics.accounts import STEP, Ledger, flat_market, random_book


def test_waterfall_worked_by_hand() -> None:
    book = Ledger(flat_market([[100.0], [100.0], [100.0], [112.0]]), lot=1.0)
    book.fill(0, 0, 3, 100.0, fee=0.3, slippage=0.6)
    book.fund(1, 0, 3, 0.1)
    book.fill(2, 0, -1, 110.0, fee=0.1, slippage=0.2)
    steps = waterfall(book.facts())
    assert steps._asdict() == pytest.approx(
        {
            "gross": 34.8,
            "slippage": -0.8,
            "realized": 10.0,
            "unrealized": 24.0,
            "fees": -0.4,
            "funding": -0.3,
            "net": 33.3,
            "difference": 0.0,
        },
        abs=1e-9,
    )


def test_a_run_without_fills_costs_nothing() -> None:
    steps = waterfall(Ledger(flat_market([[100.0]])).facts())
    assert repr(tuple(steps)) == repr((0.0,) * 8)


def test_nothing_held_is_exactly_nothing_unrealized() -> None:
    book = Ledger(flat_market([[0.1], [0.3], [0.7]]), lot=0.1)
    book.fill(0, 0, 3, 0.1)
    book.fill(1, 0, -1, 0.3)
    book.fill(2, 0, -2, 0.7)
    assert waterfall(book.facts()).unrealized == 0.0


def test_sleeves_that_hold_against_each_other_are_still_open() -> None:
    book = Ledger(flat_market([[100.0], [110.0], [120.0]]), ("momentum", "grid"), lot=1.0)
    book.fill(0, 0, 2, 100.0)
    book.fill(1, 1, -2, 110.0)
    facts = book.facts()
    assert (ledger(facts, {0}).unrealized, ledger(facts, {1}).unrealized) == (40.0, -20.0)
    assert waterfall(facts).unrealized == 20.0


def test_books_that_do_not_fit_the_fills_show_as_a_difference() -> None:
    book = Ledger(flat_market([[100.0], [100.0]]))
    book.fill(0, 0, 2, 100.0, fee=0.5)
    facts = book.facts(equity=np.array([10_000.0, 9_990.0]))
    assert waterfall(facts).difference == pytest.approx(-9.5)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_steps_add_up_to_the_change_of_equity(
    steps: list[tuple[int, str, int, float, int, float]],
) -> None:
    facts = random_book(steps).facts()
    fall = waterfall(facts)
    change = facts.equity[-1] - facts.capital
    assert fall.gross + fall.slippage + fall.fees + fall.funding == pytest.approx(change, abs=1e-6)
    assert fall.realized + fall.unrealized == pytest.approx(fall.gross + fall.slippage, abs=1e-6)
    assert abs(fall.difference) < 1e-6
    parts = [ledger(facts, {sleeve}).net for sleeve in range(4)]
    assert sum(parts) == pytest.approx(change, abs=1e-6)
