"""What the venue still knows of orders and executions, asked without a network."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.clock import ReplayClock
from aster_ray.model.ids import DAY_MS
from aster_ray.venues.simulator import order_endpoints as endpoints
from aster_ray.venues.simulator.desk import Desk, Pace
from aster_ray.venues.simulator.endpoints import Call
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import Scene

BTC = {"symbol": "BTCUSDT"}


class Counter:
    """A desk to ask at."""

    def __init__(self) -> None:
        self.scene = Scene()
        pace = Pace(ReplayClock(1), 1, self.scene.exchange.start_ms)
        self.desk = Desk(self.scene.exchange, pace)

    def call(self, **params: Any) -> Call:
        texts = {name: str(value) for name, value in {**BTC, **params}.items()}
        return Call(self.desk, texts, self.scene.account)


def refusal(act: Any, call: Call) -> Reason:
    with pytest.raises(RefusedError) as refused:
        act(call)
    return refused.value.reason


def test_what_ended_unfilled_a_week_ago_is_forgotten() -> None:
    counter = Counter()
    gone = counter.scene.limit("BUY", "0.01", 99_000)
    counter.scene.exchange.cancel(gone)
    done = counter.scene.market("BUY", "0.01")
    open_ = counter.scene.limit("BUY", "0.01", 99_000)
    orders = (gone, done, open_)
    for order in orders:
        assert endpoints.show(counter.call(orderId=order.order_id))["orderId"] == order.order_id
        order.created_ms -= 8 * DAY_MS
    assert refusal(endpoints.show, counter.call(orderId=gone.order_id)) is Reason.NO_SUCH_ORDER
    for order in (done, open_):
        assert endpoints.show(counter.call(orderId=order.order_id))["orderId"] == order.order_id
    assert endpoints.show_all(counter.call()) == []
    all_ = endpoints.show_all(counter.call(orderId=gone.order_id))
    assert [row["orderId"] for row in all_] == [done.order_id, open_.order_id]


def test_a_client_id_finds_the_newest_order_of_its_name() -> None:
    counter = Counter()
    first = counter.scene.limit("BUY", "0.01", 99_000, newClientOrderId="same")
    counter.scene.exchange.cancel(first)
    second = counter.scene.limit("BUY", "0.01", 99_000, newClientOrderId="same")
    call = counter.call(origClientOrderId="same")
    assert endpoints.show(call)["orderId"] == second.order_id
    assert endpoints.cancel(call)["status"] == "CANCELED"
    assert refusal(endpoints.cancel, call) is Reason.UNKNOWN_ORDER
    assert refusal(endpoints.show_open, call) is Reason.NO_SUCH_ORDER
    assert refusal(endpoints.show, counter.call()) is Reason.MISSING_BOTH
    assert refusal(endpoints.show, counter.call(symbol="ETHUSDT", orderId=second.order_id)) is (
        Reason.NO_SUCH_ORDER
    )


def test_executions_are_asked_for_by_span_id_and_order() -> None:
    counter = Counter()
    orders = [counter.scene.market("BUY", "0.01") for _ in range(4)]
    fills = counter.scene.account.fills
    rows = endpoints.my_trades(counter.call())
    assert [row["id"] for row in rows] == [fill.trade_id for fill in fills]
    assert rows[0]["commission"].startswith("-")
    newest = endpoints.my_trades(counter.call(limit=1))
    assert newest[0]["id"] == fills[-1].trade_id
    oldest = endpoints.my_trades(counter.call(limit=1, fromId=fills[0].trade_id))
    assert oldest[0]["id"] == fills[0].trade_id
    one = endpoints.my_trades(counter.call(orderId=orders[2].order_id))
    assert {row["orderId"] for row in one} == {orders[2].order_id}
    now = counter.scene.floor.now_ms
    assert endpoints.my_trades(counter.call(startTime=now + 1)) == []
    assert refusal(endpoints.my_trades, counter.call(startTime=now, endTime=now - 1)) is (
        Reason.START_AFTER_END
    )
    long = counter.call(startTime=now, endTime=now + 8 * DAY_MS)
    assert refusal(endpoints.my_trades, long) is Reason.SPAN_TOO_LONG
    assert refusal(endpoints.my_trades, counter.call(limit=1001)) is Reason.BAD_PARAMETER
    assert refusal(endpoints.my_trades, counter.call(fromId="x")) is Reason.ILLEGAL_CHARACTERS


def test_batches_are_held_to_their_size_and_shape() -> None:
    counter = Counter()
    for batch, reason in (
        ("[]", Reason.BATCH_SIZE),
        ("[{},{},{},{},{},{}]", Reason.BATCH_SIZE),
        ("{}", Reason.BAD_PARAMETER),
        ("[", Reason.BAD_PARAMETER),
        ("[1]", Reason.BAD_PARAMETER),
    ):
        assert refusal(endpoints.place_batch, counter.call(batchOrders=batch)) is reason
    eleven = counter.call(orderIdList=str(list(range(11))))
    assert refusal(endpoints.cancel_batch, eleven) is Reason.CANCEL_SIZE
    assert refusal(endpoints.cancel_batch, counter.call()) is Reason.MISSING_BOTH


def test_an_amendment_that_breaks_a_rule_leaves_the_order_as_it_was() -> None:
    counter = Counter()
    order = counter.scene.limit("BUY", "0.01", 99_000)
    for quantity, price, reason in (
        ("0.01", "110000", Reason.PRICE_ABOVE_CAP),
        ("50", "99000", Reason.NO_MARGIN),
    ):
        call = counter.call(orderId=order.order_id, quantity=quantity, price=price)
        assert refusal(endpoints.amend, call) is reason
        assert (order.lots, order.ticks, order.entry is not None) == (10, 990_000, True)
        assert order.order_id in counter.scene.account.open_orders
    done = counter.scene.market("BUY", "0.01")
    call = counter.call(orderId=done.order_id, quantity="0.02", price="99000")
    assert refusal(endpoints.amend, call) is Reason.UNKNOWN_ORDER
    assert refusal(endpoints.place, counter.call(newOrderRespType="FULL")) is (
        Reason.BAD_RESPONSE_TYPE
    )
