"""Close everything an account has, with nothing but its key: no session, no Ray, no journal.

Orders are withdrawn first, then every position is closed at market by orders that can only reduce,
until the venue itself says that nothing is left. Sending one too many is harmless; believing that
one arrived would not be, so the venue is asked after every round.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aster_ray.engine.netting import slices
from aster_ray.engine.ports import TradingClient
from aster_ray.errors import OutcomeUnknownError, RejectedError, RetryableError
from aster_ray.model.enums import Side
from aster_ray.model.ids import OURS
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import OrderTicket, OrderType, VenueOrder, VenuePosition

_PAUSE_S = 0.5


class Holdings(NamedTuple):
    """What an account has: what would be withdrawn and closed."""

    orders: tuple[VenueOrder, ...]
    positions: tuple[VenuePosition, ...]

    @property
    def is_flat(self) -> bool:
        """Return whether there is nothing at all."""
        return not (self.orders or self.positions)


async def holdings(client: TradingClient, symbols: frozenset[str] = frozenset()) -> Holdings:
    """Return what rests and what is held, of ``symbols`` or (none given) of all."""
    orders, positions = await client.open_orders(), await client.positions()
    return Holdings(
        tuple(order for order in orders if not symbols or order.symbol in symbols),
        tuple(position for position in positions if not symbols or position.symbol in symbols),
    )


async def flatten(
    client: TradingClient,
    instruments: Mapping[str, Instrument],
    symbols: frozenset[str] = frozenset(),
    *,
    rounds: int = 20,
    told: Callable[[str], None] = lambda _line: None,
) -> Holdings:
    """Withdraw and close until the account is flat; return what is left.

    Args:
        client: the account.
        instruments: rules by symbol; a position without any is closed in one order.
        symbols: what to close; none = everything.
        rounds: how often to try before giving up.
        told: hears what is done and what went wrong, a line at a time.

    Raises:
        RetryableError: the venue never answered; nothing is known.
    """
    left: Holdings | None = None
    error: RetryableError | None = None
    for turn in range(rounds):
        if turn:
            await asyncio.sleep(_PAUSE_S)
        try:
            left = await holdings(client, symbols)
        except RetryableError as problem:
            error = problem
            told(f"the venue does not answer: {problem}")
            continue
        if left.is_flat:
            return left
        for order in left.orders:
            await _attempt(f"withdraw {order.client_order_id}", _withdraw(client, order), told)
        for position in left.positions:
            for ticket in closing_tickets(position, instruments.get(position.symbol)):
                what = f"close {ticket.qty:g} of {position.symbol}"
                await _attempt(what, _place(client, ticket), told)
    if left is None:
        raise error or RetryableError("the venue was not asked")
    return left


def closing_tickets(position: VenuePosition, instrument: Instrument | None) -> list[OrderTicket]:
    """Return the orders that close a position, none above the venue's largest."""
    quantities = [abs(position.qty)]
    if instrument is not None:
        lots = instrument.to_lots(abs(position.qty))
        quantities = [instrument.to_qty(part) for part in slices(lots, instrument.max_lots)]
    return [
        OrderTicket(
            symbol=position.symbol,
            client_order_id=f"{OURS}flat-{secrets.token_hex(8)}",
            side=Side.SELL if position.qty > 0.0 else Side.BUY,
            type=OrderType.MARKET,
            qty=qty,
            reduce_only=True,
        )
        for qty in quantities
    ]


async def _withdraw(client: TradingClient, order: VenueOrder) -> None:
    await client.cancel(order.symbol, order.client_order_id)


async def _place(client: TradingClient, ticket: OrderTicket) -> None:
    await client.place(ticket)


async def _attempt(what: str, step: Awaitable[None], told: Callable[[str], None]) -> None:
    """Take one step; what fails is said, and seen again in the next round."""
    try:
        await step
    except (RetryableError, OutcomeUnknownError, RejectedError) as error:
        told(f"{what}: {error}")
    else:
        told(what)
