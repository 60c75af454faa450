"""A venue's public side through ccxt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from aster_ray.errors import AsterError, BadInputError
from aster_ray.model.ids import HOUR_MS, timeframe_name
from aster_ray.model.instrument import Bracket, Instrument
from aster_ray.model.market import Bar, FundingRate
from aster_ray.model.venue import BookUpdate, MarketEvent
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.rules import brackets_of, instrument

# Every venue of note answers so many rows at once.
MOST_BARS, MOST_RATES = 1000, 1000
_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
Closer = Callable[[], Awaitable[None]]


class MarketStreams(Protocol):
    """Where a market's events come from."""

    def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        """Yield events until closed."""
        ...

    async def close(self) -> None:
        """End every stream."""
        ...


class CcxtMarket:
    """Reads a venue.

    Args:
        gateway: where ccxt is called.
        listings: the venue's contracts.
        streams: what happens while we listen.
        release: called once nothing is needed any more.
        signed: whether the account's keys are there, for what is shown to accounts only.
    """

    def __init__(
        self,
        gateway: Gateway,
        listings: Listings,
        streams: MarketStreams,
        release: Closer,
        *,
        signed: bool,
    ) -> None:
        self._gateway = gateway
        self._exchange = gateway.exchange
        self._listings = listings
        self._streams = streams
        self._release = release
        self._signed = signed

    @property
    def name(self) -> str:
        """Return what the venue is called."""
        return self._gateway.name

    async def server_time_ms(self) -> int:
        """Return the venue's clock."""
        return int(await self._gateway.ask("time", self._exchange.fetch_time))

    async def instruments(self) -> Sequence[Instrument]:
        """Return every perpetual that trades, with its rules, by symbol.

        Where the venue shows its margin table to accounts only and there is none, a careful one is
        assumed and ``source`` says so. A contract whose rules make no sense is left out, with a
        warning in the log.
        """
        markets = await self._listings.load()
        brackets, intervals = await self._brackets(), await self._intervals()
        day = datetime.fromtimestamp(self._gateway.clock.now_ms() / 1000.0, UTC).date().isoformat()
        mode, source = self._exchange.precisionMode, f"{self.name}: its own rules"
        found = []
        for symbol, market in sorted(markets.items()):
            told = {
                "brackets": brackets.get(market["symbol"]),
                "funding_ms": intervals.get(market["symbol"]),
            }
            try:
                rules = instrument(market, mode, told, source, day)
            except BadInputError as error:
                structlog.get_logger().warning("contract_refused", symbol=symbol, why=str(error))
                continue
            if rules is not None:
                found.append(rules)
        return found

    async def _brackets(self) -> Mapping[str, Sequence[Bracket]]:
        can = self._exchange.has
        own = getattr(self._exchange, "leverage_tiers", None)
        fetch = own if own is not None else self._exchange.fetch_leverage_tiers
        if not self._signed or not (own is not None or can.get("fetchLeverageTiers")):
            return {}
        tiers: Mapping[str, Any] = await self._gateway.ask("margin tables", fetch)
        return {symbol: brackets_of(rows) for symbol, rows in tiers.items() if rows}

    async def _intervals(self) -> Mapping[str, int]:
        if not self._exchange.has.get("fetchFundingIntervals"):
            return {}
        try:
            rows = await self._gateway.ask(
                "funding intervals", self._exchange.fetch_funding_intervals
            )
        except AsterError as error:
            structlog.get_logger().warning("funding_intervals_unknown", why=str(error))
            return {}
        return {
            symbol: int(row["interval"].removesuffix("h")) * HOUR_MS
            for symbol, row in rows.items()
            if str(row.get("interval", "")).endswith("h")
        }

    async def bars(self, symbol: str, timeframe_ms: int, since_ms: int, limit: int) -> list[Bar]:
        """Return at most ``limit`` (and at most 1000) bars from ``since_ms`` on, oldest first."""
        return await self._bars(symbol, timeframe_ms, (since_ms, limit), {})

    async def mark_bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, limit: int
    ) -> list[Bar]:
        """Return bars of the mark price; volume is zero."""
        found = await self._bars(symbol, timeframe_ms, (since_ms, limit), {"price": "mark"})
        return [bar._replace(volume=0.0) for bar in found]

    async def _bars(
        self, symbol: str, timeframe_ms: int, span: tuple[int, int], params: dict[str, str]
    ) -> list[Bar]:
        since_ms, limit = span
        unified = (await self._listings.market(symbol))["symbol"]
        wanted = max(1, min(limit, MOST_BARS))
        rows = await self._gateway.ask(
            f"{'mark ' if params else ''}bars of {symbol}",
            lambda: self._exchange.fetch_ohlcv(
                unified, timeframe_name(timeframe_ms), since_ms, wanted, params
            ),
        )
        found = {int(row[0]): row for row in rows if int(row[0]) >= since_ms}
        return [
            Bar(ms, *(float(value or 0.0) for value in found[ms][1:6]))
            for ms in sorted(found)[:wanted]
        ]

    async def funding_rates(self, symbol: str, since_ms: int, limit: int) -> list[FundingRate]:
        """Return settled rates at or after ``since_ms``, oldest first, at most 1000."""
        unified = (await self._listings.market(symbol))["symbol"]
        wanted = max(1, min(limit, MOST_RATES))
        rows = await self._gateway.ask(
            f"funding of {symbol}",
            lambda: self._exchange.fetch_funding_rate_history(unified, since_ms, wanted),
        )
        found = {
            int(row["timestamp"]): float(row["fundingRate"])
            for row in rows
            if int(row["timestamp"]) >= since_ms
        }
        return [FundingRate(ms, found[ms]) for ms in sorted(found)[:wanted]]

    async def book(self, symbol: str, depth: int) -> BookUpdate:
        """Return the best ``depth`` levels of each side."""
        unified = (await self._listings.market(symbol))["symbol"]
        asked = next((known for known in _DEPTHS if known >= depth), _DEPTHS[-1])
        found = await self._gateway.ask(
            f"book of {symbol}", lambda: self._exchange.fetch_order_book(unified, asked)
        )
        bids, asks = (
            tuple((float(level[0]), float(level[1])) for level in found[side][:depth])
            for side in ("bids", "asks")
        )
        ts_ms = int(found.get("timestamp") or self._gateway.clock.now_ms())
        return BookUpdate(symbol=symbol, bids=bids, asks=asks, ts_ms=ts_ms)

    def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        """Yield bars as they form, marks and books until the client is closed."""
        return self._streams.stream(symbols, timeframe_ms)

    async def close(self) -> None:
        """End every stream and connection."""
        await self._streams.close()
        await self._release()
