"""A feed over the served exchange: what it releases is what a download gives, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.feed_desk import FeedDesk, Grid
from aster_ray.data.live.feed_log import FeedLog, Release, write_anchor
from aster_ray.data.live.history import fetch_history
from aster_ray.data.live.live_feed import LiveFeed, now_ms
from aster_ray.data.live.soundness import Step
from aster_ray.engine.journal import FileJournal
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import BadInputError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import MINUTE_MS
from aster_ray.venues.connect import connect_market
from tests.aster_ray.venues.connected import config_of
from tests.aster_ray.venues.simulator.served import Venue, served

SYMBOLS = ("BTCUSDT", "ETHUSDT")
STEPS = (Step(0.1, 0.001), Step(0.01, 0.001))
# Exchange time runs sixty times as fast as ours, the waits on the venue's clock with it.
QUICK = FeedConfig(
    silence_s=1.0,
    healthy_s=2.0,
    settled_s=120.0,
    deadline_s=3.0,
    again_s=0.05,
    order_notional=0.0,
)
Happen = Callable[[Venue], Awaitable[None]]


async def quiet(_venue: Venue) -> None:
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for is in the feed's hands
        await asyncio.sleep(0.02)


def reached(feed: LiveFeed, closes: int) -> bool:
    return feed.log.closes >= closes


class Stage:
    """One venue, its clients, and a log that outlives the feeds that write it."""

    def __init__(self, folder: Path, venues: list[Venue], config: FeedConfig = QUICK) -> None:
        self.path = folder / "feed.journal"
        self._venues, self._config = venues, config
        self.released: list[Release] = []

    def clients(self) -> list[MarketClient]:
        return [connect_market(config_of(venue, stale_s=1.5)) for venue in self._venues]

    async def begin(self, warmup: int = 10) -> Market:
        client = self.clients()[0]
        try:
            history = await fetch_history(client, SYMBOLS, MINUTE_MS, warmup)
        finally:
            await client.close()
        write_anchor(FileJournal(self.path), history)
        return history

    @contextlib.asynccontextmanager
    async def feed(self, last: int | None):
        journal, clients = FileJournal(self.path), self.clients()
        log = FeedLog(journal)
        names = [f"venue{index}" for index in range(len(clients))]
        start = (log.next_open_ms, log.unpaid_ms)
        desk = FeedDesk(Grid(SYMBOLS, STEPS, MINUTE_MS), self._config, names, start, now_ms())
        feed = LiveFeed(desk, log, clients, self.released.append)
        feed.last = last
        try:
            yield feed
        finally:
            for client in clients:
                await client.close()
            journal.close()

    async def truth(self, closes: int) -> Market:
        """Return what a download of the first venue gives for the time of the session."""
        client = self.clients()[0]
        try:
            return await fetch_history(client, SYMBOLS, MINUTE_MS, closes)
        finally:
            await client.close()


def assert_downloaded(released: list[Release], truth: Market) -> None:
    """Assert that a feed released each close once, in order, with the bits of a download."""
    assert [one.batch.seq for one in released] == list(range(len(released)))
    where = {int(ms): t for t, ms in enumerate(truth.close_ms)}
    compared = 0
    for one in released:
        batch, t = one.batch, where.get(one.batch.close_ms)
        if t is None:
            assert np.isnan(batch.bars).all()
            continue
        compared += 1
        np.testing.assert_array_equal(batch.bars, truth.bars[t], err_msg=str(one))
        np.testing.assert_array_equal(batch.volume, truth.volume[t])
        np.testing.assert_array_equal(batch.funding_rate, truth.funding_rate[t])
    assert compared >= len(released) - 1


def play(folder: Path, closes: int, happen: Happen = quiet, *, speed: float = 60.0) -> Stage:
    """Run a feed for some closes while something happens; compare with a download in the end."""

    async def run() -> Stage:
        async with served(speed=speed, step_ms=5_000) as venue:
            stage = Stage(folder, [venue])
            history = await stage.begin()
            async with stage.feed(closes - 1) as feed, asyncio.timeout(60):
                await asyncio.gather(feed.run(), happen(venue))
            assert stage.released[0].batch.open_ms == history.close_ms[-1]
            await asyncio.sleep(10 / speed)  # the last bar must be over for the download, too
            assert_downloaded(stage.released, await stage.truth(closes + 3))
            stage.counts = feed.desk.counts  # type: ignore[attr-defined]
            return stage

    return asyncio.run(run())


def test_what_is_released_is_what_a_download_gives(tmp_path: Path) -> None:
    stage = play(tmp_path, 5, speed=120.0)
    assert len(stage.released) == 5
    assert not any(one.missing for one in stage.released)
    assert {one.source for one in stage.released} == {"venue0"}


@pytest.mark.slow
@pytest.mark.parametrize("action", ["drop", "abort", "stall", "duplicate", "reorder"])
def test_a_disturbed_stream_changes_no_bar(tmp_path: Path, action: str) -> None:
    async def disturb(venue: Venue) -> None:
        for _ in range(4):
            await asyncio.sleep(0.7)
            await venue.control("POST", "sockets", {"action": action})
            await asyncio.sleep(1.4)
            await venue.control("POST", "sockets", {"action": "heal"})

    stage = play(tmp_path, 10, disturb)
    assert len(stage.released) == 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["json", "html", "reset", "slow"])
def test_questions_that_fail_change_no_bar(tmp_path: Path, kind: str) -> None:
    async def disturb(venue: Venue) -> None:
        for _ in range(3):
            await asyncio.sleep(0.5)
            fields = {"seconds": 0.5} if kind == "slow" else {}
            if kind in ("json", "html"):
                fields = {"status": 503}
            await venue.fault(kind, "klines", count=3, **fields)
            await asyncio.sleep(1.0)
        await venue.control("DELETE", "faults")

    stage = play(tmp_path, 8, disturb)
    assert len(stage.released) == 8


@pytest.mark.slow
def test_a_feed_that_was_killed_goes_on_where_its_log_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(speed=60.0, step_ms=5_000) as venue:
            stage = Stage(tmp_path, [venue])
            await stage.begin()
            for last in (2, 5, 9):
                async with stage.feed(None) as feed:
                    task = asyncio.create_task(feed.run())
                    await until(functools.partial(reached, feed, last + 1))
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                await asyncio.sleep(2.2)  # two closes pass while nobody listens
            await asyncio.sleep(0.3)
            assert_downloaded(stage.released, await stage.truth(40))
            async with stage.feed(None) as feed:
                for one in stage.released:
                    again = feed.log.release(one.batch.seq)
                    assert again.batch.bars.tobytes() == one.batch.bars.tobytes()
                    assert again[1:] == one[1:]

    asyncio.run(run())


@pytest.mark.slow
def test_the_backup_stands_in_while_the_venue_is_silent(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            served(speed=60.0, step_ms=5_000) as venue,
            served(speed=60.0, step_ms=5_000) as backup,
        ):
            stage = Stage(tmp_path, [venue, backup])
            await stage.begin()
            async with stage.feed(None) as feed, asyncio.timeout(60):
                task = asyncio.create_task(feed.run())
                await until(lambda: feed.log.closes >= 3)
                await venue.control("POST", "sockets", {"action": "stall"})
                await until(lambda: feed.desk.source == "venue1" and feed.log.closes >= 8)
                await venue.control("POST", "sockets", {"action": "heal"})
                await until(lambda: feed.desk.source == "venue0")
                more = feed.log.closes + 2
                await until(lambda: feed.log.closes >= more)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            sources = [one.source for one in stage.released]
            assert sources[:3] == ["venue0"] * 3
            assert "venue1" in sources
            assert sources[-1] == "venue0"
            opened = [one.batch.open_ms for one in stage.released]
            first = opened[0]
            assert opened == [first + k * MINUTE_MS for k in range(len(opened))]
            # What came from the venue itself is its download, whoever spoke in between.
            truth = await stage.truth(len(opened) + 5)
            where = {int(ms): t for t, ms in enumerate(truth.close_ms)}
            for one in stage.released:
                if one.source == "venue0" and one.batch.close_ms in where:
                    t = where[one.batch.close_ms]
                    np.testing.assert_array_equal(one.batch.bars[:, :7], truth.bars[t, :, :7])

    asyncio.run(run())


def test_a_symbol_the_venue_does_not_have_is_named(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(speed=60.0) as venue:
            stage = Stage(tmp_path, [venue])
            client = stage.clients()[0]
            try:
                with pytest.raises(BadInputError, match="NOPEUSDT"):
                    await fetch_history(client, ("BTCUSDT", "NOPEUSDT"), MINUTE_MS, 5)
            finally:
                await client.close()

    asyncio.run(run())


class Refusing:
    """A client whose venue does not trade what is asked for."""

    def __init__(self, client: MarketClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def stream(self, symbols: Sequence[str], _timeframe_ms: int) -> AsyncIterator[Any]:
        raise BadInputError(f"{symbols[0]} is unknown here")
        yield  # an iterator like any other


@pytest.mark.parametrize("refused", [0, 1])
def test_a_backup_that_is_no_use_is_done_without_and_a_venue_is_not(
    tmp_path: Path, refused: int
) -> None:
    async def run() -> None:
        async with served(speed=120.0, step_ms=5_000) as venue:
            stage = Stage(tmp_path, [venue, venue])
            await stage.begin()
            plain = stage.clients

            def clients() -> list[Any]:
                return [
                    Refusing(client) if index == refused else client
                    for index, client in enumerate(plain())
                ]

            stage.clients = clients  # type: ignore[method-assign]
            async with stage.feed(1) as feed, asyncio.timeout(30):
                if refused == 0:
                    with pytest.raises(BadInputError, match="unknown here"):
                        await feed.run()
                else:
                    await feed.run()
                    assert {one.source for one in stage.released} == {"venue0"}
                    assert len(stage.released) == 2

    asyncio.run(run())
