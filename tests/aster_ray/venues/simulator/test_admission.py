"""What an order is refused for, given the account and the market."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from aster_ray.data.instruments import packaged_instruments, unknown_brackets
from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import DEFAULT_LEVERAGE
from aster_ray.venues.simulator.amounts import UNIT, to_units
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.order import Status
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from aster_ray.venues.simulator.tape import tape_of
from tests.aster_ray.venues.simulator.scenes import Scene, a_market

LIMIT = {"type": "LIMIT", "timeInForce": "GTC"}


def refusal(scene: Scene, **params: Any) -> Reason:
    before = (len(scene.account.orders), len(scene.account.open_orders), scene.account.wallet)
    with pytest.raises(RefusedError) as refused:
        scene.send(**params)
    assert before == (
        len(scene.account.orders),
        len(scene.account.open_orders),
        scene.account.wallet,
    )
    return refused.value.reason


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"side": "BUY", **LIMIT, "quantity": 1, "price": 90_000}, Reason.NO_MARGIN),
        ({"side": "BUY", "type": "MARKET", "quantity": "2.1"}, Reason.NO_MARGIN),
        ({"side": "SELL", "type": "MARKET", "quantity": "2.1"}, Reason.NO_MARGIN),
        ({"side": "BUY", **LIMIT, "quantity": 0.01, "price": 102_100}, Reason.PRICE_ABOVE_CAP),
        ({"side": "SELL", **LIMIT, "quantity": 0.01, "price": 97_900}, Reason.PRICE_BELOW_FLOOR),
        (
            {
                "side": "BUY",
                "type": "STOP",
                "quantity": 0.01,
                "stopPrice": 101_000,
                "price": 103_100,
            },
            Reason.ABOVE_STOP_CAP,
        ),
        (
            {
                "side": "SELL",
                "type": "STOP",
                "quantity": 0.01,
                "stopPrice": 99_000,
                "price": 97_000,
            },
            Reason.BELOW_STOP_FLOOR,
        ),
        (
            {"symbol": "ETHUSDT", "side": "BUY", **LIMIT, "quantity": 0.001, "price": 2999},
            Reason.MIN_NOTIONAL,
        ),
        (
            {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": 0.001},
            Reason.MIN_NOTIONAL,
        ),
        (
            {
                "symbol": "ETHUSDT",
                "side": "BUY",
                "type": "STOP_MARKET",
                "quantity": 0.001,
                "stopPrice": 3100,
            },
            Reason.MIN_NOTIONAL,
        ),
        (
            {"side": "BUY", "type": "MARKET", "quantity": 0.01, "positionSide": "LONG"},
            Reason.POSITION_SIDE_MISMATCH,
        ),
        (
            {"side": "SELL", "type": "MARKET", "quantity": 0.01, "reduceOnly": "true"},
            Reason.REDUCE_ONLY,
        ),
        (
            {"side": "SELL", "type": "MARKET", "quantity": 1, "builder": "0x1", "feeRate": 0},
            Reason.BUILDER,
        ),
    ],
)
def test_refusals(params: dict[str, Any], reason: Reason) -> None:
    scene = Scene(deposit="2000" if reason is Reason.NO_MARGIN else "1000000")
    assert refusal(scene, **params) is reason


def test_an_unknown_symbol_is_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        Scene().floor.listing("DOGEUSDT")
    assert refused.value.reason is Reason.BAD_SYMBOL


def test_a_client_id_is_unique_among_open_orders() -> None:
    scene = Scene()
    order = scene.limit("BUY", "0.01", 99_000, newClientOrderId="mine")
    params = {"side": "BUY", **LIMIT, "quantity": 0.01, "price": 98_500, "newClientOrderId": "mine"}
    assert refusal(scene, **params) is Reason.DUPLICATE_CLIENT_ID
    scene.exchange.cancel(order)
    assert scene.send(**params).is_open


def test_reduce_only_on_the_wrong_side_is_refused_and_does_not_exist_in_hedge_mode() -> None:
    scene = Scene()
    scene.market("BUY", "0.01")
    params = {"side": "BUY", "type": "MARKET", "quantity": 0.01, "reduceOnly": "true"}
    assert refusal(scene, **params) is Reason.REDUCE_ONLY
    hedged = Scene()
    hedged.account.hedge = True
    assert refusal(hedged, **params, positionSide="SHORT") is Reason.REDUCE_ONLY_CONFLICT
    plain = {"side": "BUY", "type": "MARKET", "quantity": 0.01}
    assert refusal(hedged, **plain) is Reason.POSITION_SIDE_MISMATCH


def test_in_hedge_mode_an_order_may_not_close_more_than_there_is() -> None:
    scene = Scene()
    scene.account.hedge = True
    scene.market("BUY", "0.02", positionSide="LONG")
    params = {"side": "SELL", "type": "MARKET", "positionSide": "LONG"}
    assert refusal(scene, **params, quantity=0.021) is Reason.REDUCE_ONLY
    assert scene.send(**params, quantity=0.02).status is Status.FILLED


def test_reduce_only_orders_need_no_margin_and_no_notional() -> None:
    scene = Scene()
    scene.market("BUY", "0.01", symbol="ETHUSDT")
    scene.account.post(scene.account.income[0].kind, -scene.account.wallet, "", 0)
    order = scene.market("SELL", "0.001", symbol="ETHUSDT", reduceOnly="true")
    assert order.status is Status.FILLED


def test_an_order_that_makes_the_account_smaller_needs_no_margin() -> None:
    scene = Scene()
    scene.market("BUY", "1")
    scene.account.post(scene.account.income[0].kind, 2000 * UNIT - scene.account.wallet, "", 0)
    assert scene.market("SELL", "0.5").status is Status.FILLED


def test_an_order_away_from_the_mark_needs_the_loss_it_would_open_with() -> None:
    # 1 BTC at 20x needs 5,000; bought 1,000 above the mark it opens with a loss of 1,000 more.
    params = {"side": "BUY", **LIMIT, "quantity": 1, "price": 101_000}
    assert refusal(Scene(deposit="6040"), **params) is Reason.NO_MARGIN
    assert Scene(deposit="6070").send(**params).filled > 0


def test_the_bracket_of_the_leverage_bounds_the_position_with_its_orders() -> None:
    scene = Scene(deposit="1000000")
    scene.account.leverage["BTCUSDT"] = 125  # at most 50,000
    scene.market("BUY", "0.3")
    scene.limit("BUY", "0.1", 99_500)
    params = {"side": "BUY", **LIMIT, "quantity": 0.11, "price": 99_500}
    assert refusal(scene, **params) is Reason.MAX_POSITION
    assert scene.limit("SELL", "0.7", 101_000).is_open


def test_there_are_limits_to_open_orders_and_to_stops() -> None:
    scene = Scene(deposit="1000000")
    for _ in range(10):
        scene.send(side="SELL", type="STOP_MARKET", quantity=0.01, stopPrice=99_000)
    stop = {"side": "SELL", "type": "STOP_MARKET", "quantity": 0.01, "stopPrice": 99_000}
    assert refusal(scene, **stop) is Reason.MAX_STOPS
    for _ in range(190):
        scene.limit("BUY", "0.001", 99_000)
    params = {"side": "BUY", **LIMIT, "quantity": 0.001, "price": 99_000}
    assert refusal(scene, **params) is Reason.MAX_ORDERS


def test_a_market_order_needs_somebody_to_trade_with_near_the_mark() -> None:
    scene = Scene()
    params = {"side": "BUY", "type": "MARKET", "quantity": 0.01}
    mark, scene.btc.mark = scene.btc.mark, 90_000 * UNIT
    assert refusal(scene, **params) is Reason.BEST_PRICE_OUTSIDE
    scene.btc.mark = mark
    for entry in list(scene.btc.book.entries(Side.SELL)):
        scene.btc.book.remove(entry)
    assert refusal(scene, **params) is Reason.NO_DEPTH


def test_an_approved_builder_takes_its_fee() -> None:
    scene = Scene()
    scene.account.builders["0xfee"] = UNIT // 1000
    scene.market("BUY", "0.01", builder="0xFEE", feeRate="0.001")
    fill = scene.account.fills[0]
    assert fill.commission == pytest.approx(fill.notional * 0.0014, abs=1)
    assert scene.account.wallet == to_units("10000") - fill.commission


def test_a_contract_of_low_leverage_can_be_traded_by_a_new_account() -> None:
    market = a_market()
    rules = dataclasses.replace(packaged_instruments()["BTCUSDT"], brackets=unknown_brackets())
    exchange = Exchange(tape_of(market, [rules], market.start), deposit=to_units("10000"))
    account = exchange.account("0xAAAA")
    assert account.leverage_of("BTCUSDT") == 10 < DEFAULT_LEVERAGE
    contract = exchange.floor.listings["BTCUSDT"].contract
    assert contract.max_notional(account.leverage_of("BTCUSDT")) == 50_000 * UNIT
