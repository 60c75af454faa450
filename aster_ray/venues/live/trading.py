"""Everything that runs beside the executor while it trades at a real venue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from aster_ray.engine.ports import TradingClient
from aster_ray.errors import RetryableError
from aster_ray.model.venue import FundingPayment, Interrupted, OrderUpdate
from aster_ray.venues.live.reconcile import Finding, reconcile
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.live.worker import Patience, Worker


class Trading:
    """Carries orders to the venue and its word back, and compares the two again and again.

    Args:
        venue: the account.
        client: its connection.
        since_ms: when the session began, by the venue's clock.
        patience: how long to wait for what.
        permit: asked right before everything sent; raises if this process may not send.
    """

    def __init__(
        self,
        venue: LiveVenue,
        client: TradingClient,
        since_ms: int,
        *,
        patience: Patience,
        permit: Callable[[], None] = lambda: None,
    ) -> None:
        self._venue = venue
        self._client = client
        self._since_ms = since_ms
        self._every_s = patience.compare_s
        self._doubt = asyncio.Event()
        self.workers = [
            Worker(venue, client, n, patience, permit) for n in range(len(venue.instruments))
        ]
        for worker in self.workers:
            worker.on_doubt = self._doubt.set
        venue.on_change = lambda n: self.workers[n].stir()

    async def begin(self) -> Finding:
        """Compare before anything is sent; goes on asking until the venue answers."""
        while True:
            try:
                return await reconcile(self._venue, self._client, self._since_ms)
            except RetryableError as error:
                structlog.get_logger().warning("venue_unavailable", step="begin", why=str(error))
                await asyncio.sleep(1.0)

    async def run(self) -> None:
        """Work until canceled; if one part fails, all end and the failure is raised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep_comparing())
            for worker in self.workers:
                group.create_task(worker.run())

    async def compare(self) -> None:
        """Compare now; what the venue does not answer is asked again in the background."""
        try:
            await reconcile(self._venue, self._client, self._since_ms)
        except RetryableError as error:
            structlog.get_logger().warning("venue_unavailable", step="compare", why=str(error))
            self._doubt.set()
        self._venue.commit()

    async def quiet(self) -> None:
        """Return once nothing is left to do at the venue for any symbol."""
        while True:
            for worker in self.workers:
                await worker.idle.wait()
            if all(worker.idle.is_set() for worker in self.workers):
                return

    async def _listen(self) -> None:
        async for event in self._client.events():
            if isinstance(event, OrderUpdate):
                if event.trade is not None and not self._venue.hear_trade(event.trade):
                    self._doubt.set()
                if not self._venue.hear_order(event.order):
                    self._doubt.set()
            elif isinstance(event, FundingPayment):
                self._venue.hear_funding(event)
            elif isinstance(event, Interrupted):
                self._doubt.set()
            self._venue.commit()

    async def _keep_comparing(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._doubt.wait()
            self._doubt.clear()
            await self.compare()
            if self._doubt.is_set():
                await asyncio.sleep(1.0)
