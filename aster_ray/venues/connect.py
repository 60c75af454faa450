"""From a configuration to clients of a venue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aster_ray.clock import Clock, LiveClock
from aster_ray.engine.ports import MarketClient, TradingClient
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.errors import BadInputError
from aster_ray.venues.config import ASTER, VenueConfig
from aster_ray.venues.credentials import Credentials

if TYPE_CHECKING:
    from aster_ray.venues.ccxt_venue.gateway import Gateway
    from aster_ray.venues.ccxt_venue.listings import Listings


def connect(
    config: VenueConfig,
    credentials: Credentials,
    clock: Clock | None = None,
    shared: RateBudgetPort | None = None,
) -> tuple[MarketClient, TradingClient]:
    """Return a venue's public side and an account at it; nothing is sent before it is asked.

    Both share one connection pool and one request budget; close both. Must be called while an
    event loop runs.

    Args:
        config: which venue and how to reach it.
        credentials: whose account.
        clock: ours; nonces and the comparison with the venue's clock are made by it.
        shared: the request weight of everybody behind this address; None = this client alone.

    Raises:
        BadInputError: a library is missing, or ccxt knows no such venue.
    """
    line = _open(config, credentials, clock or LiveClock(), users=2, shared=shared)
    return line.market(signed=True), line.trading()


def connect_market(
    config: VenueConfig,
    credentials: Credentials | None = None,
    clock: Clock | None = None,
    shared: RateBudgetPort | None = None,
) -> MarketClient:
    """Return the public side of a venue; ``credentials`` also show its margin tables.

    Raises:
        BadInputError: as ``connect``.
    """
    line = _open(config, credentials, clock or LiveClock(), users=1, shared=shared)
    return line.market(signed=credentials is not None)


@dataclass(slots=True)
class _Line:
    """What the two sides of a venue share."""

    config: VenueConfig
    gateway: Gateway
    listings: Listings
    users: int

    def market(self, *, signed: bool) -> MarketClient:
        from aster_ray.venues.ccxt_venue.market import CcxtMarket, MarketStreams

        streams: MarketStreams
        if self.config.name == ASTER:
            from aster_ray.venues.aster.market_streams import MarketSockets

            streams = MarketSockets(self.listings, self.config, self._sockets(), self.gateway.clock)
        else:
            from aster_ray.venues.ccxt_venue.streams import CcxtMarketStreams

            streams = CcxtMarketStreams(self.gateway, self.listings, self.config)
        return CcxtMarket(self.gateway, self.listings, streams, self._leaver(), signed=signed)

    def trading(self) -> TradingClient:
        from aster_ray.venues.ccxt_venue.dialect import Dialect
        from aster_ray.venues.ccxt_venue.trading import AccountStream, VenueTrading

        dialect: Dialect
        stream: AccountStream
        if self.config.name == ASTER:
            from aster_ray.venues.aster.dialect import AsterDialect
            from aster_ray.venues.aster.user_stream import UserStream

            dialect = AsterDialect(self.gateway.exchange)
            stream = UserStream(self.gateway, self.config, self._sockets())
        else:
            from aster_ray.venues.ccxt_venue.streams import CcxtAccountStream
            from aster_ray.venues.ccxt_venue.unified import TRADED, UnifiedDialect

            if self.config.name not in TRADED:
                raise BadInputError(
                    f"venue.name {self.config.name!r} is for reading only: orders go to "
                    f"{', '.join((ASTER, *TRADED))}"
                )
            dialect = UnifiedDialect(self.gateway.exchange, self.listings)
            stream = CcxtAccountStream(self.gateway, self.listings)
        return VenueTrading(self.gateway, self.listings, dialect, stream, self._leaver())

    def _sockets(self) -> str:
        from aster_ray.venues.aster.exchange import socket_address

        return socket_address(self.config)

    def _leaver(self) -> Callable[[], Awaitable[None]]:
        """Return what one side calls, once or more often, when it is done."""
        left = False

        async def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self.users -= 1
                if self.users == 0:
                    await self.gateway.exchange.close()

        return leave


def _open(
    config: VenueConfig,
    credentials: Credentials | None,
    clock: Clock,
    *,
    users: int,
    shared: RateBudgetPort | None,
) -> _Line:
    try:
        from aster_ray.venues.ccxt_venue.budget import RateBudget
        from aster_ray.venues.ccxt_venue.gateway import Gateway
        from aster_ray.venues.ccxt_venue.listings import Listings
        from aster_ray.venues.ccxt_venue.turnstile import Turnstile
        from aster_ray.venues.ccxt_venue.wire import Weigh, Wire, weigh_one

        exchange: Any
        weigh: Weigh = weigh_one
        if config.name == ASTER:
            from aster_ray.venues.aster.exchange import open_exchange
            from aster_ray.venues.aster.signer import Signer
            from aster_ray.venues.aster.weights import weigh as weigh_aster

            signer = None
            if credentials is not None:
                signer = Signer(credentials.wallet, credentials.key, config.chain, clock)
            exchange, weigh = open_exchange(config, signer), weigh_aster
        else:
            from aster_ray.venues.ccxt_venue.exchange import open_exchange as open_any

            exchange = open_any(config, credentials)
    except ImportError as error:
        raise BadInputError(
            f"talking to a venue needs {error.name}, which is not installed: pip install aster-ray"
        ) from error
    budget = RateBudget(config.weight_per_minute, config.orders_per_minute)
    turnstile = Turnstile(budget, config.max_wait_s * 1000.0, shared=shared)
    exchange.wire = Wire(turnstile, weigh)
    gateway = Gateway(exchange, config.name, clock)
    return _Line(config, gateway, Listings(gateway), users)
