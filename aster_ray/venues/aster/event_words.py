"""Aster's stream events in our vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aster_ray.model.enums import Side
from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import (
    BarUpdate,
    BookUpdate,
    MarkUpdate,
    OrderUpdate,
    PositionUpdate,
    VenueTrade,
)
from aster_ray.venues.aster import words

Row = Mapping[str, Any]


def order_update(event: Row) -> OrderUpdate:
    """Return what became of an order, with the execution that caused it."""
    body = event["o"]
    order = words.order(
        {
            "symbol": body["s"],
            "clientOrderId": body["c"],
            "orderId": body["i"],
            "status": body["X"],
            "side": body["S"],
            "type": body["o"],
            "origType": body.get("ot"),
            "origQty": body["q"],
            "executedQty": body["z"],
            "avgPrice": body["ap"],
            "price": body["p"],
            "stopPrice": body["sp"],
            "reduceOnly": body["R"],
            "updateTime": body["T"],
        }
    )
    qty = float(body["l"])
    return OrderUpdate(order, _trade(body, qty) if qty > 0.0 else None)


def _trade(body: Row, qty: float) -> VenueTrade:
    fee, maker = float(body.get("n") or 0.0), bool(body["m"])
    return VenueTrade(
        symbol=body["s"],
        trade_id=str(body["t"]),
        venue_order_id=str(body["i"]),
        client_order_id=body["c"],
        side=Side[body["S"]],
        qty=qty,
        price=float(body["L"]),
        fee=fee if maker else abs(fee),  # a taker always pays, whatever the sign means
        fee_asset=body.get("N") or "",
        maker=maker,
        ts_ms=int(body["T"]),
    )


def position_updates(event: Row) -> Iterator[PositionUpdate]:
    """Return what the account holds now of the symbols an event names."""
    for row in event["a"].get("P", ()):
        yield PositionUpdate(row["s"], float(row["pa"]), float(row["ep"]), int(event["T"]))


def settles_funding(event: Row) -> bool:
    """Tell whether funding was booked; for whose position, the event only says if isolated."""
    return bool(event["a"].get("m") == "FUNDING_FEE")


def bar_update(event: Row, timeframe_ms: int) -> BarUpdate:
    """Return a bar as it forms."""
    row = event["k"]
    prices = (float(row[name]) for name in ("o", "h", "l", "c", "v"))
    return BarUpdate(row["s"], timeframe_ms, Bar(int(row["t"]), *prices), int(event["E"]))


def mark_update(event: Row) -> MarkUpdate:
    """Return mark, index and the funding that settles next."""
    return MarkUpdate(
        event["s"],
        MarkPrice(int(event["E"]), float(event["p"]), float(event["i"])),
        FundingRate(int(event["T"]), float(event["r"])),
    )


def book_update(event: Row) -> BookUpdate:
    """Return the best levels; each message holds all of them."""
    return BookUpdate(
        symbol=event["s"],
        bids=tuple((float(price), float(qty)) for price, qty in event["b"]),
        asks=tuple((float(price), float(qty)) for price, qty in event["a"]),
        ts_ms=int(event["E"]),
    )
