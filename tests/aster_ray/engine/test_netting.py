from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.netting import Part, net_requests, shares, slices
from aster_ray.kernel.records import LONG
from aster_ray.model.enums import ExitReason, FillKind
from aster_ray.model.order import Filled, OrderKind
from tests.factories import START_MS, Session, a_bar, an_open_setup, says


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_slices_add_up_and_none_is_too_large(lots: int, largest: int) -> None:
    if abs(lots) > 5_000 * largest:
        lots %= 5_000 * largest
    found = slices(lots, largest)
    assert sum(found) == lots
    assert max(map(abs, found)) <= largest
    assert len(found) == max(1, -(-abs(lots) // largest))
    assert max(map(abs, found)) - min(map(abs, found)) <= 1


def test_without_a_bound_there_is_one_order() -> None:
    assert slices(-12_345, 0) == [-12_345]
    assert slices(0, 10) == [0]


def test_an_execution_is_shared_in_the_order_of_sending() -> None:
    assert shares([4, 4, 3], 11) == [4, 4, 3]
    assert shares([-4, -4, -3], -6) == [-4, -2, 0]
    assert shares([0], 0) == [0]
    with pytest.raises(ValueError, match="2 lots beyond"):
        shares([4, 4], 10)


def test_the_first_slice_keeps_the_id_of_the_whole() -> None:
    parts = [Part(0, -25, ExitReason.REVERSAL)]
    (whole,) = net_requests("BTCUSDT", 0, parts, START_MS, 0)
    cut = net_requests("BTCUSDT", 0, parts, START_MS, 10)
    assert [request.lots for request in cut] == [-9, -8, -8]
    assert cut[0].client_order_id == whole.client_order_id
    assert len({request.client_order_id for request in cut}) == 3
    assert {request.reason for request in cut} == {"reversal"}


def test_a_position_above_the_largest_order_closes_whole_and_at_once() -> None:
    """It grew in two steps; one order may carry 6,000."""
    session = Session(an_open_setup(enabled=0, max_lots=6_000))
    session.close(a_bar(100.0), says(code=LONG, target_units=0.5))
    session.close(a_bar(100.0), says(code=LONG))
    session.close(a_bar(100.0))
    assert session.book.sleeves["lots"].tolist() == [10_000]
    closing = session.close(a_bar(100.0), says(code=4))  # EXIT_LONG
    assert closing.orders.intents["lots"].tolist() == [-10_000]
    sent = [
        order.request
        for order in session.execution.orders.values()
        if order.request.decided_ms == closing.orders.close_ms
    ]
    assert [request.lots for request in sent] == [-5_000, -5_000]
    fills = session.close(a_bar(100.0)).fills
    assert fills["lots"].tolist() == [-10_000]
    assert fills["kind"].tolist() == [FillKind.MARKET]
    done = [session.execution.orders[request.client_order_id] for request in sent]
    assert [order.state for order in done] == [Filled(-5_000, -500_000.0)] * 2
    assert not session.execution.open_orders()


def test_no_market_order_is_ever_above_the_largest() -> None:
    session = Session(an_open_setup(1, 3, enabled=0, max_lots=7_000))
    for code in (LONG, LONG, 4, 0):
        session.close(a_bar(100.0), says(3, code=code))
    requests = [order.request for order in session.execution.orders.values()]
    market = [abs(request.lots) for request in requests if request.kind == OrderKind.MARKET]
    assert sum(market) == 6 * 7_000
    assert max(market) <= 7_000


def test_a_cross_is_one_order_of_nothing() -> None:
    desk = ExecutionDesk(["BTCUSDT"], 2, [10])
    assert desk.open_orders() == []
    parts = [Part(0, 50, 0), Part(1, -50, 0)]
    (request,) = net_requests("BTCUSDT", 0, parts, START_MS, 10)
    assert (request.kind, request.lots) == (OrderKind.CROSS, 0)
