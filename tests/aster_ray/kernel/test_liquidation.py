"""Liquidation by hand: what the venue takes, when, at which price and for which fee."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.accounting import apply_fill, refresh_equity
from aster_ray.kernel.liquidation import liquidate, liquidation_level, margin_call
from aster_ray.kernel.records import Book, Moment, Setup
from aster_ray.model.enums import ExitReason, FillKind
from tests.factories import a_bar, a_book, a_fill, a_setup, no_bar

MOMENT = Moment(0, 1_000, 2_000)


def holding(
    *lots: int, capital: float = 10_000.0, price: float = 100.0, **fields: Any
) -> tuple[Book, Setup]:
    """Return a book with one position a symbol, all from ``price`` and still there."""
    book, setup = a_book(len(lots), capital=capital), a_setup(len(lots), **fields)
    for n, count in enumerate(lots):
        if count:
            apply_fill(book, setup, a_fill(symbol=n, sleeve=n, lots=count, price=price))
    book.positions["mark"] = price
    refresh_equity(book, setup)
    book.account["fill_count"] = 0
    return book, setup


# Ten times long or short from 100: bankrupt at 90 or 110. The fee is 1.5 % of what is taken.
@pytest.mark.parametrize(
    ("lots", "reference", "price", "fee", "left"),
    [
        (1_000_000, 92.0, 92.0, 1_380.0, 620.0),  # 8,000 lost
        (1_000_000, 91.999, 91.99, 1_379.85, 610.15),  # a tick against us
        (1_000_000, 90.5, 90.5, 500.0, 0.0),  # no more than there is
        (1_000_000, 85.0, 90.0, 0.0, 0.0),
        (-1_000_000, 108.0, 108.0, 1_620.0, 380.0),
        (-1_000_000, 108.001, 108.01, 1_620.15, 369.85),
        (-1_000_000, 109.5, 109.5, 500.0, 0.0),
        (-1_000_000, 115.0, 110.0, 0.0, 0.0),
    ],
)
def test_a_liquidation_costs_its_fees_but_never_more_than_there_is(
    lots: int, reference: float, price: float, fee: float, left: float
) -> None:
    book, setup = holding(lots, liquidation_fee=0.01, taker_fee=0.005)
    book.account["wallet"] = 10_000.0
    liquidate(book, setup, 0, reference, 2_000)
    fill = book.fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.LIQUIDATION, ExitReason.LIQUIDATION)
    assert (fill["lots"], fill["ms"]) == (-lots, 2_000)
    assert (fill["price"], fill["fee"]) == (pytest.approx(price), pytest.approx(fee, abs=1e-9))
    assert book.account[0]["wallet"] == pytest.approx(left, abs=1e-8)
    assert book.positions[0]["lots"] == 0


def test_the_fee_is_shared_by_size_over_the_sleeves_of_the_symbol() -> None:
    book, setup = a_book(2, 3), a_setup(2, 3, liquidation_fee=0.01)
    for i, lots in ((1, 400_000), (3, 900_000), (5, -100_000)):
        apply_fill(book, setup, a_fill(symbol=i // 3, sleeve=i, lots=lots, price=100.0))
    book.positions["mark"] = 100.0
    book.account["fill_count"] = 0
    liquidate(book, setup, 1, 99.0, 2_000)
    # 800 base net at 99 are 79,200: a fee of 792, of which nine tenths and one
    assert book.fills["sleeve"][:2].tolist() == [3, 5]
    assert book.fills["lots"][:2].tolist() == [-900_000, 100_000]
    assert book.fills["fee"][:2].tolist() == pytest.approx([712.8, 79.2])
    assert book.account[0]["fill_count"] == 2
    assert book.sleeves["lots"].tolist() == [0, 400_000, 0, 0, 0, 0]


@pytest.mark.parametrize(("lots", "price"), [(1, 60.0), (-1, 140.0)])
def test_a_single_lot_is_taken_like_any_other(lots: int, price: float) -> None:
    book, setup = holding(lots, capital=0.05)  # bankrupt 50 away
    liquidate(book, setup, 0, price, 2_000)
    assert (book.fills[0]["lots"], book.fills[0]["price"]) == (-lots, price)
    assert book.account[0]["wallet"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("lots", "capital", "entry", "level", "away"),
    [
        (500_000, 5_450.0, 100.0, 90.0, 0.01),  # (5,450 - 50,000) / (500 x 0.01 - 500)
        (-500_000, 5_000.0, 91.0, 100.0, -0.01),  # where two brackets meet, see test_margin
        (1, 0.0109, 100.0, 90.0, 0.01),
        (-1, 0.0111, 100.0, 110.0, -0.01),  # (0.0111 + 0.1) / (0.001 x 1.01)
    ],
)
def test_liquidation_begins_at_its_price_on_the_adverse_mark(
    lots: int, capital: float, entry: float, level: float, away: float
) -> None:
    book, setup = holding(lots, capital=capital, price=entry)

    def found(adverse: float) -> float:
        marks = (500.0, adverse, entry) if lots > 0 else (adverse, 1.0, entry)
        return float(liquidation_level(book, setup, 0, a_bar(entry, mark=marks)))

    beyond = level if abs(lots) > 1 else level - away / 1e6  # a lot's price is not exact in floats
    assert found(beyond) == pytest.approx(level)
    assert np.isnan(found(level + away))


def test_what_is_flat_or_far_away_has_no_level() -> None:
    book, setup = holding(0, 50_000)
    row = a_bar(100.0, mark=(200.0, 1.0, 100.0))
    assert np.isnan(liquidation_level(book, setup, 0, row))
    assert np.isnan(liquidation_level(book, setup, 1, row))  # 5,000 long of 10,000: worth something


def called(book: Book, setup: Setup, *bars: np.ndarray) -> list[int]:
    """Return the symbols that a margin call takes."""
    margin_call(book, setup, np.array(bars), MOMENT)
    return list(book.fills["symbol"][: book.account[0]["fill_count"]])


@pytest.mark.parametrize(
    ("equity", "taken"), [(100.0, []), (99.99, [0]), (100.5, []), (99.2, [0]), (1.0, [0])]
)
def test_an_account_is_called_below_its_maintenance(equity: float, taken: list[int]) -> None:
    # 100 base at 100 need 1 % of 10,000
    book, setup = holding(100_000, capital=equity)
    assert called(book, setup, a_bar(100.0)) == taken
    if taken:
        assert (book.fills[0]["price"], book.fills[0]["ms"]) == (100.0, MOMENT.close_ms)


@pytest.mark.parametrize("lots", [10, 1, -1])
def test_the_smallest_position_is_called_too(lots: int) -> None:
    book, setup = holding(lots, capital=abs(lots) * 0.0005)  # half of 1 % of 0.1 a lot
    assert called(book, setup, a_bar(100.0)) == [0]


def test_a_call_takes_symbol_by_symbol_until_the_rest_is_covered() -> None:
    # each needs 100: with 250 the first must go, and no other
    book, setup = holding(100_000, 100_000, 100_000, capital=250.0)
    assert called(book, setup, *[a_bar(100.0)] * 3) == [0]
    book, setup = holding(100_000, 100_000, 100_000, capital=150.0)
    assert called(book, setup, *[a_bar(100.0)] * 3) == [0, 1]
    # one that is flat is passed, one without a bar cannot be sold
    book, setup = holding(0, 100_000, 100_000, capital=150.0)
    assert called(book, setup, no_bar(), no_bar(), a_bar(100.0)) == [2]


def test_a_call_sells_at_the_close_even_without_a_mark_and_counts_what_that_brought() -> None:
    # 250 of equity where 300 are needed; selling 100 base at 101 makes it 350
    book, setup = holding(100_000, 100_000, 100_000, capital=250.0)
    unmarked = a_bar(101.0, mark=(np.nan, np.nan, np.nan))
    assert called(book, setup, unmarked, a_bar(101.0), a_bar(101.0)) == [0]
    assert book.fills[0]["price"] == 101.0
    assert book.account[0]["equity"] == pytest.approx(350.0)
    book, setup = holding(100_000, 100_000, 100_000, capital=150.0)
    assert called(book, setup, unmarked, a_bar(101.0), a_bar(101.0)) == [0]


def test_sleeves_that_even_out_are_left_alone_by_a_call() -> None:
    book, setup = a_book(2, 2, capital=50.0), a_setup(2, 2)
    for i, lots in ((0, 100_000), (1, -100_000), (2, 100_000)):
        apply_fill(book, setup, a_fill(symbol=i // 2, sleeve=i, lots=lots, price=100.0))
    book.positions["mark"] = 100.0
    book.account["fill_count"] = 0
    refresh_equity(book, setup)
    assert called(book, setup, a_bar(100.0), a_bar(100.0)) == [1]
    assert book.sleeves["lots"].tolist() == [100_000, -100_000, 0, 0]
