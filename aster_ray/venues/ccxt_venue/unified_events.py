"""What ccxt.pro's watch methods return, as events, each with the key under which it conflates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from aster_ray.model.ids import timeframe_name
from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import (
    AccountEvent,
    BarUpdate,
    BookUpdate,
    Interrupted,
    MarketEvent,
    MarkUpdate,
    OrderUpdate,
    PositionUpdate,
)
from aster_ray.venues.ccxt_venue import unified_rows as rows

Keyed = list[tuple[Any, MarketEvent]]
Told = list[tuple[Any, AccountEvent]]
Name = Callable[[str], str | None]


class Glance:
    """Reads ccxt.pro's caches: of several symbols that change at once, it wakes for one alone.

    Args:
        names: ccxt's symbol -> ours.
        now_ms: our clock.
    """

    def __init__(self, names: Mapping[str, str], now_ms: Callable[[], int]) -> None:
        self._names = names
        self._now_ms = now_ms
        self._told: dict[Any, Any] = {}

    def _is_news(self, key: Any, value: Any) -> bool:
        if self._told.get(key) == value:
            return False
        self._told[key] = value
        return True

    def bars(self, cached: Mapping[str, Any], timeframe_ms: int) -> Keyed:
        """Return every bar that changed since the last look, of the newest three."""
        updates: Keyed = []
        frame = timeframe_name(timeframe_ms)
        for unified, symbol in self._names.items():
            newest = list(cached.get(unified, {}).get(frame, ()))[-3:]
            for place, row in enumerate(newest):
                bar = Bar(int(row[0]), *(float(value or 0.0) for value in row[1:6]))
                if self._is_news(("bar", symbol, bar.open_ms), bar):
                    update = BarUpdate(symbol, timeframe_ms, bar, self._now_ms())
                    updates.append((("bar", symbol, bar.open_ms), update))
                if place == 0 and len(newest) == 3:
                    self._told.pop(("bar", symbol, bar.open_ms - timeframe_ms), None)
        return updates

    def books(self, cached: Mapping[str, Any], depth: int) -> Keyed:
        """Return the best levels of every book that changed since the last look."""
        updates: Keyed = []
        for unified, symbol in self._names.items():
            book = cached.get(unified)
            if book is None:
                continue
            bids, asks = (
                tuple((float(level[0]), float(level[1])) for level in book[side][:depth])
                for side in ("bids", "asks")
            )
            if self._is_news(("book", symbol), (book.get("timestamp"), bids, asks)):
                ts_ms = int(book.get("timestamp") or self._now_ms())
                update = BookUpdate(symbol=symbol, bids=bids, asks=asks, ts_ms=ts_ms)
                updates.append((("book", symbol), update))
        return updates

    def marks(self, cached: Mapping[str, Any]) -> Keyed:
        """Return the marks told since the last look; a ticker without a mark tells nothing."""
        updates: Keyed = []
        for unified, symbol in self._names.items():
            row = cached.get(unified) or {}
            mark = row.get("markPrice")
            if mark is None or not self._is_news(("mark", symbol), (row.get("timestamp"), mark)):
                continue
            info = row.get("info") or {}
            rate = info.get("r") or info.get("fundingRate") or 0.0
            settles = info.get("T") or info.get("nextFundingTime") or 0
            ts_ms = int(row.get("timestamp") or self._now_ms())
            update = MarkUpdate(
                symbol,
                MarkPrice(ts_ms, float(mark), float(row.get("indexPrice") or mark)),
                FundingRate(int(settles), float(rate)),
            )
            updates.append((("mark", symbol), update))
        return updates


def order_updates(found: Any, name: Name, markets: Mapping[str, Any]) -> Told:
    """Return what became of orders."""
    return [
        (None, OrderUpdate(rows.order(row, symbol, markets[symbol]), None))
        for row in found
        if (symbol := name(row["symbol"])) is not None
    ]


def position_updates(found: Any, name: Name, markets: Mapping[str, Any], now_ms: int) -> Told:
    """Return what is held."""
    told: Told = []
    for row in found.values() if isinstance(found, Mapping) else found:
        symbol = name(row["symbol"])
        if symbol is not None:
            held = rows.position(row, symbol, markets[symbol])
            ts_ms = int(row.get("timestamp") or now_ms)
            told.append((None, PositionUpdate(symbol, held.qty, held.entry_price, ts_ms)))
    return told


def executions(
    found: Any, order_of: Callable[[Any], Any], name: Name, markets: Mapping[str, Any]
) -> Told:
    """Return executions with their orders; one whose order is unknown is a gap to be asked for."""
    told: Told = []
    for row in found:
        symbol = name(row["symbol"])
        if symbol is None:
            continue
        known = order_of(row)
        if known is None:
            told.append((None, Interrupted(int(row["timestamp"]), "an execution without order")))
            continue
        order = rows.order(known, symbol, markets[symbol])
        trade = rows.trade(row, symbol, markets[symbol])
        named = dataclasses.replace(trade, client_order_id=order.client_order_id)
        told.append((None, OrderUpdate(order, named)))
    return told
