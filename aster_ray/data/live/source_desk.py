"""What one venue's streams have said so far, symbol by symbol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aster_ray.data.live.book_check import BookCheck
from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.confirmation import Evidence, Span
from aster_ray.data.live.mark_track import MarkTrack
from aster_ray.data.live.socket_bars import SocketBars
from aster_ray.data.live.venue_clock import VenueClock
from aster_ray.model.venue import BarUpdate, BookUpdate, Interrupted, MarketEvent, MarkUpdate


class SourceDesk:
    """Take a venue's events; say what they amount to.

    Args:
        symbols: of the session, in its order; events of others are ignored.
        timeframe_ms: of the session.
        config: limits of the book check.
        now_ms: our own clock.
    """

    def __init__(
        self, symbols: Sequence[str], timeframe_ms: int, config: FeedConfig, now_ms: int
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._heard = {kind: [0] * len(symbols) for kind in ("bars", "marks", "books")}
        self.clock = VenueClock()
        self._timeframe_ms = timeframe_ms
        self._index = {symbol: n for n, symbol in enumerate(symbols)}
        patience_ms = int(config.silence_s * 1e3)
        self._bars = [SocketBars(self.counts) for _ in symbols]
        self._marks = [MarkTrack(timeframe_ms, self.counts) for _ in symbols]
        self._books = [
            BookCheck(config.order_notional, config.max_cost, now_ms, self.counts, patience_ms)
            for _ in symbols
        ]

    def hear(self, event: MarketEvent, now_ms: int) -> bool:
        """Take an event; return whether it is a sign of life."""
        if isinstance(event, Interrupted):
            self.counts["interruptions"] += 1
            return False
        n = self._index.get(event.symbol)
        if n is None:
            return False
        if isinstance(event, BarUpdate):
            self._heard["bars"][n] += 1
            self._bars[n].hear(event)
            self.clock.hear(event.bar.open_ms, now_ms)
        elif isinstance(event, MarkUpdate):
            self._heard["marks"][n] += 1
            self._marks[n].hear(event)
            self.clock.hear(event.mark.ts_ms, now_ms)
        elif isinstance(event, BookUpdate):
            self._heard["books"][n] += 1
            self._books[n].hear(event, now_ms)
            self.clock.hear(event.ts_ms, now_ms)
        return True

    def told(self) -> dict[str, int]:
        """Return how many updates of each kind were taken: in all, and the range over symbols."""
        return {
            name: number
            for kind, numbers in self._heard.items()
            for name, number in (
                (kind, sum(numbers)),
                (f"{kind}_least", min(numbers)),
                (f"{kind}_most", max(numbers)),
            )
        }

    def has_begun(self, open_ms: int) -> bool:
        """Return whether a bar that opens at ``open_ms`` or later was told of, of any symbol."""
        return any(bars.newest_ms >= open_ms for bars in self._bars)

    def evidence(self, n: int, span: Span) -> Evidence:
        """Return what is known of one symbol's bar."""
        bars, marks = self._bars[n], self._marks[n]
        return Evidence(
            socket=bars.joined(span.open_ms, self._timeframe_ms),
            begun=bars.newest_ms >= span.close_ms,
            mark=marks.bar(span.open_ms),
            announced=marks.announced(span.open_ms),
        )

    def refusal(self, n: int, now_ms: int) -> str:
        """Return why a symbol must not be traded now; empty if it may be."""
        return self._books[n].refusal(now_ms)

    def forget(self, before_ms: int) -> None:
        """Drop what belongs to closes that are done with."""
        for bars in self._bars:
            bars.forget(before_ms)
        for marks in self._marks:
            marks.forget(before_ms)
