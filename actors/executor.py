"""ExecutorActor: the only one that reaches the venue. Write first, then send, then say so."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from ray.exceptions import RayError

from actors.hops import StampedVenue, TimedJournal
from actors.link import Latest
from actors.options import TIMES
from actors.shell import Shell
from actors.warm import warm_account, warm_venue
from aster_ray import clock, topology
from aster_ray.engine.durable import DurableExecution
from aster_ray.engine.failpoints import EVIDENCE_AFTER_SEND
from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.wire import pack_report, unpack_bars, unpack_orders
from aster_ray.errors import BadInputError
from aster_ray.research.live import budget_at
from aster_ray.research.prepare import Prepared
from aster_ray.research.request import refuse_real_money
from aster_ray.research.session import EXECUTOR_JOURNAL, VENUE_JOURNAL
from aster_ray.store.config import places_from_environment
from aster_ray.store.custody import (
    SESSION,
    Custody,
    FencedVenue,
    account_lease,
    live_account,
    paper_account,
)
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.credentials import Credentials, owner_of, read_credentials
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.paper import PaperVenue

if TYPE_CHECKING:
    from aster_ray.venues.live.exchange import LiveExchange

FEED_TO_EXECUTOR = f"{topology.FEED} -> {topology.EXECUTOR}"
RISK_TO_EXECUTOR = f"{topology.RISK} -> {topology.EXECUTOR}"
# Not a message: from a bar's completion in the feed to its orders reaching the venue's port.
CLOSE_TO_VENUE = "bar close to venue"
# For how long a send waits for a lease whose store does not answer; nothing leaves meanwhile.
_STORE_PATIENCE_S = 20.0
_TELL_S = 0.5
# Orders and trades that are over and may still be spoken of.
REMEMBERED = 256


class ExecutorActor(Shell):
    """Carry bars to the paper venue, its evidence to the risk desk, and orders to the venue."""

    role = topology.EXECUTOR
    _standing: Mapping[str, Any] = {}  # of the account at the venue; replaced as a whole

    def open(self) -> None:
        """Take the account; restore the venue from its log and the desk from the journal."""
        self._take_account()
        prepared = self.session.prepare()
        log = self.journal(VENUE_JOURNAL)
        timed = TimedJournal(log, self.stages, "venue")
        self._exchange: LiveExchange | None = None
        self._venue: PaperVenue | LiveVenue
        if prepared.request.trades_at_venue:
            warm_account(prepared)
            # Every life names its orders otherwise: none repeats an id that a lost record had.
            name = f"{self.session.token}/{self._custody.epoch}"
            account = prepared.venue_account(name, REMEMBERED)
            self._venue = LiveVenue(account, prepared.instruments, timed, prepared.manner())
            self._exchange = self._at_venue(self._venue, prepared)
        else:
            warm_venue(prepared)
            self._venue = prepared.paper_venue(timed)
        if isinstance(self._venue, LiveVenue):
            self._venue.reached = self.reached
        self._venue.restore(log.recover())
        journal = self.journal(EXECUTOR_JOURNAL)
        self._born_ns = 0
        self._seen = -1  # last close seen through, but for what algorithms still carry out
        self._execution = DurableExecution(
            prepared.execution_desk(),
            # Nothing leaves unless the account is still ours: asked right before every send.
            StampedVenue(FencedVenue(self._venue, self._permit), self._handed_over),
            TimedJournal(journal, self.stages, "executor"),
            journal.recover(),
            self.reached,
        )
        structlog.get_logger().info(
            "orders_in_doubt", known=self._execution.known, sent=self._execution.resent
        )
        self._observed = Latest(self.reached, EVIDENCE_AFTER_SEND)

    def says(self) -> dict[str, Any]:
        """Return how the account at the venue stands; nothing of a paper venue."""
        return {"venue": dict(self._standing)} if self._standing else {}

    def _take_account(self) -> None:
        """Become the one executor of the account, under a new epoch.

        Raises:
            LeaseHeldError: another session trades it.
        """
        session = self.session
        settings = session.request.settings
        self._credentials: Credentials | None = None
        account = paper_account(session.folder, session.token)
        if session.request.trades_at_venue:
            self._credentials = self._keys(settings.venue)
            is_dry = session.mandate is not None and session.mandate.dry
            # A stepped simulator belongs to its session, and so does the account there.
            if not is_dry and not settings.venue.control:
                account = live_account(
                    settings.venue.name, owner_of(settings.venue, self._credentials)
                )
        what = f"{SESSION}{session.folder.resolve()}"
        lease = account_lease(places_from_environment(os.environ), account, what)
        self._custody = Custody(lease, what, _STORE_PATIENCE_S)
        self._custody.take()

    def _keys(self, config: VenueConfig) -> Credentials:
        """Return the keys of the account at a venue.

        Raises:
            BadInputError: there are none, they are not those of the mandate, or without one the
                money would be real.
        """
        mandate = self.session.mandate
        if mandate is None:
            refuse_real_money(self.session.request)
        credentials = read_credentials(config, os.environ)
        if credentials is None:
            raise BadInputError(
                f"session.orders is venue, but there are no keys of an account at {config.name}: "
                "set them in the environment, see aster help venues"
            )
        if mandate is not None:
            from aster_ray.venues.aster.signer import address_of  # its libraries are an extra

            mandate.require(owner_of(config, credentials), address_of(credentials.key))
        return credentials

    def _at_venue(self, venue: LiveVenue, prepared: Prepared) -> LiveExchange:
        """Return the connection of an account at a real venue."""
        from aster_ray.venues.live.exchange import LiveExchange

        session, market = self.session, prepared.market
        if self._credentials is None:
            raise ValueError("the account comes before its connection")
        config, credentials = session.request.settings.venue, self._credentials
        # A live session begins with nothing but the bars before it.
        first = min(market.start, len(market) - 1)
        since_ms = int(market.open_ms[first]) + (market.start - first) * market.timeframe_ms
        exchange = LiveExchange(venue, config, credentials, since_ms, self._permit)
        exchange.shared = budget_at(config, places_from_environment(os.environ))
        exchange.dry = session.mandate is not None and session.mandate.dry
        return exchange

    def _permit(self) -> bool:
        """Refuse to send unless the account is still ours; compare first if it was not always."""
        somebody_else = self._custody.guard()
        if somebody_else and self._exchange is not None:
            structlog.get_logger().warning("compare_first", epoch=self._custody.epoch)
            self._exchange.distrust()
        return somebody_else

    async def work(self) -> None:
        """Follow the feed, close by close; first finish the close the venue saw last."""
        self._feed, self._risk = self.peer(topology.FEED), self.peer(topology.RISK)
        self._decisions = self._risk.follow(self.role, lambda: (self._seen + 1,))
        # Before anything is asked or sent: journals that are gone look like a session's beginning.
        self._execution.agree(await self._risk.ask("concluded"))
        if self._exchange is not None:
            finding = await self._exchange.begin()
            structlog.get_logger().info("at_venue", missed=finding.missed)
            self.attend(self._exchange.run())
            self.attend(self._tell(self._exchange))
        self._seen = max(self._venue.report.seq, 0) - 1
        self._ask_ahead()
        if self._venue.report.seq >= 0:
            await self._finish(self._venue.report)
        async for data, sent_ns, born_ns in self._feed.follow(self.role, self._position):
            batch = unpack_bars(data)
            self.arrived(FEED_TO_EXECUTOR, batch.seq, sent_ns)
            self._born_ns = born_ns
            if self._exchange is not None:
                await self._exchange.pass_to(batch.close_ms)
            with self.stages.timed("executor: observe, all of it"):
                report = self._execution.observe(batch)
            await self._finish(report)

    def _ask_ahead(self) -> None:
        """Ask for the orders of the next close before it is there: to ask takes milliseconds."""
        self._ahead = asyncio.ensure_future(anext(self._decisions))
        self._ahead.add_done_callback(self._ended)  # the next close, where it is taken, may be far

    def _position(self) -> tuple[int, int, int]:
        """Return the close wanted next, the last one that is done, and now."""
        return self._seen + 1, self._seen, clock.wall_ns()

    async def _tell(self, exchange: LiveExchange) -> None:
        """Keep at hand what another thread may be asked for."""
        while True:
            epoch = {"epoch": self._custody.epoch}
            self._standing = {**exchange.status(), **epoch}
            await asyncio.sleep(_TELL_S)

    async def stand_down(self) -> dict[str, Any]:
        """Withdraw what nobody will watch, leave the stops; return what is left at the venue."""
        await self.ready.wait()
        if self._exchange is None:
            return {}
        left = await self._exchange.stand_down()
        return {**self._exchange.status(), "epoch": self._custody.epoch, "left": left}

    async def flatten(self) -> bool:
        """Close everything at the venue at once; return whether there is a venue."""
        await self.ready.wait()
        if not isinstance(self._venue, LiveVenue):
            return False
        self._venue.flatten()
        return True

    def _handed_over(self) -> None:
        """Stamp a close: its orders reach the venue's port, or it is known that it has none."""
        if self._born_ns:
            self.hops.arrived(CLOSE_TO_VENUE, self._venue.report.seq, self._born_ns)

    async def _finish(self, report: VenueReport) -> None:
        """See one close through: evidence to the risk desk, its orders to the venue, then done."""
        seq = report.seq
        self._observed.put(seq, pack_report(report))
        data, sent_ns = await self._ahead
        orders = unpack_orders(data)
        self.arrived(RISK_TO_EXECUTOR, orders.seq, sent_ns)
        self._carry_out(orders)
        self._execution.settle()
        self._execution.desk.forget(report.close_ms)
        if self._exchange is not None:
            await self._exchange.quiet()
        self._seen = seq
        self._ask_ahead()
        if self._exchange is None or not self._exchange.is_carrying:
            self.progress = seq
        else:
            self.attend(self._see_off(self._exchange, seq))

    def _carry_out(self, orders: OrderBatch) -> None:
        """Have the orders of one close rest at the venue, durably."""
        if isinstance(self._venue, LiveVenue):
            self._venue.hear_state(orders.state)
        if orders.seq > self._venue.report.seq:
            # The venue lost uneventful closes from the end of its log and sees them again first.
            # All orders before these were carried out; these come again with their evidence.
            return
        if not len(orders.intents):
            self._handed_over()
        with self.stages.timed("executor: send, all of it"):
            self._execution.send(orders)

    async def next(self, _reader: str, seq: int) -> tuple[bytes, int]:
        """Return (the venue's evidence, time of sending) of close ``seq`` once it has seen it."""
        await self.ready.wait()
        return await self._observed.since(seq)

    async def _see_off(self, exchange: LiveExchange, seq: int) -> None:
        """Be done with a close once its orders are; if no other follows, let them go no further."""
        while exchange.is_carrying and self._seen == seq:
            with contextlib.suppress(RayError):  # it comes back, or the session ends
                end = await (await self._feed.handle()).end.remote(clock.wall_ns())
                if end is not None and end <= seq:
                    await exchange.leave()
                    break
            await asyncio.sleep(TIMES.tail)
        self.progress = max(self.progress, seq)

    async def hold(self) -> None:
        """Let no algorithm open more; said twice it changes nothing."""
        await self.ready.wait()
        if self._exchange is not None:
            self._exchange.hold()
