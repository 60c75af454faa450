from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.metrics.round_trips import RoundTrip, pair_fills
from aster_ray.metrics.waterfall import ledger
from aster_ray.model.enums import ExitReason, FillKind
from tests.aster_ray.metrics.accounts import HOUR, STEP, Ledger, flat_market, random_book


def book_of(bars: int = 6, price: float = 100.0, symbols: int = 1, **changes: Any) -> Ledger:
    return Ledger(flat_market(np.full((bars, symbols), price)), **changes)


def test_long_trip_worked_by_hand() -> None:
    book = book_of()
    book.fill(0, 0, 4, 100.0, fee=0.2, slippage=0.1)
    book.fund(1, 0, 4, 0.05)
    book.fill(2, 0, -4, 110.0, fee=0.3, slippage=0.4, reason=ExitReason.TAKE_PROFIT)
    (trip,) = pair_fills(book.facts())
    assert trip._asdict() == {
        "symbol": "S0USDT",
        "strategy": "momentum",
        "sleeve": 0,
        "level": -1,
        "side": 1,
        "is_open": False,
        "entry_ms": HOUR,
        "exit_ms": 3 * HOUR,
        "holding_ms": 2 * HOUR,
        "lots": 4,
        "open_lots": 0,
        "qty": 2.0,
        "entry_price": 100.0,
        "exit_price": 110.0,
        "notional": 200.0,
        "price_pnl": 20.0,
        "fees": 0.5,
        "funding": pytest.approx(0.1),
        "slippage": 0.5,
        "net": pytest.approx(19.4),
        "net_return": pytest.approx(0.097),
        "fills": 2,
        "reason": "take_profit",
    }


def test_short_trip_gains_when_the_price_falls_and_receives_funding() -> None:
    book = book_of()
    book.fill(0, 0, -2, 100.0)
    book.fund(1, 0, -2, 0.5)
    book.fill(2, 0, 2, 90.0, reason=ExitReason.STOP_LOSS)
    (trip,) = pair_fills(book.facts())
    assert (trip.side, trip.price_pnl, trip.funding, trip.net) == (-1, 10.0, -0.5, 10.5)


def test_scaling_in_and_out_is_one_trip_at_average_prices() -> None:
    book = book_of()
    book.fill(0, 0, 2, 100.0)
    book.fill(1, 0, 2, 110.0)
    book.fill(2, 0, -1, 120.0, reason=ExitReason.SCALE_OUT)
    book.fill(3, 0, -3, 116.0, reason=ExitReason.TRAILING_STOP)
    (trip,) = pair_fills(book.facts())
    assert (trip.lots, trip.entry_price, trip.exit_price, trip.fills) == (4, 105.0, 117.0, 4)
    assert (trip.price_pnl, trip.reason) == (24.0, "trailing_stop")


def test_a_fill_that_crosses_zero_closes_one_trip_and_opens_the_next() -> None:
    book = book_of()
    book.fill(0, 0, 2, 100.0)
    book.fill(1, 0, -6, 105.0, fee=0.6, slippage=0.3, reason=ExitReason.REVERSAL)
    closed, opened = pair_fills(book.facts())
    assert (closed.is_open, closed.price_pnl, closed.fees) == (False, 5.0, pytest.approx(0.2))
    assert (opened.is_open, opened.side, opened.open_lots) == (True, -1, -4)
    assert (opened.fees, opened.slippage) == (pytest.approx(0.4), pytest.approx(0.2))


def test_what_is_still_held_is_open_and_ends_at_the_last_mark() -> None:
    market = flat_market([[100.0], [104.0], [np.nan]])  # the last mark is carried over the gap
    book = Ledger(market)
    book.fill(0, 0, 2, 100.0, fee=0.25)
    facts = Ledger(flat_market([[100.0], [104.0], [104.0]]), rows=book.rows).facts(market=market)
    (trip,) = pair_fills(facts)
    assert (trip.is_open, trip.exit_price, trip.exit_ms) == (True, 104.0, 3 * HOUR)
    assert (trip.net, trip.reason) == (3.75, "none")


def level(book: Ledger, row: int, number: int, lots: int, price: float, **rest: Any) -> None:
    is_exit = "reason" in rest
    kind = FillKind.LADDER_EXIT if is_exit else FillKind.LADDER_ENTRY
    book.fill(row, 0, lots, price, level=number, kind=kind, **rest)


