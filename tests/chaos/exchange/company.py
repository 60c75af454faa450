"""The four who trade, life after life and, where one lost what it wrote, session after session."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import replace

import numpy as np

from aster_ray.config import Secret
from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.concluded import REMEDY
from aster_ray.errors import BadInputError, JournalError
from aster_ray.kernel.setup import build_setup
from aster_ray.model.ids import MINUTE_MS
from aster_ray.venues.config import ADOPT, LEAVE, VenueConfig
from aster_ray.venues.credentials import Credentials
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import NAMES, Disk, a_rough_market
from tests.aster_ray.venues.live.wireless import DeathError
from tests.aster_ray.venues.simulator.served import KEY
from tests.chaos.exchange.cast import (
    EXECUTOR,
    FEED,
    RISK,
    STRATEGY,
    Account,
    Drawn,
    Executor,
    Risk,
    Strategies,
)
from tests.chaos.exchange.cold import HOST, Cold, Session
from tests.chaos.exchange.house import House
from tests.chaos.exchange.states import Watched
from tests.factories import a_config, random_signals

CAPITAL = 10_000.0
CALM_ROWS = 2  # at the end nothing new is decided and nothing goes wrong
_THINNED = 2e-5  # a minute's volume is some lots


class Company(ABC):
    """Begins them and lets them die; ``passed`` says where that may be."""

    feed: ReplayFeed
    risk: Risk
    strategies: Strategies
    executor: Executor
    house: House

    def __init__(self, seed: int, rows: int, cold: str, *, thin: bool) -> None:
        """Draw what is traded; with ``thin``, orders fill in parts or not whole."""
        self.seed, self.rows = seed, rows
        self.market = a_rough_market(rows, seed)
        if thin:
            self.market = replace(self.market, volume=self.market.volume * _THINNED)
        self.instruments = [packaged_instruments()[name] for name in NAMES]
        strategies = 1 + seed % 3
        self.setup = build_setup(self.instruments, a_config(), MINUTE_MS, strategies)
        ladders = seed % 2 == 0 and (strategies > 1 or not thin)
        drawn = random_signals(self.market, strategies, seed, ladders=ladders, busy=0.7)
        drawn.code[-CALM_ROWS:] = 0
        drawn.ladder[-CALM_ROWS if len(drawn.ladder) > 1 else 0 :] = np.nan
        self.drawn = [Drawn(self.market, drawn, k, strategies) for k in range(strategies)]
        self.sessions = [self._session(0)]
        self.cold = Cold(cold, seed, rows - CALM_ROWS - 3)
        self.restarts: Counter[str] = Counter()  # of whom, with what they had written
        self.watched = Watched()
        self.deaths: list[str] = []
        self.failures: list[str] = []  # of processes that nobody killed
        self._dying: set[str] = set()

    @abstractmethod
    def passed(self, place: str, who: str) -> None:
        """Let somebody die here, or not."""

    def _session(self, first: int) -> Session:
        name = f"storm-{self.seed}-{first}"
        return Session(name, self.setup, self.market, self.instruments, first)

    @property
    def session(self) -> Session:
        """Return the session that trades now."""
        return self.sessions[-1]

    @property
    def account(self) -> Account:
        """Return what its executor trades, with its disks."""
        return self.session.account

    @property
    def risk_disk(self) -> Disk:
        """Return the disk of its risk desk."""
        return self.session.risk_disk

    def kill(self, actor: str) -> None:
        """Kill one of the four, whatever it is doing."""
        self.deaths.append(actor)
        self._dying.add(actor)
        if actor == EXECUTOR:
            self.executor.die()
        elif actor == RISK:
            self.risk.die()

    def start(self) -> None:
        """Begin a session: all four."""
        for actor in (FEED, RISK, STRATEGY, EXECUTOR):
            self.begin(actor)

    def _executor(self, house: House) -> Executor:
        external = ADOPT if len(self.sessions) > 1 else LEAVE
        config = VenueConfig(
            rest=house.http, stream=house.socket, weight_per_minute=1_000_000, external=external
        )
        keys = Credentials(key=Secret(KEY))
        while True:
            try:
                told = self.risk.durable.concluded
                return Executor(self.account, config, keys, self.passed, told=told)
            except DeathError:
                continue

    def begin(self, actor: str) -> None:
        """Let one of the four begin, from what is on its disks."""
        market = self.session.market
        if actor == FEED:
            self.feed = ReplayFeed(market)
        elif actor == STRATEGY:
            self.strategies = Strategies(self.drawn, market, self.risk.durable.recorded)
        elif actor == RISK:
            self.risk = Risk(self.setup, market, CAPITAL, self.risk_disk, self.passed)
        else:
            self.watched = Watched()
            self.executor = self._executor(self.house)

    async def begin_cold(self, actor: str) -> None:
        """Let somebody come back without what it wrote; if it refuses, begin a new session."""
        self.session.lose(self.cold.kind)
        if self.cold.kind == HOST:
            await self._take_over()
            return
        try:
            self.begin(actor)
            self.risk.durable.expect(self.executor.venue.report)
        except JournalError as error:
            await self.take_over(error)

    async def take_over(self, refusal: JournalError) -> None:
        """End a session that refuses to go on, as records of it are gone, and begin a new one.

        Raises:
            JournalError: none of its records are gone.
        """
        if not self.session.lost:
            raise refusal
        if REMEDY not in str(refusal):
            self.failures.append(f"it is not said what to do: {refusal}")
        await self._take_over()

    async def _take_over(self) -> None:
        self.cold.is_refused = True
        self.risk.die()
        self.executor.die()
        await self.executor.buried()
        await asyncio.sleep(self.cold.draw.uniform(2.0, 20.0))  # somebody reads what it says
        self.sessions.append(self._session(int(asyncio.get_running_loop().time() // 60.0)))
        self._dying.clear()
        self.start()
        while True:
            await self.executor.begun.wait()
            if not isinstance(self.executor.failure, BadInputError):
                return
            await asyncio.sleep(5.0)  # a wrong clock is refused at the beginning: somebody mends it
            await self.executor.buried()
            self.begin(EXECUTOR)
