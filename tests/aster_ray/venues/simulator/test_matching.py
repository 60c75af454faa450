"""The life of an order that is not waiting for anything."""

from __future__ import annotations

import pytest

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.floor import Conduct
from aster_ray.venues.simulator.order import Status
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import Scene

# The spread is two ticks to each side or less; one coin is far less than the touch holds.
FAR_BELOW, NEAR = 99_000, 100_050


@pytest.fixture
def scene() -> Scene:
    return Scene(deposit="1000000")


def statuses(scene: Scene) -> list[tuple[str, str]]:
    return [
        (event["o"]["x"], event["o"]["X"])
        for event in scene.heard()
        if event["e"] == "ORDER_TRADE_UPDATE"
    ]


def test_an_order_is_new_before_it_trades(scene: Scene) -> None:
    order = scene.place(side="BUY", type="MARKET", quantity="1")
    assert (order.status, order.filled) == (Status.NEW, 0)
    assert statuses(scene) == [("NEW", "NEW")]
    scene.exchange.activate(order)
    assert order.status is Status.FILLED
    assert statuses(scene)[-1] == ("TRADE", "FILLED")


def test_what_rests_waits_at_its_price_and_trades_as_a_maker(scene: Scene) -> None:
    while scene.btc.book.best(Side.BUY) != 1_000_000:
        assert not scene.exchange.is_over
        scene.wait(0.25)
    order = scene.limit("BUY", "0.05", 100_000.1)
    assert (order.status, order.entry is not None) == (Status.NEW, True)
    scene.wait(2)
    assert order.status is Status.FILLED
    fill = scene.account.fills[-1]
    assert (fill.maker, fill.ticks) == (True, 1_000_001)
    assert fill.commission == fill.notional // 10_000


def test_what_does_not_trade_at_once_expires_when_it_may_not_wait(scene: Scene) -> None:
    assert scene.limit("BUY", "1", FAR_BELOW, timeInForce="IOC").status is Status.EXPIRED
    ask = scene.btc.book.levels(Side.SELL, 1)[0]
    order = scene.limit("BUY", "50", ask[0] / 10, timeInForce="IOC")
    assert (order.status, order.filled) == (Status.EXPIRED, ask[1])
    assert statuses(scene)[-1] == ("EXPIRED", "EXPIRED")


def test_all_or_nothing_is_all_or_nothing(scene: Scene) -> None:
    (price, lots), *_ = scene.btc.book.levels(Side.SELL, 1)
    short = scene.limit("BUY", f"{(lots + 1) / 1000}", price / 10, timeInForce="FOK")
    assert (short.status, short.filled) == (Status.EXPIRED, 0)
    whole = scene.limit("BUY", f"{lots / 1000}", price / 10, timeInForce="FOK")
    assert (whole.status, whole.filled) == (Status.FILLED, lots)


def test_all_or_nothing_does_not_count_the_accounts_own_orders(scene: Scene) -> None:
    bid = scene.btc.book.best(Side.BUY)
    assert bid is not None
    price = bid / 10 + 0.1
    other = scene.exchange.account("0xBBBB")
    params = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "price": price}
    scene.send(other, **params, quantity="0.01")
    scene.limit("SELL", "0.5", price)
    order = scene.limit("BUY", "0.51", price, timeInForce="FOK", stpMode="EXPIRE_TAKER")
    assert (order.status, order.filled) == (Status.EXPIRED, 0)
    whole = scene.limit("BUY", "0.01", price, timeInForce="FOK")
    assert whole.status is Status.FILLED
    assert len(scene.account.open_orders) == 1


def test_a_post_only_order_that_would_trade_expires(scene: Scene) -> None:
    order = scene.limit("BUY", "1", NEAR, timeInForce="GTX")
    assert (order.status, order.filled) == (Status.EXPIRED, 0)
    assert statuses(scene) == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]
    assert scene.limit("BUY", "1", FAR_BELOW, timeInForce="GTX").entry is not None


def test_or_is_refused_where_the_exchange_is_set_to() -> None:
    strict = Scene(deposit="1000000", conduct=Conduct(reject_post_only=True))
    with pytest.raises(RefusedError) as refused:
        strict.limit("BUY", "1", NEAR, timeInForce="GTX")
    assert refused.value.reason is Reason.POST_ONLY
    assert strict.account.orders == {}


