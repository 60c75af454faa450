"""What ccxt.pro's watch methods return, as events, each with the key under which it conflates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import (
    AccountEvent,
    BarUpdate,
    BookUpdate,
    MarketEvent,
    MarkUpdate,
    OrderUpdate,
    PositionUpdate,
)
from aster_ray.venues.ccxt_venue import unified_rows as rows

Keyed = list[tuple[Any, MarketEvent]]
Told = list[tuple[Any, AccountEvent]]
Name = Callable[[str], str | None]


def bar_updates(found: Any, names: Mapping[str, str], timeframe_ms: int, now_ms: int) -> Keyed:
    """Return bars as they form from ``{symbol: {timeframe: rows}}``."""
    updates: Keyed = []
    for unified, frames in found.items():
        symbol = names.get(unified)
        if symbol is None:
            continue
        for row in (row for frame in frames.values() for row in frame):
            bar = Bar(int(row[0]), *(float(value or 0.0) for value in row[1:6]))
            key = ("bar", symbol, bar.open_ms)
            updates.append((key, BarUpdate(symbol, timeframe_ms, bar, now_ms)))
    return updates


def book_updates(found: Any, names: Mapping[str, str], depth: int, now_ms: int) -> Keyed:
    """Return the best levels from an order book."""
    symbol = names.get(found["symbol"])
    if symbol is None:
        return []
    bids, asks = (
        tuple((float(level[0]), float(level[1])) for level in found[side][:depth])
        for side in ("bids", "asks")
    )
    ts_ms = int(found.get("timestamp") or now_ms)
    return [(("book", symbol), BookUpdate(symbol=symbol, bids=bids, asks=asks, ts_ms=ts_ms))]


def mark_updates(found: Any, names: Mapping[str, str], now_ms: int) -> Keyed:
    """Return marks from tickers; a ticker without a mark tells nothing."""
    tickers = found.values() if "symbol" not in found else [found]
    updates: Keyed = []
    for row in tickers:
        symbol, mark = names.get(row["symbol"]), row.get("markPrice")
        if symbol is None or mark is None:
            continue
        info = row.get("info") or {}
        rate = info.get("r") or info.get("fundingRate") or 0.0
        settles = info.get("T") or info.get("nextFundingTime") or 0
        ts_ms = int(row.get("timestamp") or now_ms)
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
