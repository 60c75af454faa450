"""Conditional orders."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.order import OrderType, Status
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import Bar, Scene, a_market


def step(*levels: float) -> list[Bar]:
    """Return bars that each go straight from one level to the next, and stay for two minutes."""
    bars: list[Bar] = []
    before = levels[0]
    for level in levels:
        bars.append((before, max(before, level), min(before, level), level))
        bars += [(level, level, level, level)] * 2
        before = level
    return bars


def a_scene(*levels: float, **market: Any) -> Scene:
    return Scene(a_market(step(100_000.0, *levels), **market), deposit="1000000")


@pytest.mark.parametrize(
    ("kind", "side", "stop", "level"),
    [
        ("STOP_MARKET", "SELL", 99_500, 99_400.0),
        ("STOP_MARKET", "BUY", 100_500, 100_600.0),
        ("TAKE_PROFIT_MARKET", "SELL", 100_500, 100_600.0),
        ("TAKE_PROFIT_MARKET", "BUY", 99_500, 99_400.0),
    ],
)
def test_an_order_waits_for_its_price_and_then_trades(
    kind: str, side: str, stop: float, level: float
) -> None:
    scene = a_scene(level)
    order = scene.send(side=side, type=kind, quantity="0.1", stopPrice=stop)
    assert (order.status, order.waiting, order.entry) == (Status.NEW, True, None)
    scene.wait(2)
    assert order.waiting
    scene.wait(4)
    assert (order.status, order.kind) == (Status.FILLED, OrderType.MARKET)
    assert order.request.kind is OrderType(kind)
    assert scene.btc.waiting == {}


def test_a_stop_limit_rests_when_the_market_has_gone_past_its_price() -> None:
    scene = a_scene(99_000.0, 99_550.0)
    order = scene.send(
        side="SELL", type="STOP", quantity="0.1", stopPrice=99_500, price=99_500, timeInForce="GTC"
    )
    scene.wait(5)
    assert (order.status, order.kind) == (Status.NEW, OrderType.LIMIT)
    assert order.entry is not None
    scene.wait(10)
    assert order.status is Status.FILLED
    assert all(fill.maker and fill.ticks == 995_000 for fill in scene.account.fills)


def test_the_stream_tells_that_it_has_become_another_order() -> None:
    scene = a_scene(99_000.0)
    scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_500)
    scene.wait(6)
    seen = [
        (event["o"]["x"], event["o"]["o"], event["o"]["ot"])
        for event in scene.heard()
        if event["e"] == "ORDER_TRADE_UPDATE"
    ]
    assert seen[:3] == [
        ("NEW", "STOP_MARKET", "STOP_MARKET"),
        ("NEW", "MARKET", "STOP_MARKET"),
        ("TRADE", "MARKET", "STOP_MARKET"),
    ]


def test_an_order_on_the_mark_does_not_look_at_the_last_price() -> None:
    bars = len(step(100_000.0, 99_000.0))
    scene = a_scene(99_000.0, mark=[100_000.0] * bars)
    last = scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_500)
    mark = scene.send(
        side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_500, workingType="MARK_PRICE"
    )
    scene.wait(4)
    assert (last.status, mark.status) == (Status.FILLED, Status.NEW)


def test_a_protected_order_does_not_trust_a_last_price_far_from_the_mark() -> None:
    bars = len(step(100_000.0, 97_000.0, 98_500.0))
    scene = a_scene(97_000.0, 98_500.0, mark=[100_000.0] * bars)
    plain = scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_000)
    wary = scene.send(
        side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_000, priceProtect="true"
    )
    scene.wait(3.5)
    assert scene.btc.last < 980_000
    assert not plain.is_open
    assert wary.waiting
    scene.wait(10)  # 1.5 percent is within the bound
    assert wary.status is Status.FILLED


def test_a_trailing_stop_follows_and_sells_when_the_price_falls_back() -> None:
    scene = a_scene(101_000.0, 100_600.0, 99_900.0)
    scene.market("BUY", "0.1")
    order = scene.send(
        side="SELL",
        type="TRAILING_STOP_MARKET",
        quantity="0.1",
        callbackRate="1",
        reduceOnly="true",
    )
    scene.wait(8)  # 0.4 % below the top
    assert order.waiting
    assert order.peak == 101_000 * 10**8
    scene.wait(4)
    assert order.status is Status.FILLED
    assert 998_000 <= scene.account.fills[-1].ticks <= 999_900


def test_a_trailing_stop_begins_where_it_is_told() -> None:
    scene = a_scene(99_000.0, 100_600.0, 100_000.0)
    order = scene.send(
        side="SELL",
        type="TRAILING_STOP_MARKET",
        quantity="0.1",
        callbackRate="0.5",
        activationPrice=100_500,
    )
    scene.wait(5)  # a fall of one percent does not matter yet
    assert order.waiting
    assert order.peak == 0
    scene.wait(10)
    assert order.status is Status.FILLED


def test_a_trailing_stop_to_buy_follows_downwards() -> None:
    scene = a_scene(99_000.0, 99_600.0)
    order = scene.send(side="BUY", type="TRAILING_STOP_MARKET", quantity="0.1", callbackRate="0.5")
    scene.wait(4)
    assert order.peak == 99_000 * 10**8
    scene.wait(5)
    assert order.status is Status.FILLED


def test_close_position_closes_all_there_is_when_it_triggers() -> None:
    scene = a_scene(99_000.0)
    scene.market("BUY", "0.2")
    order = scene.send(side="SELL", type="STOP_MARKET", stopPrice=99_500, closePosition="true")
    scene.market("BUY", "0.3")
    scene.wait(6)
    assert (order.status, order.lots, scene.lots()) == (Status.FILLED, 500, 0)


@pytest.mark.parametrize("params", [{"closePosition": "true"}, {"reduceOnly": "true"}])
def test_one_that_only_closes_expires_when_there_is_nothing_to_close(params: Any) -> None:
    scene = a_scene(99_000.0)
    scene.market("BUY", "0.2")
    if "reduceOnly" in params:
        params = {**params, "quantity": "0.2"}
    order = scene.send(side="SELL", type="STOP_MARKET", stopPrice=99_500, **params)
    scene.market("SELL", "0.2")
    scene.wait(6)
    assert (order.status, order.filled, scene.lots()) == (Status.EXPIRED, 0, 0)


def test_one_that_may_not_open_any_more_expires() -> None:
    scene = a_scene(99_000.0)
    order = scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_500)
    scene.account.post(scene.account.income[0].kind, -scene.account.wallet, "", 0)
    scene.wait(6)
    assert (order.status, order.filled) == (Status.EXPIRED, 0)
    assert scene.account.open_orders == {}


def test_what_one_order_trades_may_release_an_older_one() -> None:
    scene = a_scene()
    older = scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=99_996)
    newer = scene.send(side="SELL", type="STOP_MARKET", quantity="9", stopPrice=99_998)
    bid = scene.btc.book.levels(Side.BUY, 1)[0]
    push = scene.limit("SELL", f"{bid[1] / 1000 + 0.1}", 99_990, timeInForce="IOC")
    assert push.status is Status.FILLED
    assert newer.status is Status.FILLED
    assert older.status is Status.FILLED


@pytest.mark.parametrize(
    "params",
    [
        {"side": "SELL", "type": "STOP_MARKET", "stopPrice": 100_100},
        {"side": "BUY", "type": "STOP_MARKET", "stopPrice": 99_900},
        {"side": "SELL", "type": "TAKE_PROFIT_MARKET", "stopPrice": 99_900},
        {"side": "BUY", "type": "TAKE_PROFIT_MARKET", "stopPrice": 100_100},
        {
            "side": "SELL",
            "type": "TRAILING_STOP_MARKET",
            "callbackRate": "1",
            "activationPrice": 99_900,
        },
    ],
)
def test_an_order_that_would_trigger_at_once_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        a_scene().send(quantity="0.1", **params)
    assert refused.value.reason is Reason.WOULD_TRIGGER
