"""A session at the simulated exchange that may end at any moment and begins again from its disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.durable import DurableExecution, DurableRisk
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import SignalBatch
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.wire import one_row
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup, SignalColumns
from aster_ray.kernel.setup import build_setup
from aster_ray.model.ids import DAY_MS, MINUTE_MS
from aster_ray.venues.live.pacing import Pacing
from aster_ray.venues.live.parents import Manner
from aster_ray.venues.live.patience import Patience
from aster_ray.venues.live.trading import Trading
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.replay import ReplayFeed
from aster_ray.venues.simulator.amounts import to_units
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.tape import tape_of
from tests.aster_ray.venues.live.wireless import DeathError, Wire, Wireless, WirelessMarket
from tests.factories import a_config, random_signals

USER = "0x" + "ab" * 20
NAMES = ("BTCUSDT", "ETHUSDT")
HISTORY = 40
CAPITAL = 10_000.0
QUICK = Patience(first_s=0.001, longest_s=0.004, absent_s=0.03, market_s=0.5, compare_s=0.02)


def a_rough_market(rows: int = 60, seed: int = 0, volatility: float = 0.004) -> Market:
    """Return minutes of BTC and ETH that reach stops and levels often; funding settles inside."""
    draw = np.random.default_rng(seed)
    count = HISTORY + rows
    start_ms = 20_000 * DAY_MS + 450 * MINUTE_MS - HISTORY * MINUTE_MS
    bars = np.zeros((count, 2, 8))
    for n, (price, tick) in enumerate(((100_000.0, 0.1), (3_000.0, 0.01))):
        steps = volatility * draw.standard_t(4, count)
        steps[:HISTORY] *= 0.2
        close = price * np.cumprod(1.0 + np.clip(steps, -0.015, 0.015))
        opened = np.concatenate([[price], close[:-1]])
        wick = np.abs(draw.normal(0.0, volatility / 3, (2, count)))
        high = np.maximum(opened, close) * (1.0 + wick[0])
        low = np.minimum(opened, close) * (1.0 - wick[1])
        for column, values in enumerate((opened, high, low, close, high, low, close)):
            bars[:, n, column] = np.round(np.round(values / tick) * tick, 2)
    return Market(
        symbols=NAMES,
        timeframe_ms=MINUTE_MS,
        open_ms=start_ms + MINUTE_MS * np.arange(count),
        bars=bars,
        volume=np.full((count, 2), 600.0),
        funding_rate=np.full((count, 2), 0.0003),
        start=HISTORY,
    )


class Disk:
    """A journal in memory: what was not committed is gone with the process."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self._pending: list[dict[str, Any]] = []
        self.fuse: int | None = None
        self.killed: list[str] = []  # what was about to be written at each death

    def append(self, record: dict[str, object]) -> None:
        self._pending.append(json.loads(json.dumps(record)))  # as the file does it

    def commit(self) -> None:
        if self._pending and self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                self.killed += [str(record["kind"]) for record in self._pending]
                raise DeathError
        self.kept += self._pending
        self._pending.clear()

    def forget(self) -> None:
        """Lose what was not committed."""
        self._pending.clear()
        self.fuse = None


class Life:
    """One process: the desks, the venue and the tasks that talk to it."""

    def __init__(self, scene: LiveScene) -> None:
        risk, sent, log = scene.disks
        desk = RiskDesk(scene.setup, CAPITAL)
        desk.warm_up(scene.market)
        account = VenueAccount(scene.setup, CAPITAL, "scene")
        account.warm_up(scene.market)
        manner = Manner(scene.execution, MINUTE_MS)
        self.venue = LiveVenue(account, scene.instruments, log, manner)
        self.venue.restore(list(log.kept))
        history = scene.market.rows(0, scene.market.start)
        self.risk = DurableRisk(
            desk, risk, list(risk.kept), lambda: anchor_record(history, scene.setup)
        )
        largest = scene.setup.rules["max_lots"].tolist()
        execution = ExecutionDesk(NAMES, scene.setup.strategies, largest, at_venue=True)
        self.execution = DurableExecution(execution, self.venue, sent, list(sent.kept))
        self.client = Wireless(scene.exchange, USER, scene.wire)
        since = int(scene.market.open_ms[scene.market.start])
        self.trading = Trading(self.venue, self.client, since, patience=QUICK)
        market = WirelessMarket(scene.exchange, scene.wire)
        self.pacing = Pacing(self.venue, market, lambda: scene.exchange.floor.now_ms)  # type: ignore[arg-type]


