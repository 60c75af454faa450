"""ccxt's unified orders, executions, positions and balances as ours."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from aster_ray.model.enums import Side
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    FundingPayment,
    OrderStatus,
    OrderTicket,
    OrderType,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)

Row = Mapping[str, Any]
_STATUS: Mapping[str, OrderStatus] = MappingProxyType(
    {
        "open": OrderStatus.NEW,
        "closed": OrderStatus.FILLED,
        "canceled": OrderStatus.CANCELED,
        "canceling": OrderStatus.NEW,
        "expired": OrderStatus.EXPIRED,
        "rejected": OrderStatus.REJECTED,
    }
)


def contract_size(market: Row) -> Decimal:
    """Return how much base asset one contract is."""
    return Decimal(str(market.get("contractSize") or 1))


def contracts_text(market: Row, rules: Instrument, qty: float) -> str:
    """Return a base quantity as the exact number of contracts."""
    size = contract_size(market)
    text = rules.qty_text(rules.to_lots(qty))
    return text if size == 1 else format((Decimal(text) / size).normalize(), "f")


def status_of(row: Row, filled: float) -> OrderStatus:
    """Return where an order stands; one that was just taken may come without a word on it."""
    found = _STATUS[row.get("status") or "open"]
    return OrderStatus.PARTIALLY_FILLED if found is OrderStatus.NEW and filled > 0.0 else found


def order(row: Row, symbol: str, market: Row) -> VenueOrder:
    """Return an order; quantities become base asset."""
    size = float(contract_size(market))
    filled = float(row.get("filled") or 0.0) * size
    return VenueOrder(
        symbol=symbol,
        client_order_id=row.get("clientOrderId") or "",
        venue_order_id=str(row["id"]),
        status=status_of(row, filled),
        side=Side[row["side"].upper()],
        type=_type_of(row),
        qty=float(row["amount"]) * size,
        filled_qty=filled,
        average_price=float(row["average"]) if row.get("average") and filled else None,
        price=float(row["price"]) if row.get("price") else None,
        trigger_price=_trigger(row),
        reduce_only=bool(row.get("reduceOnly")),
        updated_ms=int(row.get("lastUpdateTimestamp") or row.get("timestamp") or 0),
    )


def _trigger(row: Row) -> float | None:
    for name in ("stopLossPrice", "takeProfitPrice", "triggerPrice", "stopPrice"):
        if row.get(name):
            return float(row[name])
    return None


def _type_of(row: Row) -> OrderType:
    limited = row.get("type") in ("limit", "stop", "take_profit") and row.get("price")
    if _trigger(row) is None:
        return OrderType.LIMIT if limited else OrderType.MARKET
    word = f"{row.get('type')} {row.get('info', {}).get('origType', '')}".lower()
    profits = bool(row.get("takeProfitPrice")) or "take_profit" in word
    if profits:
        return OrderType.TAKE_PROFIT if limited else OrderType.TAKE_PROFIT_MARKET
    return OrderType.STOP if limited else OrderType.STOP_MARKET


def placed(row: Row, ticket: OrderTicket, market: Row, now_ms: int) -> VenueOrder:
    """Return an order as the answer to it says; several venues answer with an id alone."""
    filled = float(row.get("filled") or 0.0) * float(contract_size(market))
    return VenueOrder(
        symbol=ticket.symbol,
        client_order_id=ticket.client_order_id,
        venue_order_id=str(row["id"]),
        status=OrderStatus.NEW if not row.get("status") else status_of(row, filled),
        side=ticket.side,
        type=ticket.type,
        qty=ticket.qty,
        filled_qty=min(filled, ticket.qty),
        average_price=float(row["average"]) if row.get("average") and filled else None,
        price=ticket.price,
        trigger_price=ticket.trigger_price,
        reduce_only=ticket.reduce_only,
        updated_ms=int(row.get("timestamp") or now_ms),
    )


def trade(row: Row, symbol: str, market: Row) -> VenueTrade:
    """Return an execution. A fee that ccxt made positive is one that was paid."""
    fee = row.get("fee") or {}
    return VenueTrade(
        symbol=symbol,
        trade_id=str(row["id"]),
        venue_order_id=str(row.get("order") or ""),
        client_order_id="",
        side=Side[row["side"].upper()],
        qty=float(row["amount"]) * float(contract_size(market)),
        price=float(row["price"]),
        fee=float(fee.get("cost") or 0.0),
        fee_asset=fee.get("currency") or "",
        maker=row.get("takerOrMaker") == "maker",
        ts_ms=int(row["timestamp"]),
    )


def position(row: Row, symbol: str, market: Row) -> VenuePosition:
    """Return a position; the quantity is signed base asset."""
    held = abs(float(row.get("contracts") or 0.0)) * float(contract_size(market))
    return VenuePosition(
        symbol=symbol,
        qty=-held if row.get("side") == "short" else held,
        entry_price=float(row.get("entryPrice") or 0.0),
        mark_price=float(row.get("markPrice") or 0.0),
        unrealized=float(row.get("unrealizedPnl") or 0.0),
        leverage=float(row.get("leverage") or 0.0),
        isolated=row.get("marginMode") == "isolated",
        liquidation_price=float(row["liquidationPrice"]) if row.get("liquidationPrice") else None,
    )


def balance(answer: Row, asset: str, unrealized: float) -> VenueBalance:
    """Return the margin account in one asset."""
    row = answer.get(asset) or {}
    wallet = float(row.get("total") or 0.0)
    return VenueBalance(
        asset=asset,
        wallet=wallet,
        equity=wallet + unrealized,
        available=float(row.get("free") or 0.0),
    )


def payment(row: Row, symbol: str) -> FundingPayment:
    """Return a settlement; ccxt counts what was received as positive."""
    return FundingPayment(
        symbol=symbol,
        payment_id=str(row["id"]),
        amount=-float(row["amount"]) + 0.0,
        asset=row["code"],
        ts_ms=int(row["timestamp"]),
    )
