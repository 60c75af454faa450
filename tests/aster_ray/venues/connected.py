"""Clients of a venue on this machine: Aster's own, and the generic path with the same addresses."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aster_ray.config import Secret
from aster_ray.engine.ports import MarketClient
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect_market
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
