from __future__ import annotations

from aster_ray.kernel.records import LONG
from tests.factories import Session, a_bar, a_market, a_setup, an_open_setup, random_signals, says


def test_orders_of_a_close_rest_before_the_next_and_fill_there() -> None:
    session = Session(an_open_setup(enabled=0))
    first = session.close(a_bar(100.0), says(code=LONG))
    assert (first.report.seq, first.orders.seq) == (0, 0)
    assert len(first.orders.intents) == 1
    assert session.venue.book.sleeves[0]["order_lots"] == 10_000
    second = session.close(a_bar(100.0))
    assert len(second.fills) == 1
    assert not len(second.orders.intents)
    assert second.orders.equity == session.account["equity"]


def test_a_session_is_repeatable_to_the_bit() -> None:
    market = a_market(100, 2, 9, volatility=0.02)
    signals = random_signals(market, 2, 9, ladders=True, busy=0.3)
    runs = []
    for _ in range(2):
        session = Session(a_setup(2, 2, taker_fee=0.0006))
        closes = session.run(market, signals)
        runs.append(
            (
                [closed.fills.tobytes() for closed in closes],
                [closed.orders.intents.tobytes() for closed in closes],
                list(session.execution.orders),
                [column.tobytes() for column in session.book],
            )
        )
    assert runs[0] == runs[1]
