from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.kernel.accounting import apply_fill, begin_bar, next_position
from aster_ray.kernel.records import LONG, SHORT
from aster_ray.model.enums import FillKind
from tests.factories import (
    CAPITAL,
    START_MS,
    Session,
    a_bar,
    a_book,
    a_fill,
    a_setup,
    an_open_setup,
    says,
)

HOUR, DAY = 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("lots", "entry", "fill", "price", "expected"),
    [
        # open 10 lots of 0.5 base at 100
        (0, 0.0, 10, 100.0, (10, 100.0, 0.0)),
        # add: (10 x 100 + 30 x 110) / 40 = 107.5
        (10, 100.0, 30, 110.0, (40, 107.5, 0.0)),
        (-10, 100.0, -30, 110.0, (-40, 107.5, 0.0)),
        # reduce: 4 x 0.5 x (110 - 100) = 20, the entry stays
        (10, 100.0, -4, 110.0, (6, 100.0, 20.0)),
        # reduce a short: -(4 x 0.5) x (110 - 100) = -20
        (-10, 100.0, 4, 110.0, (-6, 100.0, -20.0)),
        # close: 10 x 0.5 x (90 - 100) = -50, flat has no entry
        (10, 100.0, -10, 90.0, (0, 0.0, -50.0)),
        # flip: 10 close with 10 x 0.5 x 10 = 50, 5 open at 110
        (10, 100.0, -15, 110.0, (-5, 110.0, 50.0)),
        (-10, 100.0, 15, 110.0, (5, 110.0, -50.0)),
    ],
)
def test_next_position(
    lots: int, entry: float, fill: int, price: float, expected: tuple[int, float, float]
) -> None:
    assert next_position(lots, entry, fill, price, 0.5) == expected


@given(
    st.lists(
        st.tuples(st.integers(-1000, 1000).filter(bool), st.decimals(50, 150, places=2).map(float)),
        min_size=1,
        max_size=30,
    )
)
def test_average_cost_never_makes_or_loses_money(fills: list[tuple[int, float]]) -> None:
    """Realized and open profit together are what was paid and received."""
    lots, entry, realized = 0, 0.0, 0.0
    for fill, price in fills:
        lots, entry, gain = next_position(lots, entry, fill, price, 0.01)
        realized += gain
    last = fills[-1][1]
    paid = sum(fill * 0.01 * price for fill, price in fills)
    assert realized + lots * 0.01 * (last - entry) == pytest.approx(
        lots * 0.01 * last - paid, abs=1e-8
    )


def test_a_fill_moves_the_sleeve_the_symbol_and_the_wallet() -> None:
    book, setup = a_book(1, 2), a_setup(1, 2)
    # sleeve 0 buys 2 base at 100, fee 0.12; sleeve 1 sells 3 base at 110, fee 0.2
    apply_fill(book, setup, a_fill(sleeve=0, lots=2000, price=100.0, fee=0.12))
    apply_fill(book, setup, a_fill(sleeve=1, lots=-3000, price=110.0, fee=0.2))
    assert book.sleeves["lots"].tolist() == [2000, -3000]
    assert book.sleeves["entry_price"].tolist() == [100.0, 110.0]
    assert book.sleeves["realized"].tolist() == [0.0, 0.0]  # neither has closed anything
    # the account netted: 2 bought at 100 and sold at 110 realize 20, 1 is short from 110
    assert book.positions[0]["lots"] == -1000
    assert book.positions[0]["entry_price"] == 110.0
    account = book.account[0]
    assert account["realized"] == 20.0
    assert account["fees"] == pytest.approx(0.32)
    assert account["wallet"] == pytest.approx(CAPITAL + 20.0 - 0.32)
    assert account["traded"] == 2 * 100.0 + 3 * 110.0


