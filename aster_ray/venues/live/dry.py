"""A client that asks everything and changes nothing: what would have been sent is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from aster_ray.engine.ports import TradingClient
from aster_ray.engine.venue_orders import WITHHELD
from aster_ray.errors import RejectedError
from aster_ray.model.venue import (
    AccountEvent,
    FundingPayment,
    OrderTicket,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)


class DryClient:
    """An account that is only looked at; satisfies ``TradingClient``.

    Args:
        client: who asks.
    """

    def __init__(self, client: TradingClient) -> None:
        self._client = client

    async def place(self, ticket: OrderTicket) -> VenueOrder:
        """Say what would have been sent.

        Raises:
            RejectedError: always.
        """
        structlog.get_logger().info(
            "order_withheld",
            id=ticket.client_order_id,
            symbol=ticket.symbol,
            side=ticket.side.name,
            type=ticket.type.value,
            qty=ticket.qty,
            price=ticket.price,
            trigger_price=ticket.trigger_price,
            reduce_only=ticket.reduce_only,
        )
        raise RejectedError(WITHHELD, "dry")

    async def cancel(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Say what would have been withdrawn; None, as nothing was."""
        structlog.get_logger().info("cancel_withheld", id=client_order_id, symbol=symbol)
        return None

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Say what would have been set."""
        structlog.get_logger().info("leverage_withheld", symbol=symbol, leverage=leverage)

    async def set_margin_mode(self, symbol: str, *, isolated: bool) -> None:
        """Say what would have been set."""
        structlog.get_logger().info("margin_mode_withheld", symbol=symbol, isolated=isolated)

    async def cancel_all_after(self, symbol: str, milliseconds: int) -> None:
        """Say what would have been set."""
        structlog.get_logger().info("switch_withheld", symbol=symbol, milliseconds=milliseconds)

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Ask."""
        return await self._client.order(symbol, client_order_id)

    async def open_orders(self) -> list[VenueOrder]:
        """Ask."""
        return await self._client.open_orders()

    async def positions(self) -> list[VenuePosition]:
        """Ask."""
        return await self._client.positions()

    async def balance(self) -> VenueBalance:
        """Ask."""
        return await self._client.balance()

    async def trades(self, symbol: str, since_ms: int) -> list[VenueTrade]:
        """Ask."""
        return await self._client.trades(symbol, since_ms)

    async def funding_payments(self, since_ms: int) -> list[FundingPayment]:
        """Ask."""
        return await self._client.funding_payments(since_ms)

    def events(self) -> AsyncIterator[AccountEvent]:
        """Listen."""
        return self._client.events()

    async def close(self) -> None:
        """End every stream and connection."""
        await self._client.close()
