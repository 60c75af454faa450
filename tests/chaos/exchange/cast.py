"""The four who trade, each of whom may die alone: what dies with it, and what it comes back from.

They are the parts of ``aster_ray`` that the actors are shells around. What the actors add (their
processes, names and messages) is killed in ``tests.chaos`` and ``tests.actors`` with Ray.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from aster_ray import topology
from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.concluded import Concluded
from aster_ray.engine.durable import DurableExecution, DurableRisk
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.strategy_desk import StrategyDesk
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT, Setup, SignalColumns
from aster_ray.model.instrument import Instrument
from aster_ray.strategies.contract import Ladder, Panel, Params, Signals
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.credentials import Credentials
from aster_ray.venues.live.exchange import LiveExchange
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import Disk
from tests.aster_ray.venues.live.wireless import DeathError

FEED, STRATEGY, RISK, EXECUTOR = topology.PIPELINE
# (place, who passes it): raises DeathError where that kills who passes.
Pass = Callable[[str, str], None]


class Pen:
    """A disk as one process has it: with the process it is gone, what it committed stays."""

    def __init__(self, disk: Disk, owner: str, passed: Pass) -> None:
        self._disk, self._owner, self._passed = disk, owner, passed
        self._kinds: list[str] = []
        self.dead = False
        disk.forget()

    def append(self, record: dict[str, object]) -> None:
        if self.dead:
            raise DeathError
        self._kinds.append(str(record["kind"]))
        self._disk.append(record)

    def commit(self) -> None:
        if self.dead:
            raise DeathError
        kinds, self._kinds = "+".join(sorted(set(self._kinds))), []
        if kinds:
            self._passed(f"{kinds}: not on disk", self._owner)
        if self.dead:
            raise DeathError
        self._disk.commit()
        if kinds:
            self._passed(f"{kinds}: on disk", self._owner)


class Drawn:
    """A strategy that says what was drawn beforehand, by the open time of each bar."""

    parameters: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, market: Market, columns: SignalColumns, k: int, of: int) -> None:
        self.name = f"drawn-{k}"
        self._open_ms, self._columns, self._k, self._of = market.open_ms, columns, k, of

    def warmup(self, _params: Params) -> int:
        return 0

    def signals(self, panel: Panel, _params: Params) -> Signals:
        rows = np.searchsorted(self._open_ms, panel.open_ms)

        def mine(column: np.ndarray) -> np.ndarray:
            return column[np.minimum(rows, len(column) - 1)][:, self._k :: self._of]

        code, ladder = mine(self._columns.code), mine(self._columns.ladder)
        return Signals(
            direction=((code & LONG) != 0).astype(np.int8) - ((code & SHORT) != 0),
            confidence=mine(self._columns.confidence),
            stop_loss=mine(self._columns.stop_loss),
            take_profit=mine(self._columns.take_profit),
            exit_long=(code & EXIT_LONG) != 0,
            exit_short=(code & EXIT_SHORT) != 0,
            target_units=mine(self._columns.target_units),
            ladder=None
            if np.isnan(ladder[..., 0]).all()
            else Ladder(*(ladder[..., field] for field in range(4))),
        )


class Strategies:
    """The strategies' process; it knows the bars since the anchor."""

    def __init__(self, strategies: list[Drawn], market: Market, recorded: int) -> None:
        history = ReplayFeed(market).history_until(recorded + 1)
        self.desk = StrategyDesk([(one, {}) for one in strategies], history)
        self.progress = recorded


class Risk:
    """The risk desk's process."""

    def __init__(self, setup: Setup, market: Market, capital: float, disk: Disk, passed: Pass):
        self.pen = Pen(disk, RISK, passed)
        desk = RiskDesk(setup, capital)
        desk.warm_up(market)
        history = market.rows(0, market.start)
        self.durable = DurableRisk(
            desk,
            self.pen,
            list(disk.kept),
            lambda: anchor_record(history, setup),
            lambda point, _seq: passed(f"risk/{point}", RISK),
        )

    def die(self) -> None:
        self.pen.dead = True


class Account:
    """What every life of an executor trades, and where."""

    def __init__(
        self, name: str, setup: Setup, market: Market, instruments: list[Instrument]
    ) -> None:
        self.name, self.setup, self.market, self.instruments = name, setup, market, instruments
        self.capital = 10_000.0
        self.disks = Disk(), Disk()  # the venue's log, the executor's journal
        self.since_ms = int(market.open_ms[market.start])
        self.lives = 0  # so many executors it has had


class Executor:
    """The executor's process, with the real client of the venue."""

    def __init__(
        self,
        account: Account,
        config: VenueConfig,
        keys: Credentials,
        passed: Pass = lambda _place, _who: None,
        permit: Callable[[], object] = lambda: None,
        told: Concluded | None = None,
    ) -> None:
        log, journal = (Pen(disk, EXECUTOR, passed) for disk in account.disks)
        self._pens = log, journal
        account.lives += 1
        book = VenueAccount(account.setup, account.capital, f"{account.name}/{account.lives}")
        book.warm_up(account.market)
        self.venue = LiveVenue(book, account.instruments, log)
        kept, sent = (list(disk.kept) for disk in account.disks)
        self.venue.restore(kept)
        symbols = account.market.symbols
        largest = account.setup.rules["max_lots"].tolist()
        desk = ExecutionDesk(symbols, account.setup.strategies, largest, at_venue=True)
        self.execution = DurableExecution(
            desk,
            self.venue,
            journal,
            sent,
            lambda point, _seq: passed(f"executor/{point}", EXECUTOR),
        )
        if told is not None:
            self.execution.agree(told)
        self.exchange = LiveExchange(self.venue, config, keys, account.since_ms, permit)
        self.begun, self.over = asyncio.Event(), asyncio.Event()
        self.failure: BaseException | None = None
        self._task = asyncio.ensure_future(self._live())

    @property
    def is_dead(self) -> bool:
        return self._pens[0].dead

    async def _live(self) -> None:
        try:
            await self.exchange.begin()
            self.begun.set()
            await self.exchange.run()
        except BaseException as error:
            if not self.is_dead:
                self.failure = error
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self.begun.set()
            self.over.set()

    def die(self) -> None:
        """End between two machine instructions: nothing is written or sent from here on."""
        for pen in self._pens:
            pen.dead = True
        self.over.set()
        self._task.cancel()

    async def buried(self) -> None:
        """Return once nothing of it runs any more."""
        self._task.cancel()
        with contextlib.suppress(BaseException):
            await self._task
        client = self.exchange._client
        if client is not None:
            await client.close()

    async def quiet(self) -> None:
        """Return once nothing is left to do at the venue."""
        trading = self.exchange._trading
        assert trading is not None
        await trading.quiet()

    async def compare(self) -> None:
        trading = self.exchange._trading
        assert trading is not None
        await trading.compare()