def test_a_market_order_stops_at_its_distance_from_the_mark(scene: Scene) -> None:
    for entry in list(scene.btc.book.entries(Side.SELL)):
        scene.btc.book.remove(entry)
    maker = scene.exchange.account("0xBBBB")
    for price in (100_100, 101_900):
        scene.send(maker, side="SELL", type="LIMIT", quantity="1", price=price, timeInForce="GTC")
    scene.btc.mark = 99_000 * 10**8  # 101,900 is further than two percent from it
    order = scene.market("BUY", "3")
    assert (order.status, order.filled) == (Status.EXPIRED, 1_000)


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        ("EXPIRE_TAKER", Status.EXPIRED, Status.NEW),
        ("EXPIRE_MAKER", Status.FILLED, Status.EXPIRED),
        ("EXPIRE_BOTH", Status.EXPIRED, Status.EXPIRED),
    ],
)
def test_an_account_does_not_trade_with_itself(
    scene: Scene, mode: str, taker: Status, maker: Status
) -> None:
    ask = scene.btc.book.best(Side.SELL)
    assert ask is not None
    resting = scene.limit("SELL", "0.5", ask / 10 - 0.1)
    order = scene.market("BUY", "0.5", stpMode=mode)
    assert (order.status, resting.status) == (taker, maker)
    assert all(fill.order_id != resting.order_id for fill in scene.account.fills)


def test_the_default_is_that_the_taker_gives_way(scene: Scene) -> None:
    ask = scene.btc.book.best(Side.SELL)
    assert ask is not None
    resting = scene.limit("SELL", "0.5", ask / 10 - 0.1)
    assert scene.market("BUY", "0.5").status is Status.EXPIRED
    assert resting.is_open


def test_an_order_that_only_closes_never_flips(scene: Scene) -> None:
    scene.market("BUY", "0.3")
    order = scene.market("SELL", "1", reduceOnly="true")
    assert (order.status, order.filled, scene.lots()) == (Status.EXPIRED, 300, 0)


def test_resting_orders_that_only_close_shrink_with_the_position(scene: Scene) -> None:
    scene.market("BUY", "1")
    small = scene.limit("SELL", "0.4", 101_000, reduceOnly="true")
    large = scene.limit("SELL", "3", 101_500, reduceOnly="true")
    assert (small.left, large.left) == (400, 1_000)
    scene.market("SELL", "0.7")
    assert (small.left, large.left) == (300, 300)
    assert large.entry is not None
    assert large.entry.lots == 300
    scene.market("SELL", "0.3")
    assert (small.status, large.status) == (Status.EXPIRED, Status.EXPIRED)
    assert scene.account.open_orders == {}
    assert 1_010_000 not in dict(scene.btc.book.levels(Side.SELL, 200))


def test_a_market_run_fills_several_closing_orders_only_up_to_the_position(scene: Scene) -> None:
    scene.market("BUY", "1")
    first = scene.limit("SELL", "0.8", 100_003, reduceOnly="true")
    second = scene.limit("SELL", "0.8", 100_004, reduceOnly="true")
    taker = scene.exchange.account("0xBBBB")
    scene.send(taker, side="BUY", type="LIMIT", quantity="90", price=100_900, timeInForce="IOC")
    assert (first.filled, second.filled, scene.lots()) == (800, 200, 0)
    assert second.status in (Status.FILLED, Status.EXPIRED)


def test_in_hedge_mode_the_two_positions_live_apart(scene: Scene) -> None:
    scene.account.hedge = True
    scene.market("BUY", "1", positionSide="LONG")
    scene.market("SELL", "0.4", positionSide="SHORT")
    held = {position.side.value: position.lots for position in scene.account.held()}
    assert held == {"LONG": 1_000, "SHORT": -400}
    assert scene.market("SELL", "0.6", positionSide="LONG").status is Status.FILLED
    assert scene.market("BUY", "0.4", positionSide="SHORT").status is Status.FILLED
    held = {position.side.value: position.lots for position in scene.account.held()}
    assert held == {"LONG": 400}


def test_the_stream_tells_every_fill_with_its_fee_and_profit(scene: Scene) -> None:
    scene.market("BUY", "1")
    scene.heard()
    scene.market("SELL", "1")
    events = scene.heard()
    trades = [e["o"] for e in events if e["e"] == "ORDER_TRADE_UPDATE" and e["o"]["x"] == "TRADE"]
    updates = [e["a"] for e in events if e["e"] == "ACCOUNT_UPDATE"]
    assert sum(float(trade["l"]) for trade in trades) == pytest.approx(1.0)
    assert trades[-1]["z"] == "1.000"
    assert float(trades[-1]["n"]) > 0
    assert float(trades[-1]["rp"]) < 0  # the spread was lost
    assert updates[-1]["P"][0]["pa"] == "0.000"
    assert updates[-1]["m"] == "ORDER"
    assert float(updates[-1]["B"][0]["wb"]) * 10**8 == pytest.approx(scene.account.wallet)
