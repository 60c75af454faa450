from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.book import Book, Entry, cross

sides = st.sampled_from([Side.BUY, Side.SELL])
# Side, price, lots: what is left after trading rests.
orders = st.lists(st.tuples(sides, st.integers(90, 110), st.integers(1, 20)), max_size=60)


def other(side: Side) -> Side:
    return Side(-side)


@dataclass
class Naive:
    """The rule in its simplest form: look through everybody for whose turn it is."""

    resting: list[list[int]] = field(default_factory=list)  # id, side, ticks, lots

    def send(self, number: int, side: Side, ticks: int, lots: int) -> list[tuple[int, int, int]]:
        trades = []
        while lots:
            found = [
                row for row in self.resting if row[1] == -side and side * (ticks - row[2]) >= 0
            ]
            if not found:
                self.resting.append([number, side, ticks, lots])
                break
            best = min(found, key=lambda row: (side * row[2], row[0]))
            traded = min(lots, best[3])
            trades.append((best[0], best[2], traded))
            best[3] -= traded
            lots -= traded
            if not best[3]:
                self.resting.remove(best)
        return trades


def send(book: Book, number: int, side: Side, ticks: int, lots: int) -> list[tuple[int, int, int]]:
    trades: list[tuple[int, int, int]] = []
    left = cross(
        book,
        side,
        lots,
        ticks,
        lambda entry, traded: trades.append((entry.order_id, entry.ticks, traded)),
    )
    if left:
        book.add(Entry(1, number, side, ticks, left))
    return trades


@given(orders)
def test_price_then_time_decides_whose_turn_it_is(
    sent: list[tuple[Side, int, int]],
) -> None:
    book, naive = Book(), Naive()
    for number, (side, ticks, lots) in enumerate(sent):
        assert send(book, number, side, ticks, lots) == naive.send(number, side, ticks, lots)
    for side in Side:
        mine = [(entry.order_id, entry.lots) for entry in book.entries(side)]
        rows = [row for row in naive.resting if row[1] == side]
        rows.sort(key=lambda row: (-side * row[2], row[0]))
        assert mine == [(row[0], row[3]) for row in rows]


@given(orders, st.lists(st.integers(0, 59), max_size=20))
def test_the_book_is_never_crossed_and_its_levels_add_up(
    sent: list[tuple[Side, int, int]], withdrawn: list[int]
) -> None:
    book = Book()
    asked = traded = removed = 0
    for number, (side, ticks, lots) in enumerate(sent):
        asked += lots
        traded += 2 * sum(trade[2] for trade in send(book, number, side, ticks, lots))
        for entry in [*book.entries(Side.BUY), *book.entries(Side.SELL)]:
            if number in withdrawn and entry.order_id % 3 == 0:
                book.remove(entry)
                removed += entry.lots
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        resting = 0
        for half in Side:
            levels = book.levels(half, 1000)
            assert levels == sorted(levels, key=lambda level: -half * level[0])
            assert all(lots > 0 for _, lots in levels)
            assert sum(lots for _, lots in levels) == book.lots_within(other(half), None)
            resting += sum(entry.lots for entry in book.entries(half))
        assert asked == traded + removed + resting


@given(orders, sides, st.integers(85, 115))
def test_what_could_trade_at_once_is_what_does(
    sent: list[tuple[Side, int, int]], side: Side, limit: int
) -> None:
    book = Book()
    for number, (way, ticks, lots) in enumerate(sent):
        send(book, number, way, ticks, lots)
    within = book.lots_within(side, limit)
    assert book.reaches(side, limit) == (within > 0)
    assert cross(book, side, 10**9, limit, lambda _entry, _lots: None) == 10**9 - within
    assert not book.reaches(side, limit)


def test_an_entry_that_would_trade_or_is_empty_cannot_rest() -> None:
    book = Book()
    book.add(Entry(1, 1, Side.SELL, 100, 5))
    for entry in (
        Entry(1, 2, Side.BUY, 100, 1),
        Entry(1, 2, Side.BUY, 99, 0),
        Entry(1, 2, Side.BUY, 0, 1),
    ):
        with pytest.raises(ValueError, match=r"rest|cross"):
            book.add(entry)


def test_nobody_is_served_out_of_turn_or_beyond_what_he_has() -> None:
    book = Book()
    first, second = Entry(1, 1, Side.BUY, 100, 5), Entry(2, 2, Side.BUY, 100, 5)
    book.add(first)
    book.add(second)
    with pytest.raises(ValueError, match="not first"):
        book.take(second, 1)
    with pytest.raises(ValueError, match="cannot take"):
        book.take(first, 6)


def test_a_smaller_entry_keeps_its_place() -> None:
    book = Book()
    first, second = Entry(1, 1, Side.BUY, 100, 5), Entry(2, 2, Side.BUY, 100, 5)
    book.add(first)
    book.add(second)
    book.shrink(first, 4)
    assert book.front(Side.BUY) is first
    book.shrink(first, 1)
    assert book.front(Side.BUY) is second


def test_every_change_has_its_number() -> None:
    book = Book()
    entry = Entry(1, 1, Side.BUY, 100, 5)
    book.add(entry)
    book.shrink(entry, 1)
    book.take(entry, 1)
    book.remove(entry)
    assert book.update_id == 4
    assert book.best(Side.BUY) is None
    assert book.front(Side.BUY) is None
