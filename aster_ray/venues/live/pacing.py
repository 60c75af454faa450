"""Shows algorithms their market and the time while they carry orders out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from aster_ray.engine.ports import MarketClient
from aster_ray.errors import BadInputError, RejectedError, RetryableError
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.venue import BarUpdate
from aster_ray.venues.live.venue import LiveVenue

_DEPTH = 20
_BARS = 1_000


class Pacing:
    """Asks for quotes of the symbols that have an order at work, and for no others.

    Asked for, not streamed: an algorithm that takes minutes does not live by milliseconds, and what
    a venue answers is whole after every reconnect.

    Args:
        venue: whose orders.
        market: the venue's public side.
        now_ms: the venue's time.
        every_s: seconds between two looks.
    """

    def __init__(
        self,
        venue: LiveVenue,
        market: MarketClient,
        now_ms: Callable[[], int],
        every_s: float = 1.0,
    ) -> None:
        self._venue = venue
        self._market = market
        self._now_ms = now_ms
        self._every_s = every_s

    @property
    def parents(self) -> int:
        """Return how many orders are being carried out."""
        return len(self._venue.parents.symbols)

    async def run(self) -> None:
        """Look again and again until canceled."""
        while True:
            await asyncio.sleep(self._every_s)
            if self.parents:
                await self.look()

    async def look(self) -> None:
        """Look once at every market with an order at work, then say what time it is."""
        parents = self._venue.parents
        for symbol in parents.symbols:
            try:
                book = await self._market.book(symbol, _DEPTH)
                parents.see(replace(book, ts_ms=self._now_ms()))
                if parents.needs_volume(symbol):
                    await self._volume(symbol)
            except (BadInputError, RejectedError, RetryableError) as error:
                structlog.get_logger().warning("market_unseen", symbol=symbol, why=str(error))
        parents.tick(self._now_ms())
        self._venue.commit()

    async def _volume(self, symbol: str) -> None:
        """Show what has traded since the oldest decision, bar by bar."""
        now_ms = self._now_ms()
        states = self._venue.parents.orders.states.values()
        since = min(s.parent.decided_ms for s in states if s.parent.symbol == symbol)
        for bar in await self._market.bars(symbol, MINUTE_MS, since, _BARS):
            self._venue.parents.see(BarUpdate(symbol, MINUTE_MS, bar, now_ms))
