"""A ccxt client of any venue with linear perpetuals."""

from __future__ import annotations

from typing import Any

import ccxt.pro

from aster_ray.errors import BadInputError
from aster_ray.venues.ccxt_venue.wire import wired
from aster_ray.venues.config import WELL_KNOWN, VenueConfig
from aster_ray.venues.credentials import Credentials


def open_exchange(config: VenueConfig, credentials: Credentials | None) -> Any:
    """Return a client; its ``wire`` is still to be set.

    Raises:
        BadInputError: ccxt knows no such venue, or its addresses were to be changed.
    """
    if config.name not in ccxt.pro.exchanges:
        raise BadInputError(
            f"venue.name must be a venue of ccxt such as {', '.join(WELL_KNOWN)}, "
            f"was {config.name!r}"
        )
    if config.rest:
        raise BadInputError(f"venue.rest and venue.stream apply to aster, not to {config.name}")
    settings: dict[str, Any] = {
        "enableRateLimit": False,  # ours counts and knows priorities
        "timeout": int(config.timeout_s * 1000),
        "options": {
            "defaultType": "swap",
            # Some of ccxt's clients add a fee of their own unless told not to.
            "builderFee": False,
            # Everything that rests costs more weight than one symbol, and is what we ask for.
            "fetchOpenOrders": {"warnWithoutSymbol": False},
        },
    }
    if credentials is not None:
        settings |= {
            "apiKey": credentials.key.value,
            "secret": credentials.secret.value,
            "password": credentials.password.value or None,
        }
    return wired(getattr(ccxt.pro, config.name))(settings)
