"""Clients of a venue on this machine: Aster's own, and the generic path with the same addresses."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro

from aster_ray.clock import LiveClock
from aster_ray.config import Secret
from aster_ray.engine.ports import MarketClient, TradingClient
from aster_ray.model.venue import AccountEvent
from aster_ray.venues.ccxt_venue.budget import RateBudget
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.listings import Listings
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
    return VenueConfig(rest=venue.http, stream=venue.socket, **{"timeout_s": 2.0, **fields})


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


def generic(venue: Venue, key: str = KEY, **fields: Any) -> VenueTrading:
    """Return the generic path over ccxt's own Aster client: its signatures, its unified words."""
    exchange = wired(ccxt.pro.aster)(venue.settings(key))
    budget = RateBudget(100_000, 100_000)
    exchange.wire = Wire(Turnstile(budget, 1000.0))
    exchange.enableRateLimit = False
    exchange.timeout = int(config_of(venue, **fields).timeout_s * 1000)
    gateway = Gateway(exchange, "aster", LiveClock())
    listings = Listings(gateway)
    return VenueTrading(
        gateway, listings, UnifiedDialect(exchange, listings), NoEvents(), exchange.close
    )


class NoEvents:
    """An account of which only questions tell."""

    def events(self) -> AsyncIterator[AccountEvent]:
        """There are none."""
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


@contextlib.asynccontextmanager
async def trading_generic(**how: Any) -> AsyncIterator[tuple[Venue, TradingClient]]:
    """Serve a venue and open an account at it through the generic path."""
    fields = how.pop("config", {})
    async with served(**how) as venue:
        client = generic(venue, **fields)
        try:
            yield venue, client
        finally:
            await client.close()
