"""Aster's words for orders, executions, positions and prices; none of them leaves this package.

Rows of REST and events of the streams, as Binance's futures had them in 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aster_ray.errors import BadInputError
from aster_ray.model.enums import Side
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    FundingPayment,
    OrderStatus,
    OrderTicket,
    OrderType,
    TimeInForce,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)

Row = Mapping[str, Any]

_STATUS: Mapping[str, OrderStatus] = MappingProxyType(
    {
        **{status.name: status for status in OrderStatus},
        # Liquidations begin so.
        "NEW_INSURANCE": OrderStatus.NEW,
        "NEW_ADL": OrderStatus.NEW,
        "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    }
)
_TYPE: Mapping[str, OrderType] = MappingProxyType(
    {**{kind.name: kind for kind in OrderType}, "LIQUIDATION": OrderType.MARKET}
)
_PRICED = (OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)
_UNTRIGGERED = (OrderType.MARKET, OrderType.LIMIT)
_ONE_WAY = "BOTH"


def order_params(ticket: OrderTicket, rules: Instrument) -> dict[str, str]:
    """Return an order as it goes over the wire: exact decimals, whole lots, whole ticks."""
    params = {
        "symbol": ticket.symbol,
        "side": ticket.side.name,
        "type": ticket.type.name,
        "quantity": rules.qty_text(rules.to_lots(ticket.qty)),
        "newClientOrderId": ticket.client_order_id,
    }
    if ticket.type in _PRICED and ticket.price is not None:
        params["price"] = rules.price_text(ticket.price)
        params["timeInForce"] = TimeInForce(ticket.time_in_force).name
    if ticket.type not in _UNTRIGGERED and ticket.trigger_price is not None:
        params["stopPrice"] = rules.price_text(ticket.trigger_price)
        params["workingType"] = "MARK_PRICE" if ticket.on_mark else "CONTRACT_PRICE"
    if ticket.reduce_only:
        params["reduceOnly"] = "true"
    return params


def order(row: Row) -> VenueOrder:
    """Return an order from REST."""
    filled = float(row["executedQty"])
    average = float(row.get("avgPrice") or 0.0)
    return VenueOrder(
        symbol=row["symbol"],
        client_order_id=row["clientOrderId"],
        venue_order_id=str(row["orderId"]),
        status=_STATUS[row["status"]],
        side=Side[row["side"]],
        # A conditional order that was triggered shows as what it became; it is what it was.
        type=_TYPE[row.get("origType") or row["type"]],
        qty=float(row["origQty"]),
        filled_qty=filled,
        average_price=average if filled and average else None,
        price=_price(row.get("price")),
        trigger_price=_price(row.get("stopPrice")),
        reduce_only=_flag(row.get("reduceOnly")) or _flag(row.get("closePosition")),
        updated_ms=int(row["updateTime"]),
    )


def _price(value: Any) -> float | None:
    """Return a price; the venue writes 0 for none."""
    return float(value or 0.0) or None


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def trades(rows: Iterable[Row]) -> list[VenueTrade]:
    """Return executions from REST, oldest first.

    The documentation writes what was paid as a negative commission; the API it descends from sends
    it positive. A taker always pays, so a taker's sign tells which it is; with none to tell,
    everything counts as paid and a maker's rebate is not seen.
    """
    found = list(rows)
    paid = next(
        (
            float(row["commission"])
            for row in found
            if not row["maker"] and float(row["commission"])
        ),
        None,
    )
    return [_trade(row, paid) for row in sorted(found, key=lambda row: (row["time"], row["id"]))]


def _trade(row: Row, paid: float | None) -> VenueTrade:
    commission = float(row["commission"])
    fee = abs(commission) if paid is None else commission if paid > 0.0 else -commission
    return VenueTrade(
        symbol=row["symbol"],
        trade_id=str(row["id"]),
        venue_order_id=str(row["orderId"]),
        client_order_id="",
        side=Side[row["side"]],
        qty=float(row["qty"]),
        price=float(row["price"]),
        fee=fee + 0.0,  # no negative zero
        fee_asset=row["commissionAsset"],
        maker=bool(row["maker"]),
        ts_ms=int(row["time"]),
    )


def position(row: Row) -> VenuePosition:
    """Return a position from REST.

    Raises:
        BadInputError: the account holds long and short apart.
    """
    qty = float(row["positionAmt"])
    if qty and row["positionSide"] != _ONE_WAY:
        raise BadInputError(
            f"the account holds {row['symbol']} {row['positionSide']} in hedge mode: close it and "
            "switch the account to one-way mode"
        )
    return VenuePosition(
        symbol=row["symbol"],
        qty=qty,
        entry_price=float(row["entryPrice"]),
        mark_price=float(row["markPrice"]),
        unrealized=float(row["unRealizedProfit"]),
        leverage=float(row["leverage"]),
        isolated=row["marginType"] == "isolated",
        liquidation_price=_price(row["liquidationPrice"]),
    )


def balance(answer: Row, asset: str) -> VenueBalance:
    """Return the margin account in one asset; all zeros if it never held any."""
    for row in answer["assets"]:
        if row["asset"] == asset:
            return VenueBalance(
                asset=asset,
                wallet=float(row["walletBalance"]),
                equity=float(row["marginBalance"]),
                available=float(row["availableBalance"]),
            )
    return VenueBalance(asset=asset, wallet=0.0, equity=0.0, available=0.0)


def payments(rows: Sequence[Row]) -> list[FundingPayment]:
    """Return settlements from REST."""
    return [
        FundingPayment(
            symbol=row["symbol"],
            payment_id=str(row["tranId"]),
            amount=-float(row["income"]) + 0.0,
            asset=row["asset"],
            ts_ms=int(row["time"]),
        )
        for row in rows
    ]
