"""How one family of venues is told of orders and answers: what ``VenueTrading`` is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    FundingPayment,
    OrderTicket,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)

Market = Mapping[str, Any]  # of ccxt


class Dialect(Protocol):
    """One request per call; failures are ccxt's, answers are ours.

    Attributes:
        page: rows of a full page of trades or payments.
    """

    page: int

    async def place(self, market: Market, ticket: OrderTicket, rules: Instrument) -> VenueOrder:
        """Send an order whose quantity is whole lots."""
        ...

    async def cancel(self, market: Market, client_order_id: str) -> VenueOrder:
        """Withdraw an order."""
        ...

    async def order(self, market: Market, client_order_id: str) -> VenueOrder:
        """Return an order, open or done."""
        ...

    async def open_orders(self) -> list[VenueOrder]:
        """Return all that rests."""
        ...

    async def positions(self) -> list[VenuePosition]:
        """Return what is held."""
        ...

    async def balance(self) -> VenueBalance:
        """Return the margin account."""
        ...

    async def trades(
        self, market: Market, since_ms: int, after: VenueTrade | None
    ) -> list[VenueTrade]:
        """Return a page, oldest first: from a time on, or what comes with or after a trade."""
        ...

    async def payments(self, since_ms: int) -> list[FundingPayment]:
        """Return a page of settlements from a time on, oldest first."""
        ...

    async def set_margin_mode(self, market: Market, *, isolated: bool) -> None:
        """Choose isolated or cross margin for a contract."""
        ...

    async def set_leverage(self, market: Market, leverage: int) -> None:
        """Choose the leverage of a contract."""
        ...

    async def cancel_all_after(self, market: Market, milliseconds: int) -> None:
        """Set, or with 0 call off, the dead man's switch of a contract."""
        ...
