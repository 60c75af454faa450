from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from aster_ray.venues.simulator.order import PositionSide
from aster_ray.venues.simulator.position import Position

VALUE = 7  # units a lot is worth per tick
trades = st.lists(
    st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 10**7)), max_size=40
)


def a_position() -> Position:
    return Position("BTCUSDT", PositionSide.BOTH)


@given(trades)
def test_profit_and_cost_account_for_every_unit_that_was_paid(
    sent: list[tuple[int, int]],
) -> None:
    position, paid, profit = a_position(), 0, 0
    for lots, ticks in sent:
        paid += lots * ticks * VALUE
        profit += position.trade(lots, lots * ticks * VALUE)
    assert position.lots == sum(lots for lots, _ in sent)
    assert profit == position.cost - paid
    assert position.realized == profit
    if position.lots == 0:
        assert position.cost == 0
    else:
        assert (position.cost > 0) == (position.lots > 0)


@given(trades)
def test_the_entry_price_is_the_textbook_average_to_a_unit_a_trade(
    sent: list[tuple[int, int]],
) -> None:
    position = a_position()
    held, average = 0, Fraction(0)
    for lots, ticks in sent:
        price = Fraction(ticks * VALUE)
        if held * lots >= 0:
            average = (average * abs(held) + price * abs(lots)) / (abs(held) + abs(lots))
        elif abs(lots) > abs(held):
            average = price
        held += lots
        position.trade(lots, lots * ticks * VALUE)
        assert abs(position.cost - held * average) <= len(sent)
        if held == 0:
            average = Fraction(0)


def test_a_short_earns_when_the_price_falls() -> None:
    position = a_position()
    assert position.trade(-10, -10 * 100 * VALUE) == 0
    assert position.trade(4, 4 * 90 * VALUE) == 4 * 10 * VALUE
    assert (position.lots, position.cost) == (-6, -6 * 100 * VALUE)


def test_a_trade_through_flat_opens_the_rest_at_its_own_price() -> None:
    position = a_position()
    position.trade(10, 10 * 100 * VALUE)
    assert position.trade(-15, -15 * 110 * VALUE) == 10 * 10 * VALUE
    assert (position.lots, position.cost) == (-5, -5 * 110 * VALUE)


@given(st.integers(0, 10**12), st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_isolated_margin_is_given_back_whole(margin: int, parts: list[int]) -> None:
    position, lots, back = a_position(), sum(parts), 0
    position.isolated = margin
    for part in parts:
        back += position.release(part, lots)
        lots -= part
    assert (back, position.isolated) == (margin, 0)
