"""Everything that runs beside the executor while it trades at a real venue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import structlog

from aster_ray import clock
from aster_ray.engine.ports import TradingClient
from aster_ray.errors import (
    AsterError,
    BadInputError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from aster_ray.model.venue import FundingPayment, Interrupted, OrderUpdate, VenueOrder
from aster_ray.venues.live.patience import Patience
from aster_ray.venues.live.reconcile import Finding, reconcile
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.live.worker import Worker

_MOST_LOOKS = 5  # at an account from which orders are withdrawn that may open a position


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
        permit: Callable[[], object] = lambda: None,
    ) -> None:
        self._venue = venue
        self._client = client
        self._since_ms = since_ms
        self._every_s, self._again_s = patience.compare_s, patience.longest_s
        self._doubt = asyncio.Event()
        self._permit = permit
        self._distrusted = self._trusted = 0  # how often we were told to compare, and have
        self.finding: Finding | None = None  # of the last comparison
        self.compared_ms = 0  # when it was, by our clock
        self.silence = ""  # why the venue does not answer; empty while it does
        self.workers = [
            Worker(venue, client, n, patience, self._may_send)
            for n in range(len(venue.instruments))
        ]
        for worker in self.workers:
            worker.on_doubt = self._doubt.set
        venue.on_change = lambda n: self.workers[n].stir()

    def distrust(self) -> None:
        """Send nothing before the next comparison: somebody else may have traded meanwhile."""
        self._distrusted += 1
        self._doubt.set()

    def _may_send(self) -> bool:
        """Return whether something may leave now; raise if this process may not send at all."""
        self._permit()
        return self._trusted == self._distrusted

    async def begin(self) -> Finding:
        """Compare before anything is sent; goes on asking until the venue answers."""
        looks = 0
        while True:
            found = await self._reconcile("begin")
            if found is not None:
                looks += 1
                opening = any(not order.reduce_only for order in self._in_the_way(found))
                if looks < _MOST_LOOKS and opening:
                    continue  # what was withdrawn now may have been filled in the last moment
                for record in self._venue.others.at_first(found.marks, self._since_ms):
                    self._venue.write(record)
                return found
            await asyncio.sleep(1.0)

    def _in_the_way(self, finding: Finding) -> Iterator[VenueOrder]:
        """Yield the open orders of others on our symbols that would move what is ours now."""
        for order in finding.external:
            n = self._venue.index.get(order.symbol)
            if n is not None and self._venue.others.is_in_the_way(n, order):
                yield order

    async def _reconcile(self, step: str) -> Finding | None:
        """Compare; None where the venue did not answer."""
        told = self._distrusted
        try:
            self.finding = await reconcile(self._venue, self._client, self._since_ms)
        except RetryableError as error:
            self._fell_silent(step, error)
            return None
        except BadInputError as error:
            if step == "begin" and self._venue.account.observed < 0:
                raise  # nothing is held yet: a person can mend it now
            self._fell_silent(step, error)
            return None
        await self._withdraw(self.finding)
        self._trusted = told
        self.silence, self.compared_ms = "", clock.LiveClock().now_ms()
        return self.finding

    async def _withdraw(self, finding: Finding) -> None:
        """Withdraw what is in the way of what is ours."""
        for order in self._in_the_way(finding):
            try:
                self._permit()
                await self._client.cancel(order.symbol, order.client_order_id)
            # Reading may be allowed where canceling is not: the next comparison tries again.
            except (RetryableError, OutcomeUnknownError, RejectedError, BadInputError) as error:
                why = str(error)
                structlog.get_logger().warning("not_withdrawn", id=order.client_order_id, why=why)
            else:
                structlog.get_logger().warning("order_withdrawn", id=order.client_order_id)

    def _fell_silent(self, step: str, error: AsterError) -> None:
        """Note why the venue cannot be talked to; its stops go on protecting meanwhile."""
        self.silence = str(error)
        structlog.get_logger().warning("venue_unavailable", step=step, why=self.silence)

    async def run(self) -> None:
        """Work until canceled; if one part fails, all end and the failure is raised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep_comparing())
            for worker in self.workers:
                group.create_task(worker.run())

    async def compare(self) -> None:
        """Compare now; what the venue does not answer is asked again in the background."""
        if await self._reconcile("compare") is None:
            self._doubt.set()
        self._venue.commit()

    async def quiet(self) -> None:
        """Return once nothing is left to do at the venue for any symbol."""
        while True:
            for worker in self.workers:
                await worker.idle.wait()
            if all(worker.idle.is_set() for worker in self.workers):
                return

    async def stand_down(self, patience_s: float) -> None:
        """Withdraw all limits, so that nothing but stops is left; give up after a while."""
        for worker in self.workers:
            worker.stand_down()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.quiet()

    async def _listen(self) -> None:
        """Hear the account, again and again: keys or a clock that are refused may be mended."""
        while True:
            try:
                await self._hear()
                return  # the client was closed
            except BadInputError as error:
                self._fell_silent("listen", error)
                await asyncio.sleep(self._again_s)

    async def _hear(self) -> None:
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
