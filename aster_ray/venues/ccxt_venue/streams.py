"""What happens at any venue of ccxt, through ccxt.pro.

Every kind of event is watched by a task of its own. ccxt.pro does not show when a connection is
back, so ``Interrupted`` is said at every failure or silence, and again with the next event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import ccxt
import structlog

from aster_ray.errors import BadInputError
from aster_ray.model.ids import timeframe_name
from aster_ray.model.venue import AccountEvent, Interrupted, MarketEvent
from aster_ray.venues.ccxt_venue import unified_events as events
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.mailbox import Mailbox, Outlet
from aster_ray.venues.config import VenueConfig

E = TypeVar("E")
_MOST_WAITING = 10_000
_PAUSE_S = 1.0
_FAILURES = (ccxt.BaseError, OSError, LookupError, TypeError, ValueError, AttributeError)
# An account may be quiet for long; its connections are pinged by ccxt.
_ACCOUNT_SILENCE_S = 3600.0


class Watch(Generic[E]):
    """Watches one kind of event for ever.

    Args:
        what: it is, in logs.
        call: ccxt's watch method, bound.
        take: turns what it returns into events at once; ccxt goes on changing its own objects.
        mailbox: where they go, each under its key.
        silence_s: of which it takes the connection for dead.
    """

    def __init__(
        self,
        what: str,
        call: Callable[[], Awaitable[Any]],
        take: Callable[[Any], list[tuple[Any, E]]],
        mailbox: Mailbox[E | Interrupted],
        silence_s: float,
    ) -> None:
        self._what = what
        self._call = call
        self._take = take
        self._mailbox = mailbox
        self._silence_s = silence_s

    async def run(self, now_ms: Callable[[], int]) -> None:
        """Watch until canceled.

        Args:
            now_ms: our clock, for the moment up to which nothing is missing.
        """
        why, known_ms = "", now_ms()
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    found = await self._call()
                taken = self._take(found)
            except TimeoutError:
                why = f"{self._what}: nothing was heard for {self._silence_s:g} s"
            except _FAILURES as error:
                why = f"{self._what}: {type(error).__name__}"
                await asyncio.sleep(_PAUSE_S)
            else:
                if why:
                    self._mailbox.put(Interrupted(known_ms, why))
                why, known_ms = "", now_ms()
                for key, event in taken:
                    self._mailbox.put(event, key)
                continue
            structlog.get_logger().warning("watch_failed", why=why)
            self._mailbox.put(Interrupted(known_ms, why))


class CcxtMarketStreams:
    """Bars, marks and books of any venue.

    Args:
        gateway: of the client.
        listings: the venue's contracts.
        config: patience and the depth of books.
    """

    def __init__(self, gateway: Gateway, listings: Listings, config: VenueConfig) -> None:
        self._gateway = gateway
        self._listings = listings
        self._config = config
        self._outlets: set[Outlet[MarketEvent]] = set()

    async def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        """Yield events until closed."""
        exchange, depth = self._gateway.exchange, self._config.book_levels
        if not exchange.has.get("watchOHLCVForSymbols"):
            raise BadInputError(f"ccxt has no streams of {self._gateway.name}'s bars")
        names = {(await self._listings.market(symbol))["symbol"]: symbol for symbol in symbols}
        wanted, frame = list(names), timeframe_name(timeframe_ms)
        pairs = [[unified, frame] for unified in wanted]
        mailbox: Mailbox[MarketEvent] = Mailbox(
            _MOST_WAITING, lambda: Interrupted(0, "the reader fell too far behind")
        )
        outlet = Outlet(mailbox)
        stale_s, now_ms = self._config.stale_s, self._gateway.clock.now_ms

        glance = events.Glance(names, now_ms)
        calls: dict[str, tuple[Callable[[], Awaitable[Any]], Callable[[Any], Any]]] = {
            "bars": (
                lambda: exchange.watch_ohlcv_for_symbols(pairs),
                lambda _: glance.bars(exchange.ohlcvs, timeframe_ms),
            ),
            "books": (
                lambda: exchange.watch_order_book_for_symbols(wanted),
                lambda _: glance.books(exchange.orderbooks, depth),
            ),
        }
        marks = (exchange.watch_mark_prices, exchange.watch_tickers)
        for name, watch in zip(("watchMarkPrices", "watchTickers"), marks, strict=True):
            if exchange.has.get(name) and "marks" not in calls:
                calls["marks"] = (partial(watch, wanted), lambda _: glance.marks(exchange.tickers))
        watches = [
            Watch(kind, call, take, mailbox, stale_s) for kind, (call, take) in calls.items()
        ]
        for watch in watches:
            outlet.start(watch.run(now_ms))
        self._outlets.add(outlet)
        try:
            while (event := await mailbox.get()) is not None:
                yield event
        finally:
            self._outlets.discard(outlet)
            await outlet.close()

    async def close(self) -> None:
        """End every stream."""
        for outlet in list(self._outlets):
            await outlet.close()


class CcxtAccountStream:
    """Orders, executions and positions of any venue.

    Args:
        gateway: of the client.
        listings: the venue's contracts.
    """

    def __init__(self, gateway: Gateway, listings: Listings) -> None:
        self._gateway = gateway
        self._listings = listings
        self._outlets: set[Outlet[AccountEvent]] = set()

    async def events(self) -> AsyncIterator[AccountEvent]:
        """Yield events until closed.

        An order and its execution come as two events. The first event is ``Interrupted``.
        """
        exchange, now_ms = self._gateway.exchange, self._gateway.clock.now_ms
        markets = await self._listings.load()
        since_ms = now_ms()
        mailbox: Mailbox[AccountEvent] = Mailbox(
            _MOST_WAITING, lambda: Interrupted(since_ms, "the reader fell too far behind")
        )
        outlet = Outlet(mailbox)

        def orders(found: Any) -> list[tuple[Any, AccountEvent]]:
            return events.order_updates(found, self._listings.venue_id, markets)

        def positions(found: Any) -> list[tuple[Any, AccountEvent]]:
            return events.position_updates(found, self._listings.venue_id, markets, now_ms())

        def trades(found: Any) -> list[tuple[Any, AccountEvent]]:
            return events.executions(found, self._order_of, self._listings.venue_id, markets)

        quiet = _ACCOUNT_SILENCE_S
        watches = [
            Watch("orders", exchange.watch_orders, orders, mailbox, quiet),
            Watch("executions", exchange.watch_my_trades, trades, mailbox, quiet),
        ]
        if exchange.has.get("watchPositions"):
            watches.append(Watch("positions", exchange.watch_positions, positions, mailbox, quiet))
        mailbox.put(Interrupted(since_ms, "the stream begins"))
        for watch in watches:
            outlet.start(watch.run(now_ms))
        self._outlets.add(outlet)
        try:
            while (event := await mailbox.get()) is not None:
                yield event
        finally:
            self._outlets.discard(outlet)
            await outlet.close()

    def _order_of(self, trade: Any) -> Any:
        """Return the order of an execution as ccxt.pro last heard of it, if it did."""
        known = getattr(self._gateway.exchange.orders, "hashmap", {})
        return known.get(trade["symbol"], {}).get(trade.get("order"))

    async def close(self) -> None:
        """End every stream."""
        for outlet in list(self._outlets):
            await outlet.close()