class LiveScene:
    """A market, an exchange that plays it, and whoever trades there, life after life."""

    def __init__(
        self,
        seed: int = 0,
        rows: int = 60,
        rates: Mapping[str, float] | None = None,
        *,
        strategies: int = 2,
        ladders: bool = True,
        execution: ExecutionConfig | None = None,
        **config: Any,
    ) -> None:
        self.execution = execution or ExecutionConfig()
        self.draw = random.Random(seed)
        self.market = a_rough_market(rows, seed)
        self.instruments = [packaged_instruments()[name] for name in NAMES]
        kernel = a_config(**config)
        self.setup: Setup = build_setup(self.instruments, kernel, MINUTE_MS, strategies)
        self.signals: SignalColumns = random_signals(
            self.market, strategies, seed, ladders=ladders, busy=0.4
        )
        tape = tape_of(self.market, self.instruments, self.market.start)
        self.exchange = Exchange(tape, seed=seed, step_ms=15_000, deposit=to_units("10000"))
        self.wire = Wire(seed, rates)
        self.disks = (Disk(), Disk(), Disk())
        self.lives = 0
        self.life = self._begin()

    def _begin(self) -> Life:
        for disk in self.disks:
            disk.forget()
        self.lives += 1
        return Life(self)

    async def play(
        self, deaths: float = 0.0, outages: float = 0.0, darkness: range = range(0)
    ) -> None:
        """Pass the whole market; then heal everything and let it come to rest.

        ``darkness`` are closes at which the venue's matching goes on and nobody hears of it.
        """
        feed = ReplayFeed(self.market)
        seq = 0
        while seq < len(feed):
            if self.draw.random() < deaths:
                self.draw.choice(self.disks).fuse = self.draw.randrange(6)
            self.wire.is_down = self.draw.random() < outages or seq in darkness
            with contextlib.suppress(DeathError):
                seq = await self._live(feed, seq, is_last=seq == len(feed) - 1)
                continue
            self.life = self._begin()

    async def _live(self, feed: ReplayFeed, seq: int, *, is_last: bool) -> int:
        """Pass closes until the process dies, or to a bend of the plot."""
        life = self.life
        work = asyncio.ensure_future(self._work(life))
        try:
            batch = feed.batch(seq)
            for part in range(1, 5):
                moment = batch.open_ms + part * MINUTE_MS // 4
                self.exchange.advance(moment)
                life.client.pump()
                await self._breathe(work, 3)
                await self._pace(life, work)
            self._close(life, seq, feed)
            if is_last:
                self.wire.heal()
                for disk in self.disks:
                    disk.fuse = None
            await self._pace(life, work)
            await self._rest(life, work, 60.0 if is_last else 0.015)
            if is_last:
                life.venue.parents.stop("over")
                await life.trading.compare()  # what the stream swallowed comes to light here
                await self._rest(life, work, 60.0)
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeathError):
                await work
        return seq + 1

    async def _work(self, life: Life) -> None:
        died = False
        try:
            await life.trading.begin()
            await life.trading.run()
        except* DeathError:
            died = True
        if died:  # raised in there, it would be a group again before Python 3.11.4
            raise DeathError

    async def _breathe(self, work: asyncio.Future[None], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
            if work.done():
                work.result()

    async def _pace(self, life: Life, work: asyncio.Future[None]) -> None:
        """Let algorithms look, and their children reach the venue."""
        if life.pacing.parents:
            await life.pacing.look()
            await self._breathe(work, 12)

    async def _rest(self, life: Life, work: asyncio.Future[None], seconds: float) -> None:
        """Wait until nothing is left to do; an outage leaves something."""
        await asyncio.sleep(0.03 if seconds > 1.0 else 0.0)  # a comparison lies between
        quiet = asyncio.ensure_future(life.trading.quiet())
        done, _ = await asyncio.wait(
            {quiet, work}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        quiet.cancel()
        if work in done:
            work.result()

    def _close(self, life: Life, seq: int, feed: ReplayFeed) -> None:
        """Do what the actors do at a close; after a death take up where the disks end."""
        report = life.venue.report
        if report.seq < seq:
            report = life.execution.observe(feed.batch(seq))
        life.risk.expect(report)
        orders = life.risk.latest
        if orders is None or orders.seq < seq:
            row = one_row(self.signals, self.market.start + seq)
            orders = life.risk.conclude(SignalBatch(feed.batch(seq), row, 0), report)
        life.execution.send(orders)
        life.execution.settle()
        life.venue.commit()
