"""From a configuration to clients of a venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aster_ray.clock import Clock, LiveClock
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import BadInputError
from aster_ray.model.venue import MarketEvent
from aster_ray.venues.config import ASTER, VenueConfig
from aster_ray.venues.credentials import Credentials


def connect_market(
    config: VenueConfig, credentials: Credentials | None = None, clock: Clock | None = None
) -> MarketClient:
    """Return the public side of a venue; nothing is sent before it is asked.

    Must be called while an event loop runs; ``close`` the client before the loop ends.

    Args:
        config: which venue and how to reach it.
        credentials: for what is shown to accounts only, the margin tables.
        clock: ours.

    Raises:
        BadInputError: a library is missing, or ccxt knows no such venue.
    """
    try:
        from aster_ray.venues.ccxt_venue.budget import RateBudget
        from aster_ray.venues.ccxt_venue.gateway import Gateway
        from aster_ray.venues.ccxt_venue.listings import Listings
        from aster_ray.venues.ccxt_venue.market import CcxtMarket
        from aster_ray.venues.ccxt_venue.turnstile import Turnstile
        from aster_ray.venues.ccxt_venue.wire import Weigh, Wire, weigh_one

        now = clock or LiveClock()
        exchange: Any
        weigh: Weigh = weigh_one
        if config.name == ASTER:
            from aster_ray.venues.aster.exchange import open_exchange
            from aster_ray.venues.aster.signer import Signer
            from aster_ray.venues.aster.weights import weigh as weigh_aster

            signer = None
            if credentials is not None:
                signer = Signer(credentials.wallet, credentials.key, config.chain, now)
            exchange, weigh = open_exchange(config, signer), weigh_aster
        else:
            from aster_ray.venues.ccxt_venue.exchange import open_exchange as open_any

            exchange = open_any(config, credentials)
    except ImportError as error:
        raise BadInputError(
            f"talking to a venue needs {error.name}, which is not installed: "
            "pip install 'aster-ray[live]'"
        ) from error
    budget = RateBudget(config.weight_per_minute, config.orders_per_minute)
    exchange.wire = Wire(Turnstile(budget, config.max_wait_s * 1000.0), weigh)
    gateway = Gateway(exchange, config.name, now)
    return CcxtMarket(
        gateway,
        Listings(gateway),
        _NoStreams(),
        exchange.close,
        signed=credentials is not None,
    )


class _NoStreams:
    def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        raise BadInputError(f"no streams of {len(symbols)} symbols through this client")

    async def close(self) -> None:
        await asyncio.sleep(0)
