from __future__ import annotations

from typing import Any

import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.model.enums import Side
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.contract import contract_of
from aster_ray.venues.simulator.intake import read_order
from aster_ray.venues.simulator.order import (
    OrderRequest,
    OrderType,
    PositionSide,
    SelfTrade,
    TimeInForce,
    WorkingType,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError

BTC = contract_of(packaged_instruments()["BTCUSDT"])

LIMIT = {
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.010",
    "price": "99999.9",
    "timeInForce": "GTC",
}
MARKET = {"side": "SELL", "type": "MARKET", "quantity": "0.010"}
STOP = {"side": "SELL", "type": "STOP", "quantity": "0.010", "price": "99000", "stopPrice": "99100"}
CLOSE = {"side": "SELL", "type": "STOP_MARKET", "stopPrice": "99100", "closePosition": "true"}
TRAIL = {"side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.010", "callbackRate": "1"}


def read(base: dict[str, str], **changes: Any) -> OrderRequest:
    params = {**base, **changes}
    return read_order({k: v for k, v in params.items() if v is not None}, BTC, "made")


def refusal(base: dict[str, str], **changes: Any) -> Reason:
    with pytest.raises(RefusedError) as refused:
        read(base, **changes)
    return refused.value.reason


def test_a_limit_order_is_read() -> None:
    request = read(LIMIT, newClientOrderId="my-1")
    assert request == OrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        kind=OrderType.LIMIT,
        client_id="my-1",
        lots=10,
        ticks=999_999,
    )


def test_a_market_order_gets_the_id_the_exchange_made() -> None:
    request = read(MARKET)
    assert (request.client_id, request.ticks, request.lots) == ("made", 0, 10)


def test_conditional_orders_are_read() -> None:
    stop = read(STOP, workingType="MARK_PRICE", priceProtect="TRUE", timeInForce="IOC")
    assert (stop.ticks, stop.stop_ticks) == (990_000, 991_000)
    assert (stop.working, stop.price_protect) == (WorkingType.MARK_PRICE, True)
    assert stop.time_in_force is TimeInForce.IOC
    close = read(CLOSE)
    assert (close.lots, close.close_position, close.only_closes) == (0, True, True)
    trail = read(TRAIL, activationPrice="101000", callbackRate="0.5")
    assert (trail.callback, trail.activation_ticks) == (UNIT // 200, 1_010_000)


def test_flags_are_read_in_any_case_and_strays_are_ignored() -> None:
    # What ccxt sends: Python's own spelling, and a parameter the venue does not know.
    request = read(LIMIT, reduceOnly="True", postOnly="True", timeInForce="GTX")
    assert request.reduce_only
    assert request.time_in_force is TimeInForce.GTX
    assert not read(LIMIT, reduceOnly="False").reduce_only


def test_a_self_trade_mode_and_a_builder_are_read() -> None:
    request = read(LIMIT, stpMode="EXPIRE_BOTH", builder="0xAB", feeRate="0.001")
    assert request.self_trade is SelfTrade.EXPIRE_BOTH
    assert (request.builder, request.builder_fee) == ("0xab", UNIT // 1000)


@pytest.mark.parametrize(
    ("position_side", "side", "closes"),
    [("LONG", "BUY", False), ("LONG", "SELL", True), ("SHORT", "SELL", False)],
)
def test_in_hedge_mode_the_side_says_whether_it_closes(
    position_side: str, side: str, closes: bool
) -> None:
    request = read(LIMIT, positionSide=position_side, side=side)
    assert request.position_side is PositionSide(position_side)
    assert request.only_closes is closes


@pytest.mark.parametrize(
    ("base", "changes", "reason"),
    [
        (LIMIT, {"side": None}, Reason.MISSING),
        (LIMIT, {"side": "HOLD"}, Reason.BAD_SIDE),
        (LIMIT, {"type": "ICEBERG"}, Reason.BAD_TYPE),
        (LIMIT, {"type": "LIQUIDATION"}, Reason.BAD_TYPE),
        (LIMIT, {"timeInForce": None}, Reason.MISSING),
        (LIMIT, {"timeInForce": "PO"}, Reason.BAD_TIME_IN_FORCE),
        (LIMIT, {"quantity": None}, Reason.MISSING),
        (LIMIT, {"quantity": "0"}, Reason.QTY_NEGATIVE),
        (LIMIT, {"price": None}, Reason.MISSING),
        (LIMIT, {"price": "1.05"}, Reason.PRICE_TICK),
        (LIMIT, {"positionSide": "UP"}, Reason.BAD_POSITION_SIDE),
        (LIMIT, {"reduceOnly": "yes"}, Reason.BAD_PARAMETER),
        (LIMIT, {"stopPrice": "99000"}, Reason.NOT_REQUIRED),
        (LIMIT, {"closePosition": "true"}, Reason.ORDER_COMPOSITION),
        (LIMIT, {"workingType": "INDEX"}, Reason.BAD_WORKING_TYPE),
        (LIMIT, {"stpMode": "NONE"}, Reason.BAD_PARAMETER),
        (LIMIT, {"newClientOrderId": "x" * 37}, Reason.BAD_CLIENT_ID),
        (LIMIT, {"newClientOrderId": "with space"}, Reason.BAD_CLIENT_ID),
        (LIMIT, {"builder": "0xab"}, Reason.MISSING),
        (LIMIT, {"builder": "0xab", "feeRate": "0.5"}, Reason.BUILDER),
        (LIMIT, {"builder": "0xab", "feeRate": "much"}, Reason.BAD_PARAMETER),
        (MARKET, {"price": "99999.9"}, Reason.NOT_REQUIRED),
        (MARKET, {"timeInForce": "IOC"}, Reason.NOT_REQUIRED),
        (MARKET, {"quantity": "10.001"}, Reason.QTY_ABOVE_MAX),
        (STOP, {"stopPrice": None}, Reason.MISSING),
        (STOP, {"stopPrice": "-1"}, Reason.STOP_NEGATIVE),
        (STOP, {"closePosition": "true"}, Reason.ORDER_COMPOSITION),
        (CLOSE, {"quantity": "0.01"}, Reason.QTY_WITH_CLOSE),
        (CLOSE, {"reduceOnly": "false"}, Reason.CLOSE_NEEDS_REDUCE),
        (CLOSE, {"reduceOnly": "true"}, Reason.NOT_REQUIRED),
        (CLOSE, {"price": "99000"}, Reason.NOT_REQUIRED),
        (TRAIL, {"callbackRate": None}, Reason.MISSING),
        (TRAIL, {"callbackRate": "0.09"}, Reason.BAD_PARAMETER),
        (TRAIL, {"callbackRate": "5.1"}, Reason.BAD_PARAMETER),
        (TRAIL, {"quantity": None}, Reason.MISSING),
        (TRAIL, {"activationPrice": "0.01"}, Reason.BAD_ACTIVATION_PRICE),
        (STOP, {"callbackRate": "1"}, Reason.NOT_REQUIRED),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_code(
    base: dict[str, str], changes: dict[str, str | None], reason: Reason
) -> None:
    assert refusal(base, **changes) is reason
