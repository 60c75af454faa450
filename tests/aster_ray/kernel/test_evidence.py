"""What a real venue executed reaches the sleeves it was done for, lot by lot and cent by cent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.kernel.evidence import (
    Execution,
    protective_level,
    settle_funding,
    settle_limit,
    settle_liquidation,
    settle_market,
    settle_stop,
)
from aster_ray.kernel.matching import match_bar
from aster_ray.kernel.records import Book, Moment, Setup
from aster_ray.model.enums import ExitReason, FillKind
from tests.factories import START_MS, a_bar, a_book, an_open_setup

STRATEGIES = 3


def a_scene(**rules: float) -> tuple[Book, Setup]:
    """Return the book of one symbol and three sleeves."""
    return a_book(1, STRATEGIES), an_open_setup(1, STRATEGIES, **rules)


def holds(book: Book, lots: list[int], price: float = 100.0) -> None:
    """Give the sleeves positions."""
    for sleeve, held in zip(book.sleeves, lots, strict=True):
        sleeve["lots"], sleeve["entry_price"] = held, price if held else 0.0
    book.positions["lots"], book.positions["entry_price"] = sum(lots), price


def orders(book: Book, closing: list[int], opening: list[int]) -> None:
    """Let the sleeves ask for market orders."""
    for sleeve, close, open_ in zip(book.sleeves, closing, opening, strict=True):
        sleeve["order_lots"], sleeve["order_close_lots"] = close + open_, close
        sleeve["order_stop"], sleeve["order_units"] = 0.05, 1.0
        sleeve["order_reason"] = ExitReason.INVALIDATION if close else 0


def fills(book: Book) -> np.ndarray:
    """Return what was written."""
    return book.fills[: int(book.account["fill_count"][0])]


def done(lots: int, price: float = 100.0, fee: float = 0.0, reference: float = 100.0) -> Execution:
    """Return an execution."""
    return Execution(lots, price, fee, reference, START_MS)


def test_a_whole_execution_is_what_matching_makes_of_the_same_price() -> None:
    paper, setup = a_scene(taker_fee=0.001, half_spread=0.001, slippage=0.0)
    real, _ = a_scene()
    for book in (paper, real):
        holds(book, [10, 0, -4])
        orders(book, [-10, 0, 0], [0, 7, -2])
    match_bar(paper, setup, 0, a_bar(100.0), Moment(0, START_MS, START_MS))
    expected = fills(paper)
    price, fee = float(expected["price"][0]), float(expected["fee"].sum())
    settle_market(real, setup, 0, done(-5, price, fee))
    found = fills(real)
    for name in ("sleeve", "kind", "lots", "price", "reason", "stop"):
        assert np.array_equal(found[name], expected[name], equal_nan=name == "stop"), name
    assert found["fee"] == pytest.approx(expected["fee"])
    assert found["slippage"] == pytest.approx(expected["slippage"])
    assert (real.sleeves["order_lots"] == 0).all()


def test_what_was_not_executed_is_missing_where_it_opens_first() -> None:
    book, setup = a_scene()
    holds(book, [-10, 0, 0])
    orders(book, [10, 0, 0], [0, 6, 4])
    settle_market(book, setup, 0, done(13))
    assert book.sleeves["lots"].tolist() == [0, 3, 0]
    assert (book.sleeves["order_lots"] == 0).all()


def test_nothing_executed_leaves_everything_as_it_was() -> None:
    book, setup = a_scene()
    holds(book, [5, 0, 0])
    orders(book, [-5, 0, 0], [0, 0, 0])
    settle_market(book, setup, 0, done(0))
    assert book.sleeves["lots"].tolist() == [5, 0, 0]
    assert len(fills(book)) == 0
    assert (book.sleeves["order_lots"] == 0).all()


def test_a_stop_takes_the_whole_symbol() -> None:
    book, setup = a_scene()
    holds(book, [10, -4, 3])
    settle_stop(book, setup, 0, done(-9, 95.0, fee=0.9, reference=96.0))
    assert book.sleeves["lots"].tolist() == [0, 0, 0]
    found = fills(book)
    assert found["kind"].tolist() == [FillKind.STOP] * 3
    assert found["fee"].sum() == pytest.approx(0.9 * 17 / 17)
    assert found["slippage"].sum() == pytest.approx(9 * 0.001 * 1.0)


def test_a_stop_that_crossed_an_order_leaves_what_was_closed_twice() -> None:
    book, setup = a_scene()
    holds(book, [14, -15, 0])
    settle_stop(book, setup, 0, done(19))
    assert book.sleeves["lots"].tolist() == [18, 0, 0]
    assert book.positions["lots"][0] == 18


def test_funding_is_paid_by_what_is_held() -> None:
    book, setup = a_scene()
    holds(book, [10, -4, 0])
    settle_funding(book, setup, 0, 0.6, START_MS)
    assert book.sleeves["funding"].tolist() == pytest.approx([1.0, -0.4, 0.0])
    assert book.account["funding"][0] == pytest.approx(0.6)


def test_funding_that_comes_after_the_end_is_paid_all_the_same() -> None:
    book, setup = a_scene()
    settle_funding(book, setup, 0, -0.25, START_MS)
    assert book.account["funding"][0] == -0.25
    assert book.account["wallet"][0] == 10_000.25


def test_a_liquidation_closes_every_sleeve() -> None:
    book, setup = a_scene()
    holds(book, [10, -4, 3])
    settle_liquidation(book, setup, 0, done(-9, 80.0, fee=1.7))
    assert book.sleeves["lots"].tolist() == [0, 0, 0]
    assert fills(book)["fee"].sum() == pytest.approx(1.7)
    assert book.account["liquidations"][0] == 1


def test_half_a_level_is_a_smaller_level() -> None:
    book, setup = a_scene()
    book.sleeves["spacing"][1] = 0.01
    book.levels[1, 2]["state"], book.levels[1, 2]["lots"] = 1, 8
    book.levels[1, 2]["exit_price"] = 102.0
    settle_limit(book, setup, 1, 2, done(5))
    assert (book.levels[1, 2]["state"], book.levels[1, 2]["lots"]) == (2, 5)
    settle_limit(book, setup, 1, 2, done(-3, 102.0))
    assert (book.levels[1, 2]["state"], book.levels[1, 2]["lots"]) == (2, 2)
    settle_limit(book, setup, 1, 2, done(-2, 102.0))
    assert book.levels[1, 2]["state"] == 0
    assert book.sleeves[1]["lots"] == 0
    assert book.sleeves[1]["trips"] == 2


def test_a_take_profit_closes_its_sleeve_alone() -> None:
    book, setup = a_scene()
    holds(book, [10, 4, 0])
    settle_limit(book, setup, 1, -1, done(-4, 110.0))
    assert book.sleeves["lots"].tolist() == [10, 0, 0]
    assert fills(book)["reason"].tolist() == [ExitReason.TAKE_PROFIT]


@pytest.mark.parametrize(
    ("lots", "stops", "level"),
    [
        ([10, 5, 0], [90.0, 95.0, 99.0], 95.0),  # a flat sleeve's stop is nobody's
        ([-10, -5, 0], [110.0, 105.0, 101.0], 105.0),
        ([10, -4, 0], [90.0, 101.0, np.nan], 90.0),  # the net's side counts
        ([10, 0, 0], [np.nan, 95.0, 95.0], np.nan),
        ([5, -5, 0], [90.0, 110.0, np.nan], np.nan),
    ],
)
def test_the_nearest_stop_of_the_nets_side_protects(
    lots: list[int], stops: list[float], level: float
) -> None:
    book, setup = a_scene()
    holds(book, lots)
    book.sleeves["stop"] = stops
    assert protective_level(book, setup, 0) == pytest.approx(level, nan_ok=True)


LOTS = st.lists(st.integers(-50, 50), min_size=STRATEGIES, max_size=STRATEGIES)


@given(held=LOTS, opening=LOTS, share=st.floats(0.0, 1.0), fee=st.floats(0.0, 5.0))
def test_lots_and_fees_are_conserved(
    held: list[int], opening: list[int], share: float, fee: float
) -> None:
    book, setup = a_scene()
    holds(book, held)
    closing = [-lots for lots in held]
    orders(book, closing, opening)
    part = int((sum(closing) + sum(opening)) * share)
    settle_market(book, setup, 0, done(part, 101.0, fee))
    assert book.sleeves["lots"].sum() == sum(held) + part == book.positions["lots"][0]
    if len(fills(book)):
        assert fills(book)["fee"].sum() == pytest.approx(fee)


@given(held=LOTS, stopped=st.integers(-160, 160))
def test_a_stop_never_loses_a_lot(held: list[int], stopped: int) -> None:
    book, setup = a_scene()
    holds(book, held)
    if stopped:
        settle_stop(book, setup, 0, done(stopped))
        assert book.sleeves["lots"].sum() == sum(held) + stopped == book.positions["lots"][0]
