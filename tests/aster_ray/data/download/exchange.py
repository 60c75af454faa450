"""The exchange simulator over two drawn days, for the real client to download from."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np

from aster_ray.engine.ports import MarketClient
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, MARK_HIGH, MARK_LOW, OPEN
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect_market
from tests.aster_ray.venues.simulator.served import Venue, served

START_MS = 1_706_659_200_000  # 2024-01-31: the second day lies in another month
ROWS, PLAYED = 2 * 1440 + 30, 30
HOLE = slice(100, 160)  # minutes of BTC that are not there if a test wants a gap
LISTED = 1000  # minute at which ETH begins if a test wants it late


def a_recording(*, hole: bool = False, late: bool = False) -> Market:
    """Return minutes of BTC and ETH; the last half hour is played, all before is history."""
    steps = np.arange(ROWS)
    bars = np.zeros((ROWS, 2, 8))
    for n, (level, tick) in enumerate(((60_000.0, 0.1), (3_000.0, 0.01))):
        opened = level + tick * (steps * 37 % 500)
        close = level + tick * ((steps + 1) * 37 % 500)
        bars[:, n, OPEN], bars[:, n, CLOSE] = opened, close
        bars[:, n, HIGH] = np.maximum(opened, close) + tick * (steps % 5)
        bars[:, n, LOW] = np.minimum(opened, close) - tick * (steps % 3)
        bars[:, n, MARK_HIGH], bars[:, n, MARK_LOW] = bars[:, n, HIGH], bars[:, n, LOW]
        bars[:, n, MARK_CLOSE] = close
    bars = np.round(bars, 2)
    if hole:
        bars[HOLE, 0, :7] = np.nan
    if late:
        bars[:LISTED, 1, :7] = np.nan
    open_ms = START_MS + MINUTE_MS * steps
    volume = np.where(np.isnan(bars[:, :, OPEN]), 0.0, 1.0 + (steps % 7)[:, None])
    settles = (open_ms % (8 * HOUR_MS) == 0)[:, None]
    return Market(
        symbols=("BTCUSDT", "ETHUSDT"),
        timeframe_ms=MINUTE_MS,
        open_ms=open_ms,
        bars=bars,
        volume=volume,
        funding_rate=np.where(settles, 0.0003, 0.0) * np.ones((1, 2)),
        start=ROWS - PLAYED,
    )


@contextlib.asynccontextmanager
async def listed(**how: Any) -> AsyncIterator[tuple[Venue, MarketClient]]:
    """Serve a recording and open the real client on it; no account is needed."""
    fields = {"timeout_s": 5.0, **how.pop("config", {})}
    async with served(a_recording(**how), speed=1.0) as venue:
        config = VenueConfig(rest=venue.http, stream=venue.socket, **fields)
        client = connect_market(config)
        try:
            yield venue, client
        finally:
            await client.close()


@contextlib.contextmanager
def in_background(**how: Any) -> Iterator[Venue]:
    """Serve a recording from a thread, for a command to meet."""
    begun = threading.Event()
    found: list[Venue] = []
    ends: list[Callable[[], object]] = []

    async def host() -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        async with served(a_recording(**how), speed=1.0) as venue:
            found.append(venue)
            ends.append(lambda: loop.call_soon_threadsafe(ended.set))
            begun.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(host()))
    thread.start()
    try:
        assert begun.wait(20)
        yield found[0]
    finally:
        ends[0]()
        thread.join()
