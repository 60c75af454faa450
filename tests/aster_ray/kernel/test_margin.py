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
    equity_without,
    liquidation_price,
    maintenance,
    maintenance_of,
    may_be_liquidated,
)
from aster_ray.kernel.records import DEDUCTION, Book, Setup
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


def test_maintenance_is_never_negative_and_a_flat_symbol_needs_none() -> None:
    book, setup = a_book(), a_setup()
    assert maintenance_of(book, setup, 0) == 0.0  # not even before its first mark
    setup.brackets[0, 0, DEDUCTION] = 500.0
    assert maintenance(setup, 0, 100.0) == 0.0


@pytest.mark.parametrize("lots", [1, -1])
def test_a_single_lot_of_another_symbol_counts(lots: int) -> None:
    book, setup = a_book(3), a_setup(3)
    apply_fill(book, setup, a_fill(symbol=1, sleeve=1, lots=lots, price=100.0))
    book.positions["mark"] = [100.0, 90.0, np.nan]
    # 0.001 base that fell by 10, at 1 % maintenance of 0.09
    assert equity_without(book, setup, 0) == pytest.approx((CAPITAL - lots * 0.01, 0.0009))
    assert equity_without(book, setup, 1) == (CAPITAL, 0.0)


def test_a_liquidation_in_the_last_bracket_by_hand() -> None:
    # (100,000 + 8,000 - 1,000,000) / (10,000 x 0.05 - 10,000), where it is worth 938,947
    book, setup = a_position(10_000_000, 100.0, 100_000.0)
    assert liquidation_price(book, setup, 0) == pytest.approx(892_000 / 9_500)


def test_a_liquidation_where_two_brackets_meet() -> None:
    # A short of 500 from 91 with 5,000 is worth 50,000 at 100, where the second bracket begins:
    # (5,000 + 500 + 45,500) / (500 x 1.02) = 100
    book, setup = a_position(-500_000, 91.0, 5_000.0)
    assert liquidation_price(book, setup, 0) == 100.0


@pytest.mark.parametrize(
    ("lots", "capital", "price"),
    [
        (1, 0.05, 0.05 / 0.00099),  # one lot of 0.001, half on credit
        (1, 0.0999, 0.0001 / 0.00099),  # nearly all of it paid
        (-1, 10.0, 10.1 / 0.00101),
    ],
)
def test_even_a_single_lot_has_a_liquidation_price(lots: int, capital: float, price: float) -> None:
    book, setup = a_position(lots, 100.0, capital)
    assert liquidation_price(book, setup, 0) == pytest.approx(price)


# 100 base from 100: nothing can happen while the account is worth more than half of them.
@pytest.mark.parametrize(
    ("lots", "mark", "capital"),
    [
        (100_000, 100.0, 5_000.0),
        (100_000, 90.0, 5_500.0),  # 1,000 lost, half of 9,000
        (-100_000, 110.0, 6_500.0),  # 1,000 lost, half of 11,000
    ],
)
def test_the_cheap_filter_lets_pass_from_half_of_the_notional_on(
    lots: int, mark: float, capital: float
) -> None:
    book, setup = a_position(lots, 100.0, capital)
    assert may_be_liquidated(book, setup, 0, mark)
    book, setup = a_position(lots, 100.0, capital + 0.01)
    assert not may_be_liquidated(book, setup, 0, mark)


@pytest.mark.parametrize(("lots", "capital"), [(1, 5_000.055), (-1, 5_000.035)])
def test_the_cheap_filter_counts_every_other_symbol(lots: int, capital: float) -> None:
    # One lot of 0.001 from 100 to 90: 0.09 of notional, 0.01 lost or won
    for more, possible in ((-0.005, True), (0.005, False)):
        book, setup = a_book(3, capital=capital + more), a_setup(3)
        apply_fill(book, setup, a_fill(symbol=0, sleeve=0, lots=100_000, price=100.0))
        apply_fill(book, setup, a_fill(symbol=1, sleeve=1, lots=lots, price=100.0))
        book.positions["mark"] = [100.0, 90.0, np.nan]
        assert may_be_liquidated(book, setup, 0, 100.0) == possible
