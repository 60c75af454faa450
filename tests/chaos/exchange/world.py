"""One scenario: a market, an exchange that plays it, and four who trade there and die."""

from __future__ import annotations

import asyncio

from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.venue_orders import Stage
from aster_ray.errors import JournalError
from aster_ray.model.venue import OrderStatus
from aster_ray.venues.simulator.account import Account as VenuesAccount
from aster_ray.venues.simulator.amounts import to_units
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.tape import tape_of
from tests.aster_ray.venues.live.wireless import DeathError
from tests.aster_ray.venues.simulator.served import WALLET
from tests.chaos.exchange.cast import EXECUTOR, FEED, RISK, STRATEGY
from tests.chaos.exchange.company import CALM_ROWS, Company
from tests.chaos.exchange.house import CALM, DROP, EXPIRY, OUTAGE, SKEW, housed
from tests.chaos.exchange.leap import leap
from tests.chaos.exchange.plot import Cell, Place, Plot
from tests.chaos.exchange.states import ENDS, PARTLY

_STEP_S = 5.0
THIN = (PARTLY, OrderStatus.EXPIRED.value)


class World(Company):
    """Lives through its market once; ``verdict`` says what was broken."""

    def __init__(
        self,
        seed: int,
        wanted: tuple[Cell, ...] = (),
        place: Place | None = None,
        cold: str = "",
        rows: int = 12,
    ) -> None:
        super().__init__(seed, rows, cold, thin=any(cell.state in THIN for cell in wanted))
        self.wanted = wanted
        self.plot = Plot(seed, wanted, place)
        tape = tape_of(self.market, self.instruments, self.market.start)
        self.exchange = Exchange(tape, seed=seed, step_ms=15_000, deposit=to_units("10000"))

    @property
    def theirs(self) -> VenuesAccount:
        """Return the account as the exchange keeps it."""
        return self.exchange.account(WALLET)

    def live(self) -> World:
        """Live from the first close to the last."""
        leap(self._live(), self.exchange.start_ms)
        return self

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # What is passed on the way.

    def passed(self, place: str, who: str) -> None:
        """Let somebody die here if the plot wants it.

        Raises:
            DeathError: it is who passes.
        """
        executor = getattr(self, "executor", None)
        if executor is None or executor.is_dead:
            return
        states = self.watched.look(executor.venue.account)
        for fault in self.house.present:
            self.plot.struck(fault, self._now)
        victim = self.plot.victim(place, self._now, states)
        if not victim:
            return
        self.plot.died(victim, place, self._now, states)
        self.kill(victim)
        if victim == who:
            raise DeathError

    def _at_venue(self, name: str, when: str, known: str) -> None:
        if name == "DELETE order":
            change = self.watched.canceling.add if when == "asked" else None
            if change:
                change(known)
        self.passed(f"{name}: {when}", "venue")
        if name == "DELETE order" and when != "asked":
            self.watched.canceling.discard(known)

    # The course of a scenario.

    async def _live(self) -> None:
        struck = lambda fault: self.plot.struck(fault, self._now)  # noqa: E731
        async with housed(self.exchange, struck, self._at_venue) as self.house:
            self.start()
            try:
                for close in range(self.rows):
                    await self._between(close)
                    await self._close(close)
                await self._rest()
            finally:
                await self.executor.buried()

    async def _between(self, close: int) -> None:
        """Pass the time to a close; something goes wrong on the way, and the dead come back."""
        close_s = (close + 1) * 60.0
        calm = close >= self.rows - CALM_ROWS
        if self.cold.insists(close):
            self.kill(self.cold.victim)
        if calm and self.plot.is_on:
            self.plot.is_on = False
            self.house.heal()
        strikes_at = close_s - self.plot.draw.uniform(20.0, 58.0)
        cell = None if calm else self.plot.next()
        while self._now < close_s:
            if cell is not None and self._now >= strikes_at:
                self._strike(cell, close_s)
                cell = None
            await asyncio.sleep(min(_STEP_S, max(close_s - self._now, 0.001)))
            await self._revive(is_urgent=False)

    def _strike(self, cell: Cell, close_s: float) -> None:
        """Let the trouble of a cell begin now or right after the close, and end by itself.

        Orders leave at a close, and some trouble lets none of them get anywhere: half of it comes
        when the venue has taken them.
        """
        draw, loop = self.plot.draw, asyncio.get_running_loop()
        if cell.state == OrderStatus.REJECTED.value:
            self.house.refuse(draw.randint(1, 2))
        elif cell.state == Stage.UNKNOWN.value:
            self.house.lose()
        left_s = close_s - self._now
        waits = cell.state in (*ENDS, PARTLY) or cell.fault in (OUTAGE, SKEW)
        begins_s = left_s + draw.uniform(0.1, 4.0) if waits and draw.random() < 0.5 else 0.0
        loop.call_later(begins_s, self._trouble, cell.fault)
        loop.call_later(max(begins_s, left_s) + draw.uniform(5.0, 40.0), self.house.heal)

    def _trouble(self, fault: str) -> None:
        if fault == CALM or not self.plot.is_on:
            return
        if fault in (DROP, EXPIRY, SKEW):
            self.plot.struck(fault, self._now)
        self.house.strike(fault, self.plot.draw)

    async def _close(self, close: int) -> None:
        """See one close through, however many die at it."""
        while True:
            await self._revive(is_urgent=True)
            if close < self.session.first:
                return  # whoever would have seen it is gone for good
            try:
                await self._conclude(close - self.session.first)
            except DeathError:
                continue
            except JournalError as error:
                await self.take_over(error)
                continue
            if not self._dying:
                return

    async def _conclude(self, seq: int) -> None:
        """Do what the actors do at a close, from where those who live are."""
        batch = self.feed.batch(seq)
        self.passed("feed/before-send", FEED)
        report = await self._observe(seq)
        self.passed("executor/evidence-after-send", EXECUTOR)
        orders = self.risk.durable.latest
        if orders is None or orders.seq < seq:
            orders = self._decide(seq, report)
        self.passed("risk/after-send", RISK)
        self.executor.execution.send(orders)
        self.passed("risk/after-ack", RISK)
        self.executor.execution.settle()
        self.executor.venue.commit()
        self.passed("feed/after-send", FEED)
        assert batch.seq == seq

    async def _observe(self, seq: int) -> VenueReport:
        """Return the venue's evidence of a close, once the executor has met the venue."""
        executor = self.executor
        if executor.venue.report.seq >= seq:
            return executor.venue.report
        await executor.begun.wait()
        if executor.over.is_set():
            self._dying.add(EXECUTOR)
            raise DeathError
        for missed in range(executor.venue.report.seq + 1, seq):
            executor.execution.observe(self.feed.batch(missed))
        return executor.execution.observe(self.feed.batch(seq))

    def _decide(self, seq: int, report: VenueReport) -> OrderBatch:
        self.risk.durable.expect(report)
        if self.strategies.progress >= seq:  # they said it to a desk that is gone: once more
            self.begin(STRATEGY)
        self.strategies.progress = seq
        signals = self.strategies.desk.on_bars(self.feed.batch(seq))
        self.passed("strategy/before-send", STRATEGY)
        self.passed("strategy/after-send", STRATEGY)
        orders = self.risk.durable.conclude(signals, report)
        self.passed("strategy/after-ack", STRATEGY)
        return orders

    async def _revive(self, *, is_urgent: bool) -> None:
        """Let the dead come back after a while."""
        if self.executor.over.is_set() and EXECUTOR not in self._dying:
            self.failures.append(repr(self.executor.failure))
            self._dying.add(EXECUTOR)
        while self._dying:
            actor = self._dying.pop()
            if actor == EXECUTOR:
                self.executor.die()
                await self.executor.buried()
            await asyncio.sleep(self.plot.draw.uniform(0.5, 3.0 if is_urgent else 12.0))
            if self.cold.strikes(actor, self._now):
                await self.begin_cold(actor)
            else:
                self.begin(actor)
                self.restarts[actor] += 1

    async def _rest(self) -> None:
        """Wait until everything is said and done; prices stand still by now."""
        for _ in range(2):
            await self._revive(is_urgent=True)
            await self.executor.begun.wait()
            await asyncio.sleep(90.0)  # an order that never arrived is known to by then
            await self.executor.compare()
            async with asyncio.timeout(600.0):
                await self.executor.quiet()
