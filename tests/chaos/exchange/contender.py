"""A process that wants to trade one account: ``python -m tests.chaos.exchange.contender``.

It takes the account's lease as an executor does, meets the venue, and then does what it is told, a
line at a time: ``buy SYMBOL-INDEX LOTS`` answers ``sent`` or why it may not. What it says on its
standard output is JSON, one document a line.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from typing import Any

import numpy as np

from aster_ray import log
from aster_ray.config import Secret
from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.messages import OrderBatch
from aster_ray.errors import AsterError
from aster_ray.kernel.books import records
from aster_ray.kernel.records import INTENT
from aster_ray.kernel.setup import build_setup
from aster_ray.model.enums import IntentKind
from aster_ray.model.ids import MINUTE_MS
from aster_ray.store.custody import Custody, FencedVenue, live_account
from aster_ray.store.file_lease import FileLease
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.credentials import Credentials
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import NAMES, a_rough_market
from tests.aster_ray.venues.simulator.served import KEY, WALLET
from tests.chaos.exchange.cast import Account, Executor
from tests.factories import a_config, a_request

TTL_S = 8.0


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


class Contender:
    """One executor with its lease."""

    def __init__(self, http: str, socket: str, name: str) -> None:
        self._name, self._seq = name, 0
        market = a_rough_market(200)
        instruments = [packaged_instruments()[one] for one in NAMES]
        setup = build_setup(instruments, a_config(), MINUTE_MS, 1)
        self._feed = ReplayFeed(market)
        where = live_account("aster", WALLET)
        self.custody = Custody(FileLease(where.folder, where.name, name, TTL_S))
        self.epoch = self.custody.take()
        config = VenueConfig(rest=http, stream=socket, late_s=math.inf)
        account = Account(name, setup, market, instruments)
        keys = Credentials(key=Secret(KEY))
        self.executor = Executor(account, config, keys, permit=self.custody.guard)
        self._venue = FencedVenue(self.executor.venue, self.custody.guard)

    async def begin(self) -> None:
        await self.executor.begun.wait()
        if self.executor.failure is not None:
            raise self.executor.failure

    async def buy(self, n: int, lots: int) -> None:
        """Buy at market, with a stop, and wait until nothing is left to do.

        Raises:
            LeaseHeldError: somebody else trades the account.
        """
        venue = self.executor.venue
        venue.observe(self._feed.batch(self._seq))
        intents = records(1, INTENT)
        intents["kind"], intents["symbol"], intents["sleeve"] = IntentKind.MARKET, n, n
        intents["lots"], intents["stop"], intents["units"] = lots, 0.05, 1.0
        intents["take_profit"] = np.nan
        close_ms = venue.report.close_ms
        known = f"{self._name}-{self._seq}"
        orders = OrderBatch(self._seq, close_ms, intents, 0.0, 0.0, 0)
        self._seq += 1
        self._venue.submit(orders, [a_request(known, symbol=n, lots=lots, decided_ms=close_ms)])
        venue.commit()
        async with asyncio.timeout(30.0):
            while n in venue.account.parents:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
            await self.executor.quiet()


async def _obey(given: list[str]) -> None:
    try:
        contender = Contender(*given)
        await contender.begin()
    except AsterError as error:
        say(refused=type(error).__name__, why=str(error))
        sys.exit(error.exit_code)
    say(epoch=contender.epoch)
    while line := await asyncio.to_thread(sys.stdin.readline):
        _, n, lots = line.split()
        try:
            await contender.buy(int(n), int(lots))
        except AsterError as error:
            say(refused=type(error).__name__, why=str(error))
        else:
            say(sent=True, held=contender.executor.venue.account.position(int(n)))
    await contender.executor.buried()


if __name__ == "__main__":
    log.configure(as_json=True)
    asyncio.run(_obey(sys.argv[1:]))
