"""Clients of a venue on this machine: Aster's own, and the generic path with the same addresses."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro

from aster_ray.clock import LiveClock
from aster_ray.config import Secret
from aster_ray.engine.ports import MarketClient, TradingClient
from aster_ray.venues.ccxt_venue.budget import RateBudget
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.market import CcxtMarket
from aster_ray.venues.ccxt_venue.streams import CcxtAccountStream, CcxtMarketStreams
from aster_ray.venues.ccxt_venue.trading import VenueTrading
from aster_ray.venues.ccxt_venue.turnstile import Turnstile
from aster_ray.venues.ccxt_venue.unified import UnifiedDialect
from aster_ray.venues.ccxt_venue.wire import Wire, wired
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect, connect_market
from aster_ray.venues.credentials import Credentials
from tests.aster_ray.venues.simulator.served import KEY, Venue, served

OWN = Credentials(key=Secret(KEY))


def config_of(venue: Venue, **fields: Any) -> VenueConfig:
    """Return the configuration of a served venue."""
    return VenueConfig(rest=venue.http, stream=venue.socket, **{"timeout_s": 10.0, **fields})


@contextlib.asynccontextmanager
async def reading(
    credentials: Credentials | None = OWN, **how: Any
) -> AsyncIterator[tuple[Venue, MarketClient]]:
    """Serve a venue and open its public side."""
    fields = how.pop("config", {})
    async with served(**how) as venue:
        client = connect_market(config_of(venue, **fields), credentials)
        try:
            yield venue, client
        finally:
            await client.close()


@contextlib.asynccontextmanager
async def trading(
    credentials: Credentials = OWN, **how: Any
) -> AsyncIterator[tuple[Venue, TradingClient]]:
    """Serve a venue and open an account at it."""
    fields = how.pop("config", {})
    async with served(**how) as venue:
        market, client = connect(config_of(venue, **fields), credentials)
        try:
            yield venue, client
        finally:
            await client.close()
            await market.close()


class Mended(ccxt.pro.aster):  # type: ignore[misc]
    """ccxt's own streams of an account, which 4.5.90 refuses to open."""

    async def _watch_account(self, what: str) -> Any:
        await self.load_markets()
        await self.authenticate("swap")
        url = self.get_private_url("swap")
        self.balance.setdefault("swap", {})
        found = await self.watch_multiple(url, [what], None, ["swap"])
        return self.filter_by_symbol_since_limit(
            found, None, None, found.getLimit(None, None), True
        )

    async def watch_orders(self, *_: Any) -> Any:
        return await self._watch_account("orders")

    async def watch_my_trades(self, *_: Any) -> Any:
        return await self._watch_account("myTrades")


def generic(venue: Venue, **fields: Any) -> tuple[CcxtMarket, VenueTrading]:
    """Return the generic path over ccxt's own Aster client: its signatures, its unified words."""
    snapshots = {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False}
    options = {"watchPositions": snapshots, "ws": {"keepAlive": 300}}
    exchange = wired(Mended)({**venue.settings(**options), "timeout_on_exit": 0})
    exchange.wire = Wire(Turnstile(RateBudget(100_000, 100_000), 1000.0))
    exchange.enableRateLimit = False
    config = config_of(venue, **fields)
    exchange.timeout = int(config.timeout_s * 1000)
    gateway = Gateway(exchange, "aster", LiveClock())
    listings = Listings(gateway)
    streams = CcxtMarketStreams(gateway, listings, config)
    market = CcxtMarket(gateway, listings, streams, exchange.close, signed=False)
    account = CcxtAccountStream(gateway, listings)
    dialect = UnifiedDialect(exchange, listings)
    return market, VenueTrading(gateway, listings, dialect, account, exchange.close)


@contextlib.asynccontextmanager
async def trading_generic(**how: Any) -> AsyncIterator[tuple[Venue, TradingClient]]:
    """Serve a venue and open an account at it through the generic path."""
    fields = how.pop("config", {})
    async with served(**how) as venue:
        _, client = generic(venue, **fields)
        try:
            yield venue, client
        finally:
            await client.close()


@contextlib.asynccontextmanager
async def reading_generic(**how: Any) -> AsyncIterator[tuple[Venue, MarketClient]]:
    """Serve a venue and open its public side through the generic path."""
    fields = how.pop("config", {})
    async with served(**how) as venue:
        client, _ = generic(venue, **fields)
        try:
            yield venue, client
        finally:
            await client.close()
