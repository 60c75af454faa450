from __future__ import annotations

from aster_ray.engine.order_table import order_columns
from aster_ray.kernel.records import LONG, SHORT
from tests.factories import Session, a_bar, an_open_setup, says

SYMBOLS, SLEEVES = ("BTCUSDT",), (("one", 0), ("two", 0))


def test_one_row_per_order_in_the_order_of_decisions() -> None:
    session = Session(an_open_setup(1, 2, enabled=0))
    session.close(a_bar(100.0), says(2, code=[LONG, SHORT]))
    session.close(a_bar(100.0), says(2, code=[4, 0]))
    session.close(a_bar(99.0))
    table = order_columns(session.execution.orders.values(), SYMBOLS, SLEEVES)
    assert len({len(column) for column in table.values()}) == 1
    assert table["kind"] == ["cross", "stop", "stop", "market"]
    assert table["side"] == ["", "sell", "buy", "sell"]
    assert table["strategy"] == ["", "one", "two", "one"]
    assert table["lots"] == [0, 10_000, 10_000, 10_000]
    assert table["price"] == [None, 95.0, 105.0, None]
    assert table["state"] == ["filled", "canceled", "open", "filled"]
    assert table["filled_lots"] == [0, 0, 0, 10_000]
    assert table["average_price"] == [None, None, None, 99.0]
    assert table["reason"] == ["", "", "", "invalidation"]
    assert table["ms"] == sorted(table["ms"])
    assert len(set(table["client_order_id"])) == 4