def test_a_closed_trip_is_won_or_lost_after_fees_and_funding() -> None:
    book, setup = a_book(), a_setup()
    sleeve = book.sleeves[0]
    # +10 on the price, minus 2 + 2 fees, minus 7 funding: lost by 1
    apply_fill(book, setup, a_fill(lots=1000, price=100.0, fee=2.0))
    apply_fill(book, setup, a_fill(kind=FillKind.FUNDING, lots=1000, price=7.0, fee=7.0))
    apply_fill(book, setup, a_fill(lots=-1000, price=110.0, fee=2.0))
    assert (sleeve["trips"], sleeve["wins"]) == (1, 0)
    assert (sleeve["gain"], sleeve["loss"]) == (0.0, 1.0)
    apply_fill(book, setup, a_fill(lots=-1000, price=110.0, fee=2.0))
    apply_fill(book, setup, a_fill(lots=1000, price=100.0, fee=2.0))
    assert (sleeve["trips"], sleeve["wins"]) == (2, 1)
    assert (sleeve["gain"], sleeve["loss"]) == (6.0, 1.0)


@pytest.mark.parametrize("side", [1, -1])
def test_longs_pay_a_positive_rate_and_shorts_receive_it(side: int) -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG if side > 0 else SHORT))
    session.close(a_bar(100.0))  # 10 % of 10,000 at 100: 10 base
    assert session.book.positions[0]["lots"] == side * 10_000
    # rate 0.0001 x mark 100 = 0.01 a unit x 10 = 0.1
    closed = session.close(a_bar(100.0, funding=0.01))
    assert closed.fills["kind"].tolist() == [FillKind.FUNDING]
    assert closed.fills[0]["fee"] == pytest.approx(side * 0.1)
    assert closed.fills[0]["ms"] == START_MS + 2 * HOUR  # at the bar's open, not its close
    assert session.account["funding"] == pytest.approx(side * 0.1)
    assert session.account["equity"] == pytest.approx(CAPITAL - side * 0.1)
    # a negative rate turns it round
    session.close(a_bar(100.0, funding=-0.03))
    assert session.account["funding"] == pytest.approx(side * (0.1 - 0.3))


def test_funding_is_due_on_what_was_held_before_the_open() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    session.close(a_bar(100.0, funding=1.0), says(code=SHORT))  # opens at this very settlement
    assert session.account["funding"] == 0.0
    session.close(a_bar(100.0, funding=1.0))  # reverses at this one: the long still pays
    assert session.account["funding"] == pytest.approx(10.0)
    assert session.book.positions[0]["lots"] < 0


@given(st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=8), st.data())
def test_funding_does_not_care_how_a_position_was_built(
    parts: list[int], data: st.DataObject
) -> None:
    setup = a_setup()
    rate = data.draw(st.floats(-1.0, 1.0))
    paid = []
    for pieces in (parts, [sum(parts)]):
        book = a_book()
        for lots in pieces:
            if lots:
                apply_fill(book, setup, a_fill(lots=lots, price=100.0))
        lots = int(book.sleeves[0]["lots"])
        payment = a_fill(kind=FillKind.FUNDING, lots=lots, fee=lots * 0.001 * rate)
        apply_fill(book, setup, payment)
        paid.append(float(book.account[0]["wallet"]))
    assert paid[0] == pytest.approx(paid[1], abs=1e-9)


def test_the_day_turns_at_midnight_utc() -> None:
    book = a_book()
    account = book.account[0]
    account["equity"] = 9_000.0
    begin_bar(account, START_MS)  # closes at midnight: still yesterday
    assert account["day_end_ms"] == START_MS
    account["day_opens"], account["day_ladder_opens"], account["equity"] = 7, 9, 8_000.0
    begin_bar(account, START_MS + HOUR)
    assert account["day_end_ms"] == START_MS + DAY
    assert (account["day_opens"], account["day_ladder_opens"]) == (0, 0)
    assert account["day_equity"] == 8_000.0
    account["day_opens"], account["equity"] = 3, 7_000.0
    begin_bar(account, START_MS + DAY)
    assert (account["day_opens"], account["day_equity"]) == (3, 8_000.0)
    begin_bar(account, START_MS + DAY + HOUR)
    assert (account["day_opens"], account["day_equity"]) == (0, 7_000.0)
    assert account["bar"] == 4
