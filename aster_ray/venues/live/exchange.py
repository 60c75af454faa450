"""An executor's whole venue: the account, its connection, and its time where that stands still."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import aiohttp
import structlog

from aster_ray.clock import LiveClock
from aster_ray.engine.ports import MarketClient, TradingClient
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.errors import BadInputError, RetryableError
from aster_ray.venues.config import ADOPT, VenueConfig
from aster_ray.venues.connect import connect
from aster_ray.venues.credentials import Credentials
from aster_ray.venues.live.dry import DryClient
from aster_ray.venues.live.pacing import Pacing
from aster_ray.venues.live.patience import Patience
from aster_ray.venues.live.reconcile import Finding
from aster_ray.venues.live.trading import Trading
from aster_ray.venues.live.venue import LiveVenue

# After the venue's time was moved: how often and at which pause its positions are compared.
_LOOKS, _LOOK_S = 40, 0.005
_ADVANCE_S = 60.0
_FAREWELL_S = 20.0  # for which limits may take to be withdrawn at the end


class LiveExchange:
    """Keeps ``venue`` in touch with the account it stands for.

    Args:
        venue: restored from its log.
        config: which venue; with ``control`` it is a simulator whose time we move.
        credentials: whose account.
        since_ms: when the session began, by the venue's clock.
        permit: asked right before everything sent; raises if this process may not send.

    Attributes:
        dry: nothing is sent; what would have been is written down. To be said before ``begin``.
    """

    def __init__(
        self,
        venue: LiveVenue,
        config: VenueConfig,
        credentials: Credentials,
        since_ms: int,
        permit: Callable[[], object] = lambda: None,
    ) -> None:
        self.venue = venue
        self._config = config
        self._credentials = credentials
        self._since_ms = since_ms
        self._permit = permit
        self.dry = False
        self.shared: RateBudgetPort | None = None  # with others behind this address
        self._trading: Trading | None = None
        self._client: TradingClient | None = None
        self._market: MarketClient | None = None
        self._pacing: Pacing | None = None
        self._stands_at = 0  # where the venue's time stands, if it stands

    async def begin(self) -> Finding:
        """Connect, and compare before anything is sent.

        Raises:
            BadInputError: keys, address or clock are wrong.
        """
        self._market, client = connect(self._config, self._credentials, shared=self.shared)
        self._client = DryClient(client) if self.dry else client
        self._pacing = Pacing(self.venue, self._market, self._now_ms)
        self.venue.others.tidies = not self.dry
        self.venue.others.adopts = self._config.external == ADOPT and not self.dry
        steps = bool(self._config.control)  # its closes are of another time than ours
        patience = Patience(
            absent_s=self._config.nonce_window_s + 5.0,
            late_s=math.inf if steps else self._config.late_s,
        )
        self._trading = Trading(
            self.venue, self._client, self._since_ms, patience=patience, permit=self._permit
        )
        try:
            if steps:
                # Not the venue's clock, by which nonces are judged: that is the wall's.
                self._stands_at = (await _control(self._config.control, "clock"))["now_ms"]
            finding = await self._trading.begin()
        except BaseException:
            await self._leave()
            raise
        self.venue.commit()
        return finding

    async def run(self) -> None:
        """Work until canceled."""
        if self._trading is None or self._client is None or self._market is None:
            raise ValueError("begin comes before run")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._trading.run())
                if self._pacing is not None and not self._config.control:
                    group.create_task(self._pacing.run())
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """End every connection."""
        for side in (self._market, self._client):
            if side is not None:
                await side.close()

    def distrust(self) -> None:
        """Send nothing before the next comparison: somebody else may have traded meanwhile."""
        if self._trading is not None:
            self._trading.distrust()

    def status(self) -> dict[str, Any]:
        """Return how the account stands, for whoever looks on; call it on the event loop."""
        trading, venue = self._trading, self.venue
        if trading is None:
            return {}
        finding = trading.finding
        orders = () if finding is None else finding.external
        account = venue.account
        return {
            "name": self._config.name,
            "dry": self.dry,
            "silence": trading.silence,
            "compared_ms": trading.compared_ms,
            "external_orders": [
                {"symbol": one.symbol, "id": one.client_order_id, "qty": one.side * one.qty}
                for one in orders
            ],
            "external_positions": {
                venue.instruments[n].symbol: math.copysign(
                    venue.instruments[n].to_qty(abs(lots)), lots
                )
                for n, lots in account.foreign.items()
            },
            "external": "adopt" if venue.others.adopts else "leave",
            "flattening": account.flattening,
            "other_symbols": [] if finding is None else list(finding.others),
            "in_doubt": [
                venue.instruments[n].symbol for n in account.parents if n not in account.carried
            ],
            "at_work": venue.parents.status(),
            "withheld": account.withheld,
        }

    async def stand_down(self) -> dict[str, Any]:
        """Withdraw every limit, leave the stops, and return what the venue says is left.

        Raises:
            RetryableError: it does not say.
        """
        trading, client = self._trading, self._client
        if trading is None or client is None:
            return {}
        if not self.dry:
            self.venue.parents.stop("the session ends")
            await trading.stand_down(_FAREWELL_S)
        orders, positions = await client.open_orders(), await client.positions()
        self.venue.commit()  # the last words of the venue, too
        return {
            "orders": [
                {
                    "symbol": one.symbol,
                    "id": one.client_order_id,
                    "type": one.type.value,
                    "side": one.side.name.lower(),
                    "qty": one.qty,
                    "price": one.price,
                    "trigger_price": one.trigger_price,
                    "ours": one.client_order_id in self.venue.account.orders,
                }
                for one in orders
            ],
            "positions": {one.symbol: one.qty for one in positions},
        }

    async def pass_to(self, close_ms: int) -> None:
        """Let a venue whose time stands still live until a close, and hear what happened.

        A venue that lives by itself is not waited for. While algorithms have orders at work time
        goes from one moment to the next at which they have something to do.
        """
        if not self._config.control:
            return
        while (stop_ms := self._next_stop(close_ms)) < close_ms:
            await self._step(stop_ms)
            await self._look()
        await self._step(close_ms)
        if self.venue.account.carried:
            await self._look()

    def _next_stop(self, close_ms: int) -> int:
        moment = self.venue.parents.next_ms()
        if moment is None:
            return close_ms
        return min(max(moment, self._stands_at + 1), close_ms)

    async def _step(self, until_ms: int) -> None:
        """Let the venue live until a moment and hear of all that happened."""
        before_ms, self._stands_at = self._stands_at, until_ms
        await advance(self._config.control, until_ms)
        every = {one.funding_interval_ms for one in self.venue.instruments}
        is_settled = any(before_ms // length < until_ms // length for length in every)
        is_heard = await self._hears()
        if self._trading is not None and (is_settled or not is_heard):
            await self._trading.compare()  # a settlement shows in no position

    async def _hears(self) -> bool:
        """Wait for the account's stream to tell what moved positions; return whether it did."""
        for _ in range(_LOOKS):
            if await self._agrees():
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def quiet(self) -> None:
        """Where the venue's time stands still, return once nothing is left to do at this moment."""
        if self._config.control:
            await self._look()

    async def _look(self) -> None:
        """Let algorithms act on what is there now, until they and the workers are done."""
        if self._trading is None or self._pacing is None:
            return
        await self._trading.quiet()
        if self._pacing.parents:
            await self._pacing.look()
            await self._trading.quiet()

    @property
    def is_carrying(self) -> bool:
        """Return whether an algorithm has an order at work."""
        return bool(self.venue.account.carried)

    def hold(self) -> None:
        """Let no algorithm open more: an operator has spoken, and the next close decides."""
        self.venue.parents.stop("operator", opening=True)
        self.venue.commit()

    async def leave(self) -> None:
        """Let algorithms go no further, withdraw what they have at work, and see it done."""
        if self._trading is not None and self.venue.account.carried:
            self.venue.parents.stop("the session ends")
            await self._trading.quiet()
        self.venue.commit()

    def _now_ms(self) -> int:
        return self._stands_at if self._config.control else LiveClock().now_ms()

    async def _agrees(self) -> bool:
        """Return whether we know of everything that moved a position."""
        if self._client is None:
            return True
        try:
            held = {one.symbol: one.qty for one in await self._client.positions()}
        except RetryableError as error:
            structlog.get_logger().warning("venue_unavailable", step="positions", why=str(error))
            return False
        venue = self.venue
        return all(
            instrument.to_lots(held.get(instrument.symbol, 0.0)) == venue.account.position(n)
            for n, instrument in enumerate(venue.instruments)
        )


async def advance(control: str, until_ms: int) -> None:
    """Move a simulator's time.

    Raises:
        BadInputError: there is no simulator, or its time does not stand still.
    """
    await _control(control, "advance", {"until_ms": until_ms})


async def _control(control: str, what: str, told: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask a simulator's control endpoint, or tell it something; return its answer."""
    method = "GET" if told is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ADVANCE_S)) as session,
            session.request(method, f"{control}/{what}", json=told) as answer,
        ):
            if answer.status >= 400:
                raise BadInputError(f"{control}/{what} refuses: {await answer.text()}")
            found: dict[str, Any] = await answer.json()
            return found
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BadInputError(f"[venue] control {control} does not answer: {error!r}") from error
