from __future__ import annotations

from typing import Any

import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderStatus, OrderTicket, OrderType, TimeInForce
from aster_ray.venues.aster import words

BTC = packaged_instruments()["BTCUSDT"]


def a_ticket(**fields: Any) -> OrderTicket:
    given = {"type": OrderType.LIMIT, "qty": 0.05, "price": 100.0, **fields}
    return OrderTicket(symbol="BTCUSDT", client_order_id="id", side=Side.SELL, **given)


def test_only_what_an_order_needs_is_sent() -> None:
    base = {"symbol": "BTCUSDT", "side": "SELL", "newClientOrderId": "id", "quantity": "0.050"}
    limit = {"type": "LIMIT", "price": "100.0", "timeInForce": "GTX"}
    assert words.order_params(a_ticket(time_in_force=TimeInForce.GTX), BTC) == {**base, **limit}
    market = a_ticket(type=OrderType.MARKET, reduce_only=True)
    assert words.order_params(market, BTC) == {**base, "type": "MARKET", "reduceOnly": "true"}
    stop = a_ticket(type=OrderType.STOP_MARKET, trigger_price=99.94, on_mark=True)
    assert words.order_params(stop, BTC) == {
        **base, "type": "STOP_MARKET", "stopPrice": "99.9", "workingType": "MARK_PRICE",
    }  # fmt: skip


def a_row(**fields: Any) -> dict[str, Any]:
    return {
        "orderId": 17, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "id", "price": "0",
        "avgPrice": "0.00000", "origQty": "0.010", "executedQty": "0", "type": "MARKET",
        "reduceOnly": False, "side": "BUY", "positionSide": "BOTH", "stopPrice": "0",
        "origType": "MARKET", "updateTime": 5, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        ("NEW", OrderStatus.NEW),
        ("PARTIALLY_FILLED", OrderStatus.PARTIALLY_FILLED),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
        ("REJECTED", OrderStatus.REJECTED),
        ("NEW_ADL", OrderStatus.NEW),
    ],
)
def test_every_status_has_its_word(wire: str, status: OrderStatus) -> None:
    assert words.order(a_row(status=wire)).status is status


def test_a_triggered_stop_is_still_a_stop() -> None:
    found = words.order(
        a_row(
            type="MARKET",
            origType="STOP_MARKET",
            stopPrice="99.5",
            status="FILLED",
            executedQty="0.010",
            avgPrice="99.4",
            reduceOnly="true",
        )
    )
    assert (found.type, found.trigger_price, found.price) == (OrderType.STOP_MARKET, 99.5, None)
    assert (found.average_price, found.reduce_only) == (99.4, True)


def a_fill(number: int, commission: str, *, maker: bool = False) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 1, "side": "SELL", "price": "7819.01",
        "qty": "0.002", "commission": commission, "commissionAsset": "USDT", "maker": maker,
        "time": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("commissions", "fees"),
    [
        # As documented: paid is negative, so a maker's positive one is a rebate.
        ([("-0.5", False), ("0.1", True), ("-0.2", True)], [0.5, -0.1, 0.2]),
        # As the ancestor sends it: paid is positive.
        ([("0.5", False), ("-0.1", True), ("0.2", True)], [0.5, -0.1, 0.2]),
        # Nobody to tell which: everything was paid.
        ([("-0.1", True), ("0.2", True)], [0.1, 0.2]),
        ([("0", False), ("-0.1", True)], [0.0, 0.1]),
    ],
)
def test_a_taker_tells_which_sign_means_paid(
    commissions: list[tuple[str, bool]], fees: list[float]
) -> None:
    rows = [a_fill(n, text, maker=maker) for n, (text, maker) in enumerate(commissions)]
    assert [trade.fee for trade in words.trades(reversed(rows))] == fees
