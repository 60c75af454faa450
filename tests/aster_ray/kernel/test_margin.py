from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aster_ray.kernel.accounting import apply_fill, refresh_equity
from aster_ray.kernel.margin import (
    bankruptcy_price,
    bracket_leverage,
    bracket_of,
    liquidation_price,
    maintenance,
    maintenance_of,
    may_be_liquidated,
)
from aster_ray.kernel.records import Book, Setup
from tests.factories import CAPITAL, a_book, a_fill, a_setup, an_instrument


def a_position(lots: int, price: float, capital: float = CAPITAL) -> tuple[Book, Setup]:
    book, setup = a_book(capital=capital), a_setup()
    apply_fill(book, setup, a_fill(lots=lots, price=price))
    book.positions["mark"] = price
    return book, setup


@pytest.mark.parametrize(
    ("notional", "expected"),
    [
        (10_000.0, 100.0),  # 1 %
        (50_000.0, 500.0),  # 2 % of 50,000 - 500
        (100_000.0, 1_500.0),  # 2 % - 500
        (250_000.0, 4_500.0),  # 5 % - 8,000
        (1_000_000.0, 42_000.0),
    ],
)
def test_maintenance_is_tiered(notional: float, expected: float) -> None:
    assert maintenance(a_setup(), 0, notional) == pytest.approx(expected)


@pytest.mark.parametrize("floor", [50_000.0, 250_000.0])
def test_maintenance_has_no_jumps(floor: float) -> None:
    setup = a_setup()
    below, above = maintenance(setup, 0, floor * (1 - 1e-12)), maintenance(setup, 0, floor)
    assert below == pytest.approx(above, rel=1e-9)


@given(st.floats(0.0, 1e7))
def test_the_kernel_and_the_instrument_agree(notional: float) -> None:
    assert maintenance(a_setup(), 0, notional) == pytest.approx(
        an_instrument().maintenance_margin(notional), abs=1e-9
    )


def test_brackets_limit_leverage() -> None:
    setup = a_setup()
    assert [bracket_of(setup.brackets[0], 3, x) for x in (0.0, 5e4, 2.5e5, 1e9)] == [0, 1, 2, 2]
    assert [bracket_leverage(setup, 0, x) for x in (0.0, 5e4, 2.5e5)] == [50.0, 25.0, 10.0]


def test_liquidation_price_of_a_long_by_hand() -> None:
    # 10,000 of capital, 1,000 base at 100 = 100,000: ten times.
    # LP = (wallet + deduction - qty x entry) / (|qty| x rate - qty)
    #    = (10,000 + 500 - 100,000) / (1,000 x 0.02 - 1,000) = -89,500 / -980 = 91.3265306
    book, setup = a_position(1_000_000, 100.0)
    assert liquidation_price(book, setup, 0) == pytest.approx(89_500 / 980)
    # bankrupt ten percent below entry
    assert bankruptcy_price(book, setup, 0) == pytest.approx(90.0)


def test_liquidation_price_of_a_short_by_hand() -> None:
    # (10,000 + 500 + 100,000) / (1,000 x 0.02 + 1,000) = 110,500 / 1,020 = 108.3333333
    book, setup = a_position(-1_000_000, 100.0)
    assert liquidation_price(book, setup, 0) == pytest.approx(110_500 / 1_020)
    assert bankruptcy_price(book, setup, 0) == pytest.approx(110.0)


def test_a_short_is_liquidated_in_the_bracket_it_grows_into() -> None:
    # 480 base at 100 = 48,000 is in the first bracket; at (10,000 + 48,000) / (480 x 1.01) = 119.6
    # it is worth 57,426: the second bracket, (10,000 + 500 + 48,000) / (480 x 1.02) = 119.4853
    book, setup = a_position(-480_000, 100.0)
    assert liquidation_price(book, setup, 0) == pytest.approx(58_500 / 489.6)


def test_what_cannot_be_liquidated_has_no_price() -> None:
    book, setup = a_position(50_000, 100.0)  # half of the capital, long: worth something at zero
    assert np.isnan(liquidation_price(book, setup, 0))
    assert np.isnan(liquidation_price(a_book(), setup, 0))


@given(
    st.integers(100, 5_000_000),
    st.sampled_from([1, -1]),
    st.floats(50.0, 150.0),
    st.integers(-500_000, 500_000),
    st.floats(50.0, 150.0),
)
def test_equity_is_maintenance_exactly_at_the_liquidation_price(
    lots: int, side: int, entry: float, other_lots: int, other_mark: float
) -> None:
    book, setup = a_book(2), a_setup(2)
    apply_fill(book, setup, a_fill(symbol=0, sleeve=0, lots=side * lots, price=entry))
    if other_lots:
        apply_fill(book, setup, a_fill(symbol=1, sleeve=1, lots=other_lots, price=100.0))
    book.positions["mark"] = [entry, other_mark]
    price = liquidation_price(book, setup, 0)
    assume(not np.isnan(price))
    book.positions[0]["mark"] = price
    refresh_equity(book, setup)
    needed = maintenance_of(book, setup, 0) + maintenance_of(book, setup, 1)
    assert book.account[0]["equity"] == pytest.approx(needed, abs=1e-6)
    # and one step further is too far
    book.positions[0]["mark"] = price - side * 0.01 * price
    refresh_equity(book, setup)
    needed = maintenance_of(book, setup, 0) + maintenance_of(book, setup, 1)
    assert book.account[0]["equity"] < needed
    assert may_be_liquidated(book, setup, 0, float(book.positions[0]["mark"]))


@given(st.integers(100, 3_000_000), st.sampled_from([1, -1]), st.floats(20.0, 300.0))
def test_the_cheap_filter_never_hides_a_liquidation(lots: int, side: int, mark: float) -> None:
    book, setup = a_position(side * lots, 100.0)
    book.positions["mark"] = mark
    refresh_equity(book, setup)
    if book.account[0]["equity"] < maintenance_of(book, setup, 0):
        assert may_be_liquidated(book, setup, 0, mark)
