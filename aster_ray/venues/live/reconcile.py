"""Compare what we know of an account with what the venue says, and mend the difference.

Runs at the start, after every interruption of the account's stream, on doubt and in between. It
books what was missed, asks for orders that vanished, and reports what is not ours; it never
concludes from silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import structlog

from aster_ray.engine.adoption import is_working
from aster_ray.engine.ports import TradingClient
from aster_ray.engine.venue_orders import Stage
from aster_ray.model.venue import VenueOrder, VenuePosition
from aster_ray.venues.live.venue import LiveVenue

# Trades are asked for again this far back: the venue's list may lag behind its stream.
_OVERLAP_MS = 60_000


class Finding(NamedTuple):
    """What a comparison found.

    Attributes:
        external: open orders at the venue that nobody here placed.
        positions: symbol -> lots at the venue beyond ours.
        others: symbols held at the venue that this session does not trade.
        missed: trades that only the comparison brought to light.
        marks: index of a symbol held at the venue -> its mark price there.
    """

    external: tuple[VenueOrder, ...]
    positions: Mapping[str, int]
    others: tuple[str, ...]
    missed: int
    marks: Mapping[int, float]

    @property
    def is_clean(self) -> bool:
        """Return whether the venue and we agree and nothing else is there."""
        return not (self.external or self.positions or self.others)


async def reconcile(venue: LiveVenue, client: TradingClient, since_ms: int) -> Finding:
    """Bring the account in line with the venue.

    Args:
        venue: what we know.
        client: whom to ask.
        since_ms: when the session began; trades before it are not ours.

    Raises:
        RetryableError: the venue could not be asked; nothing is concluded.
    """
    account = venue.account
    before = account.booked.count
    open_orders = await client.open_orders()
    external = tuple(order for order in open_orders if not venue.hear_order(order))
    at_rest = {order.client_order_id for order in open_orders}
    for order in list(account.orders.values()):
        if order.stage is Stage.OPEN and order.client_order_id not in at_rest:
            told = await client.order(
                venue.instruments[order.slot.symbol].symbol, order.client_order_id
            )
            if told is not None:
                venue.hear_order(told)
    await _trades(venue, client, since_ms)
    for payment in await client.funding_payments(max(since_ms, account.booked.last_payment_ms)):
        venue.hear_funding(payment)
    there = {position.symbol: position for position in await client.positions()}
    positions = await _positions(venue, client, there, since_ms)
    others = tuple(sorted(name for name in there if name not in venue.index))
    marks = {
        venue.index[name]: one.mark_price for name, one in there.items() if name in venue.index
    }
    finding = Finding(external, positions, others, account.booked.count - before, marks)
    if not finding.is_clean or finding.missed:
        structlog.get_logger().warning(
            "reconciled",
            missed=finding.missed,
            external_orders=[order.client_order_id for order in external],
            positions=dict(positions),
            other_symbols=list(others),
        )
    return finding


async def _trades(venue: LiveVenue, client: TradingClient, since_ms: int) -> None:
    account = venue.account
    since = max(since_ms, account.last_trade_ms - _OVERLAP_MS)
    busy = {order.slot.symbol for order in account.orders.values()}
    busy |= {n for n in range(len(venue.instruments)) if account.book.positions["lots"][n]}
    for n in sorted(busy):
        for trade in await client.trades(venue.instruments[n].symbol, since):
            venue.hear_trade(trade)


async def _positions(
    venue: LiveVenue, client: TradingClient, there: Mapping[str, VenuePosition], since_ms: int
) -> dict[str, int]:
    """Return what the venue holds beyond what we know, after asking for trades we missed."""
    different: dict[str, int] = {}
    for n, instrument in enumerate(venue.instruments):
        held = there.get(instrument.symbol)
        lots = instrument.to_lots(0.0 if held is None else held.qty)
        if lots != venue.account.position(n):
            for trade in await client.trades(instrument.symbol, since_ms):
                venue.hear_trade(trade)
        excess = lots - venue.account.position(n)
        if excess and is_working(venue.account, n):
            continue  # an order is under way: the next comparison tells
        venue.foreign(n, excess)
        if excess:
            different[instrument.symbol] = excess
    return different
