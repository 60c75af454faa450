"""Any venue's orders in ccxt's unified words.

What ccxt does not unify is in the tables below. ``TRADED`` are the venues whose requests were read
on the wire; the others are for reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ccxt

from aster_ray.model.enums import Side
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    FundingPayment,
    OrderTicket,
    OrderType,
    TimeInForce,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from aster_ray.venues.ccxt_venue import unified_rows as rows
from aster_ray.venues.ccxt_venue.dialect import Market
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.rules import names

TRADED = ("binanceusdm", "bybit")
# How a trigger on the mark price is asked for.
_ON_MARK: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aster": {"workingType": "MARK_PRICE"},
        "binanceusdm": {"workingType": "MARK_PRICE"},
        "bybit": {"triggerBy": "MarkPrice"},
    }
)
# Venues that keep conditional orders apart from the others.
_APART = ("binanceusdm",)
# Venues ccxt only finds an order by our id at in lists, and what they call that id.
_BY_LISTS = ("bybit",)
_ID_NAME: Mapping[str, str] = MappingProxyType({"bybit": "orderLinkId"})
_LIMITED = (OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)
_UNTRIGGERED = (OrderType.MARKET, OrderType.LIMIT)


class UnifiedDialect:
    """ccxt's unified requests.

    Args:
        exchange: ccxt's client.
        listings: the venue's contracts.
        asset: the margin account is told of in.
    """

    page = 100

    def __init__(self, exchange: Any, listings: Listings, asset: str = "USDT") -> None:
        self._exchange = exchange
        self._listings = listings
        self._asset = asset

    async def place(self, market: Market, ticket: OrderTicket, rules: Instrument) -> VenueOrder:
        """Send an order; amount and prices as exact text, amount in contracts."""
        amount = rows.contracts_text(market, rules, ticket.qty)
        limited = ticket.type in _LIMITED and ticket.price is not None
        answer = await self._exchange.create_order(
            market["symbol"],
            "limit" if limited else "market",
            ticket.side.name.lower(),
            amount,
            rules.price_text(ticket.price) if limited and ticket.price is not None else None,
            self._params(ticket, rules),
        )
        return rows.placed(answer, ticket, market, int(self._exchange.milliseconds()))

    def _params(self, ticket: OrderTicket, rules: Instrument) -> dict[str, Any]:
        params: dict[str, Any] = {"clientOrderId": ticket.client_order_id}
        if ticket.reduce_only:
            params["reduceOnly"] = True
        if ticket.time_in_force is TimeInForce.GTX:
            params["postOnly"] = True
        elif ticket.type in _LIMITED:
            params["timeInForce"] = ticket.time_in_force.name
        if ticket.type in _UNTRIGGERED or ticket.trigger_price is None:
            return params
        stops = ticket.type in (OrderType.STOP, OrderType.STOP_MARKET)
        trigger = rules.price_text(ticket.trigger_price)
        if ticket.reduce_only:
            params["stopLossPrice" if stops else "takeProfitPrice"] = trigger
        else:
            params["triggerPrice"] = trigger
            upward = (ticket.side is Side.BUY) == stops
            params["triggerDirection"] = "ascending" if upward else "descending"
        if ticket.on_mark:
            params |= _ON_MARK[self._exchange.id]
        return params

    async def cancel(self, market: Market, client_order_id: str) -> VenueOrder:
        """Withdraw an order; what several venues answer is no more than its id, so ask again."""
        named = {_ID_NAME.get(self._exchange.id, "clientOrderId"): client_order_id}
        try:
            await self._exchange.cancel_order(None, market["symbol"], named)
        except ccxt.OrderNotFound:
            if self._exchange.id not in _APART:
                raise
            await self._exchange.cancel_order(None, market["symbol"], {**named, "trigger": True})
        return await self.order(market, client_order_id)

    async def order(self, market: Market, client_order_id: str) -> VenueOrder:
        """Return an order, open or done."""
        found = await self._find(market["symbol"], client_order_id)
        return rows.order(found, self._venue_id(market), market)

    async def _find(self, symbol: str, client_order_id: str) -> Any:
        exchange, named = self._exchange, {"clientOrderId": client_order_id}
        if exchange.id in _BY_LISTS:
            named = {_ID_NAME.get(exchange.id, "clientOrderId"): client_order_id}
            for ask in (exchange.fetch_open_orders, exchange.fetch_canceled_and_closed_orders):
                for row in await ask(symbol, None, None, named):
                    if row.get("clientOrderId") == client_order_id:
                        return row
            raise ccxt.OrderNotFound(f"{exchange.id} has no order {client_order_id}")
        try:
            return await exchange.fetch_order(None, symbol, named)
        except ccxt.OrderNotFound:
            if exchange.id not in _APART:
                raise
            return await exchange.fetch_order(None, symbol, {**named, "trigger": True})

    async def open_orders(self) -> list[VenueOrder]:
        """Return all that rests."""
        found = list(await self._exchange.fetch_open_orders())
        if self._exchange.id in _APART:
            found += await self._exchange.fetch_open_orders(None, None, None, {"trigger": True})
        markets = await self._listings.load()
        return [
            rows.order(row, venue_id, markets[venue_id])
            for row in found
            if (venue_id := self._listings.venue_id(row["symbol"])) is not None
        ]

    async def positions(self) -> list[VenuePosition]:
        """Return what is held."""
        markets = await self._listings.load()
        return [
            rows.position(row, venue_id, markets[venue_id])
            for row in await self._exchange.fetch_positions()
            if (venue_id := self._listings.venue_id(row["symbol"])) is not None
        ]

    async def balance(self) -> VenueBalance:
        """Return the margin account; equity adds the unrealized PnL of what is held."""
        answer = await self._exchange.fetch_balance({"type": "swap"})
        held = await self.positions()
        return rows.balance(answer, self._asset, sum(position.unrealized for position in held))

    async def trades(
        self, market: Market, since_ms: int, after: VenueTrade | None
    ) -> list[VenueTrade]:
        """Return a page; a page after a trade begins with it."""
        start = since_ms if after is None else after.ts_ms
        found = await self._exchange.fetch_my_trades(market["symbol"], start, self.page)
        return [rows.trade(row, self._venue_id(market), market) for row in found]

    async def payments(self, since_ms: int) -> list[FundingPayment]:
        """Return a page of settlements."""
        found = await self._exchange.fetch_funding_history(None, since_ms, self.page)
        return [
            rows.payment(row, venue_id)
            for row in found
            if (venue_id := self._listings.venue_id(row["symbol"])) is not None
        ]

    async def set_margin_mode(self, market: Market, *, isolated: bool) -> None:
        """Choose isolated or cross margin for a contract."""
        mode = "isolated" if isolated else "cross"
        await self._exchange.set_margin_mode(mode, market["symbol"])

    async def set_leverage(self, market: Market, leverage: int) -> None:
        """Choose the leverage of a contract."""
        await self._exchange.set_leverage(leverage, market["symbol"])

    async def cancel_all_after(self, market: Market, milliseconds: int) -> None:
        """Set, or with 0 call off, the dead man's switch; most venues have one per account."""
        if self._exchange.id == "binanceusdm":
            await self._exchange.fapiPrivatePostCountdownCancelAll(
                {"symbol": market["id"], "countdownTime": milliseconds}
            )
        elif self._exchange.has.get("cancelAllOrdersAfter"):
            await self._exchange.cancel_all_orders_after(milliseconds)
        else:
            raise ccxt.NotSupported(f"{self._exchange.id} has no dead man's switch")

    def _venue_id(self, market: Market) -> str:
        return "".join(names(market))
