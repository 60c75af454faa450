from __future__ import annotations

import math

import numpy as np

from aster_ray.engine.position_book import PositionBook
from aster_ray.kernel.records import INTENT
from aster_ray.model.enums import FillKind, IntentKind
from tests.factories import a_fill


def test_entries_average_and_a_reduction_keeps_the_price() -> None:
    book = PositionBook(1)
    book.book(a_fill(lots=100, price=10.0, stop=9.0, take_profit=12.0))
    book.book(a_fill(lots=300, price=14.0, stop=9.5))
    assert (book.lots[0], book.entry[0], book.stop[0]) == (400, 13.0, 9.5)
    assert math.isnan(book.take_profit[0])
    book.book(a_fill(lots=-150, price=20.0, stop=9.5))
    assert (book.lots[0], book.entry[0]) == (250, 13.0)


def test_a_turn_begins_anew_at_its_own_price() -> None:
    book = PositionBook(2)
    book.book(a_fill(sleeve=1, lots=-5, price=10.0))
    book.book(a_fill(sleeve=1, lots=8, price=7.0))
    assert book.lots.tolist() == [0, 3]
    assert book.entry[1] == 7.0


def test_the_stop_above_protects_what_a_ladder_is_short_of() -> None:
    book = PositionBook(1)
    book.book(a_fill(lots=-5, price=10.0, stop=8.0, stop_high=12.0))
    assert book.stop[0] == 12.0
    book.book(a_fill(lots=15, price=10.0, stop=8.0, stop_high=12.0))
    assert book.stop[0] == 8.0


def test_a_settlement_moves_nothing_and_only_a_moved_stop_is_followed() -> None:
    book = PositionBook(1)
    book.book(a_fill(kind=int(FillKind.FUNDING), lots=7, price=1.0))
    assert book.lots[0] == 0
    intents = np.zeros(2, INTENT)
    intents["kind"] = [int(IntentKind.MOVE_STOP), int(IntentKind.DENIED)]
    intents["stop"] = [9.0, 5.0]
    for intent in intents:
        book.follow(intent)
    assert book.stop[0] == 9.0