def test_ladder_levels_pair_entry_with_their_own_exit() -> None:
    book = book_of(8)
    level(book, 0, 0, 2, 99.0)
    level(book, 1, 1, 2, 98.0)
    level(book, 2, 1, -2, 99.0, reason=ExitReason.LADDER_PROFIT)
    level(book, 3, 0, -2, 100.0, reason=ExitReason.LADDER_PROFIT)
    trips = pair_fills(book.facts())
    assert [(trip.level, trip.entry_price, trip.exit_price) for trip in trips] == [
        (1, 98.0, 99.0),
        (0, 99.0, 100.0),
    ]


def test_ladder_stop_closes_one_side_and_leaves_the_other() -> None:
    book = book_of(8)
    level(book, 0, 0, 2, 99.0)
    level(book, 1, 1, 2, 98.0)
    level(book, 2, 5, -3, 104.0)
    book.fill(
        3, 0, -4, 90.0, kind=FillKind.STOP, fee=0.8, slippage=0.4, reason=ExitReason.LADDER_STOP
    )
    first, second, held = pair_fills(book.facts())
    assert [(trip.level, trip.net) for trip in (first, second)] == [
        (0, pytest.approx(-9.4)),
        (1, pytest.approx(-8.4)),
    ]
    assert (held.is_open, held.level, held.open_lots) == (True, 5, -3)


def test_flattening_a_ladder_closes_opposite_levels_at_one_price() -> None:
    book = book_of(8)
    level(book, 0, 0, 5, 99.0)
    level(book, 1, 5, -2, 104.0)
    book.fill(2, 0, -3, 100.0, fee=0.7, reason=ExitReason.DRAWDOWN_HALT)
    trips = pair_fills(book.facts())
    assert [trip.is_open for trip in trips] == [False, False]
    assert [trip.price_pnl for trip in trips] == [2.5, 4.0]
    assert [trip.fees for trip in trips] == [pytest.approx(0.5), pytest.approx(0.2)]


def test_funding_of_a_ladder_is_shared_by_signed_lots() -> None:
    book = book_of(8)
    level(book, 0, 0, 3, 99.0)
    level(book, 1, 5, -1, 104.0)
    book.fund(2, 0, 2, 0.5)
    assert [trip.funding for trip in pair_fills(book.facts())] == [0.75, -0.25]


def test_sleeves_of_one_symbol_do_not_mix() -> None:
    book = book_of(strategies=("momentum", "grid"))
    book.fill(0, 0, 2, 100.0)
    book.fill(0, 1, -2, 100.0)
    book.fill(1, 0, -2, 101.0, reason=ExitReason.REVERSAL)
    closed, held = pair_fills(book.facts())
    assert (closed.strategy, closed.price_pnl) == ("momentum", 1.0)
    assert (held.strategy, held.is_open) == ("grid", True)


def test_funding_on_a_position_never_opened_is_refused() -> None:
    book = book_of()
    book.fund(0, 0, 2, 0.5)
    with pytest.raises(ValueError, match="never opened"):
        pair_fills(book.facts())


def total(trips: list[RoundTrip], name: str) -> float:
    return math.fsum(getattr(trip, name) for trip in trips)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_trips_conserve_lots_and_money(
    steps: list[tuple[int, str, int, float, int, float]],
) -> None:
    book = random_book(steps)
    facts = book.facts()
    trips = pair_fills(facts)
    assert total(trips, "net") == pytest.approx(facts.equity[-1] - facts.capital, abs=1e-6)
    whole = ledger(facts)
    assert total(trips, "fees") == pytest.approx(whole.fees, abs=1e-9)
    assert total(trips, "funding") == pytest.approx(whole.funding, abs=1e-9)
    assert total(trips, "slippage") == pytest.approx(whole.slippage, abs=1e-9)
    is_trade = facts.fills["kind"] != FillKind.FUNDING
    for sleeve in range(4):
        mine = facts.fills[is_trade & (facts.fills["sleeve"] == sleeve)]
        held = sum(trip.open_lots for trip in trips if trip.sleeve == sleeve)
        assert held == mine["lots"].sum()
    assert all((trip.open_lots != 0) == trip.is_open for trip in trips)
    assert all(trip.side * trip.open_lots >= 0 for trip in trips)
