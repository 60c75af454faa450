"""What happens on Aster's markets: bars as they form, marks every second, the top of the books.

One socket carries up to fifty symbols. What still waits to be read is replaced by what is newer,
except that of a bar the last word always stays.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import structlog

from aster_ray.clock import Clock
from aster_ray.model.ids import timeframe_name
from aster_ray.model.venue import Interrupted, MarketEvent
from aster_ray.venues.aster import event_words
from aster_ray.venues.aster.line import Line, Patience
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.mailbox import Mailbox, Outlet
from aster_ray.venues.config import USUAL_BOOK_MS, VenueConfig

SYMBOLS_A_SOCKET = 50  # three streams each; a socket may have two hundred
_BARS_KEPT = 64  # that many different bars of a symbol may wait to be read
# A book without a change is silent, a mark is told every second.
_BOOK_PATIENCE = 6.0
_MOST_PATIENCE_S = 3600.0
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError)


class MarketSockets:
    """Makes a stream of events for everyone who asks.

    Args:
        listings: the venue's contracts.
        config: patience and the depth of books.
        address: of the sockets.
        clock: ours.
    """

    def __init__(
        self,
        listings: Listings,
        config: VenueConfig,
        address: str,
        clock: Clock,
    ) -> None:
        self._listings = listings
        self._config = config
        self._address = address
        self._clock = clock
        self._outlets: set[Outlet[MarketEvent]] = set()
        self._closed = False

    async def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        """Yield events until closed; ``Interrupted`` after every loss, once the line stands.

        Raises:
            BadInputError: the venue has no such perpetual.
        """
        for symbol in symbols:
            await self._listings.market(symbol)
        if self._closed:
            return
        mailbox: Mailbox[MarketEvent] = Mailbox(
            len(symbols) * (_BARS_KEPT + 2) + 1000,
            lambda: Interrupted(0, "the reader fell too far behind"),
        )
        outlet = Outlet(mailbox)
        patience = Patience(
            connect_s=self._config.timeout_s,
            heartbeat_s=self._config.heartbeat_s,
            silence_s=self._config.stale_s,
        )
        for part in _parts(symbols):
            hearing = _Hearing(part, timeframe_ms, mailbox, self._config, self._clock)
            hearing.url = f"{self._address}/stream?streams={'/'.join(hearing.names())}"
            outlet.start(Line(f"market {part[0]}..", outlet.session, hearing, patience).run())
        self._outlets.add(outlet)
        try:
            while (event := await mailbox.get()) is not None:
                yield event
        finally:
            self._outlets.discard(outlet)
            await outlet.close()

    async def close(self) -> None:
        """End every stream."""
        self._closed = True
        for outlet in list(self._outlets):
            await outlet.close()


def _parts(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(symbols), SYMBOLS_A_SOCKET):
        yield symbols[start : start + SYMBOLS_A_SOCKET]


class _Hearing:
    """Reads one socket."""

    def __init__(
        self,
        symbols: Sequence[str],
        timeframe_ms: int,
        mailbox: Mailbox[MarketEvent],
        config: VenueConfig,
        clock: Clock,
    ) -> None:
        self.url = ""
        self._symbols = symbols
        self._timeframe_ms = timeframe_ms
        self._mailbox = mailbox
        # The venue knows its usual pace by no name.
        pace = "" if config.book_ms == USUAL_BOOK_MS else f"@{config.book_ms}ms"
        self._book = f"depth{config.book_levels}{pace}"
        self._began_ms, self._known_ms = clock.now_ms(), 0  # ours; of the newest event heard
        self._strange: set[str] = set()
        limits = {"markPriceUpdate": config.stale_s, "depthUpdate": config.stale_s * _BOOK_PATIENCE}
        self._watch = _Watch(symbols, limits)

    def names(self) -> list[str]:
        """Return the streams to listen to."""
        bar = f"kline_{timeframe_name(self._timeframe_ms)}"
        kinds = (bar, "markPrice@1s", self._book)
        return [f"{symbol.lower()}@{kind}" for symbol in self._symbols for kind in kinds]

    async def address(self) -> str:
        """Return where the streams are."""
        return self.url

    async def joined(self, why: str) -> None:
        """Say what may be missing; nothing was promised before the first connection."""
        self._watch.begin()
        self._strange.clear()
        if why:
            self._mailbox.put(Interrupted(self._since_ms(), why))

    def _since_ms(self) -> int:
        return self._known_ms or self._began_ms

    def hear(self, text: str) -> str:
        """Take a message."""
        try:
            message = json.loads(text)
            event = message.get("data", message)
            kind = event.get("e", "")
            update = self._update(kind, event)
        except _NOT_UNDERSTOOD as error:
            why = f"a message was not understood: {type(error).__name__} {error}"
            if why not in self._strange:  # a venue that changed its words repeats itself
                self._strange.add(why)
                structlog.get_logger().error("message_not_understood", why=why)
                self._mailbox.put(Interrupted(self._since_ms(), why))
            return ""
        if update is None:
            return ""
        self._known_ms = max(self._known_ms, int(event["E"]))
        opened = event["k"]["t"] if kind == "kline" else 0
        self._mailbox.put(update, (kind, event["s"], opened))
        return self._watch.heard(kind, event["s"])

    def _update(self, kind: str, event: Any) -> MarketEvent | None:
        if kind == "kline":
            return event_words.bar_update(event, self._timeframe_ms)
        if kind == "markPriceUpdate":
            return event_words.mark_update(event)
        if kind == "depthUpdate":
            return event_words.book_update(event)
        return None


class _Watch:
    """Notices a stream that went silent on a socket that did not.

    Args:
        symbols: of the socket.
        limits: kind -> seconds; a symbol that stays silent gets twice as many each time.
    """

    def __init__(self, symbols: Sequence[str], limits: dict[str, float]) -> None:
        self._limits = {(kind, symbol): s for kind, s in limits.items() for symbol in symbols}
        self._usual = limits
        self._heard: dict[tuple[str, str], float] = {}
        self._pause = min(limits.values()) / 4.0
        self._next = 0.0

    def begin(self) -> None:
        """Start anew with everything heard just now."""
        now = asyncio.get_running_loop().time()
        self._heard = dict.fromkeys(self._limits, now)
        self._next = now + self._pause

    def heard(self, kind: str, symbol: str) -> str:
        """Note a message; return which stream is silent for too long, if any."""
        now = asyncio.get_running_loop().time()
        if (kind, symbol) in self._limits:
            self._heard[kind, symbol] = now
            self._limits[kind, symbol] = self._usual[kind]
        if now < self._next:
            return ""
        self._next = now + self._pause
        for place, limit in self._limits.items():
            if now - self._heard[place] > limit:
                self._limits[place] = min(2.0 * limit, _MOST_PATIENCE_S)
                return f"{place[0]} of {place[1]} was silent for {limit:g} s"
        return ""
