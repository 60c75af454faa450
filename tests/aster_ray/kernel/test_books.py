from __future__ import annotations

import numpy as np

from aster_ray.kernel.books import new_book, records
from aster_ray.kernel.records import LEVEL, MAX_LEVELS, ROW_COLUMNS, SLEEVE
from aster_ray.model.enums import Denial
from tests.factories import CAPITAL


def test_a_fresh_account_owns_its_capital_and_nothing_else() -> None:
    book = new_book(3, 2, CAPITAL)
    account = book.account[0]
    assert account["wallet"] == account["equity"] == account["peak"] == CAPITAL
    assert account["day_equity"] == CAPITAL
    assert not book.positions["lots"].any()
    assert np.isnan(book.positions["mark"]).all()
    for name in ("stop", "stop_high", "take_profit", "centre", "spacing", "order_stop"):
        assert np.isnan(book.sleeves[name]).all(), name
    assert len(book.denials) == len(Denial)
    assert book.covariance.shape == (3, 3)


def test_sleeves_are_ordered_by_symbol_then_strategy() -> None:
    book = new_book(3, 2, CAPITAL)
    assert book.sleeves["symbol"].tolist() == [0, 0, 1, 1, 2, 2]
    assert book.sleeves["strategy"].tolist() == [0, 1, 0, 1, 0, 1]


def test_levels_take_room_only_where_there_are_ladders() -> None:
    assert new_book(1, 2, CAPITAL).levels.shape == (2, 2 * MAX_LEVELS)
    assert new_book(1, 2, CAPITAL, ladders=False).levels.shape == (2, 1)


def test_a_row_of_bars_is_one_cache_line_and_fields_are_aligned() -> None:
    assert ROW_COLUMNS * 8 == 64
    for dtype in (SLEEVE, LEVEL):
        assert all(offset % 8 == 0 for _, offset in (x[:2] for x in dtype.fields.values()))
    assert records(2, LEVEL).state.tolist() == [0, 0]  # readable with the JIT off too
