"""How Aster is told of orders: its own requests, sent and signed through ccxt.

ccxt's unified methods lose what we need: they round a price up past what was decided, call an
expired order canceled, and drop the sign of a commission.
"""

from __future__ import annotations

from typing import Any

from aster_ray.model.ids import DAY_MS
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    FundingPayment,
    OrderTicket,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from aster_ray.venues.aster import words
from aster_ray.venues.ccxt_venue.dialect import Market

WEEK_MS, KEPT_MS = 7 * DAY_MS, 182 * DAY_MS


class AsterDialect:
    """Aster's requests.

    Args:
        exchange: ccxt's client, signed.
        asset: the margin account is told of in.
    """

    page = 1000

    def __init__(self, exchange: Any, asset: str = "USDT") -> None:
        self._exchange = exchange
        self._asset = asset

    async def place(self, market: Market, ticket: OrderTicket, rules: Instrument) -> VenueOrder:
        """Send an order."""
        return words.order(
            await self._exchange.fapiPrivatePostV3Order(words.order_params(ticket, rules))
        )

    async def cancel(self, market: Market, client_order_id: str) -> VenueOrder:
        """Withdraw an order."""
        return words.order(
            await self._exchange.fapiPrivateDeleteV3Order(_named(market, client_order_id))
        )

    async def order(self, market: Market, client_order_id: str) -> VenueOrder:
        """Return an order, open or done."""
        return words.order(
            await self._exchange.fapiPrivateGetV3Order(_named(market, client_order_id))
        )

    async def open_orders(self) -> list[VenueOrder]:
        """Return all that rests."""
        return [words.order(row) for row in await self._exchange.fapiPrivateGetV3OpenOrders()]

    async def positions(self) -> list[VenuePosition]:
        """Return every contract's position, flat ones too."""
        return [words.position(row) for row in await self._exchange.fapiPrivateGetV3PositionRisk()]

    async def balance(self) -> VenueBalance:
        """Return the margin account."""
        return words.balance(await self._exchange.fapiPrivateGetV4Account(), self._asset)

    async def trades(
        self, market: Market, since_ms: int, after: VenueTrade | None
    ) -> list[VenueTrade]:
        """Return a page: from a time on, or behind a trade.

        A question with a time looks at one week; weeks without a trade are stepped over, half a
        year of them at most: the venue keeps no more.
        """
        if after is not None:
            return await self._trades(market, {"fromId": int(after.trade_id) + 1})
        start = since_ms
        found = await self._trades(market, {"startTime": start})
        if found or start + WEEK_MS > self._exchange.milliseconds():
            return found
        told = await self._exchange.fapiPublicGetV3TickerPrice({"symbol": market["id"]})
        start = max(start, int(told["time"]) - KEPT_MS)
        while not found and start + WEEK_MS <= int(told["time"]):
            start += WEEK_MS
            found = await self._trades(market, {"startTime": start})
        return found

    async def _trades(self, market: Market, start: dict[str, int]) -> list[VenueTrade]:
        asked = {"symbol": market["id"], "limit": self.page, **start}
        return words.trades(await self._exchange.fapiPrivateGetV3UserTrades(asked))

    async def payments(self, since_ms: int) -> list[FundingPayment]:
        """Return a page of settlements."""
        asked = {"incomeType": "FUNDING_FEE", "startTime": since_ms, "limit": self.page}
        return words.payments(await self._exchange.fapiPrivateGetV3Income(asked))

    async def set_margin_mode(self, market: Market, *, isolated: bool) -> None:
        """Choose isolated or cross margin for a contract."""
        kind = "ISOLATED" if isolated else "CROSSED"
        await self._exchange.fapiPrivatePostV3MarginType(
            {"symbol": market["id"], "marginType": kind}
        )

    async def set_leverage(self, market: Market, leverage: int) -> None:
        """Choose the leverage of a contract."""
        await self._exchange.fapiPrivatePostV3Leverage(
            {"symbol": market["id"], "leverage": leverage}
        )

    async def cancel_all_after(self, market: Market, milliseconds: int) -> None:
        """Set, or with 0 call off, the dead man's switch of a contract."""
        await self._exchange.fapiPrivatePostV3CountdownCancelAll(
            {"symbol": market["id"], "countdownTime": milliseconds}
        )


def _named(market: Market, client_order_id: str) -> dict[str, str]:
    return {"symbol": market["id"], "origClientOrderId": client_order_id}
