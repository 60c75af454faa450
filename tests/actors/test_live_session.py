"""Sessions on a venue that is awake: the served exchange, its real client, actors that are killed.

Whatever happens on the way, the strategies saw what a download of the venue gives: each close once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.feed import FeedActor
from actors.launch import View
from aster_ray.cli import api
from aster_ray.data.config import DataConfig
from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.feed_log import read_market
from aster_ray.data.live.history import fetch_history
from aster_ray.data.request import MarketRequest
from aster_ray.data.source import load_market
from aster_ray.engine.chronicle import closes_of
from aster_ray.engine.journal import Scan
from aster_ray.engine.wire import unpack_bars
from aster_ray.errors import ConfigError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import MINUTE_MS
from aster_ray.research.live import begin_live
from aster_ray.research.replay import replay_session
from aster_ray.research.request import RunRequest
from aster_ray.research.session import FEED_JOURNAL, RISK_JOURNAL, conclude, create_session
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect_market
from tests.actors.sessions import Killer, run
from tests.aster_ray.venues.simulator.served import Venue, served

SYMBOLS = ("BTCUSDT", "ETHUSDT")
WARMUP = 400
# Exchange time runs forty times as fast as ours, the waits on the venue's clock with it.
SPEED = 40.0
HEALED_AFTER_S = 5.0  # two connections are given up as silent by then


def a_market() -> Market:
    """Return minutes of the built-in market: some history, and some to be played."""
    request = MarketRequest(
        symbols=SYMBOLS, timeframe="1m", start="2025-02-01", end="2025-02-01", warmup=WARMUP + 60
    )
    return load_market(request)


class Stage:
    """An exchange on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._ready, self._done = threading.Event(), asyncio.Event()
        self.venue: Venue
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(60)

    async def _serve(self) -> None:
        async with served(a_market(), speed=SPEED, step_ms=5_000) as self.venue:
            self._ready.set()
            await self._done.wait()

    def ask(self, work: Any) -> Any:
        """Run something on the exchange's thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)
        self.loop.close()

    def sockets(self, action: str) -> None:
        self.ask(self.venue.control("POST", "sockets", {"action": action}))

    def downloaded(self, closes: int) -> Market:
        """Return the newest closes as a download gives them."""

        async def download() -> Market:
            client = connect_market(self.config)
            try:
                return await fetch_history(client, SYMBOLS, MINUTE_MS, closes)
            finally:
                await client.close()

        return asyncio.run(download())

    @property
    def config(self) -> VenueConfig:
        return VenueConfig(
            rest=self.venue.http, stream=self.venue.socket, timeout_s=10.0, stale_s=2.0
        )


@pytest.fixture
def stage() -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()


def a_live_request(stage: Stage, closes: int, **feed: Any) -> RunRequest:
    settings = api.load_settings(None, {"timeframe": "1m", "symbols": SYMBOLS})
    quick = {"silence_s": 10.0, "settled_s": 120.0, "deadline_s": 60.0, "again_s": 0.05}
    quick["order_notional"] = 0.0
    changed = dataclasses.replace(
        settings,
        session=dataclasses.replace(settings.session, feed="live", closes=closes),
        venue=stage.config,
        feed=FeedConfig(**{**quick, **feed}),
    )
    return api.request_run(("momentum", "mean_reversion"), (), changed)


def assert_every_close_once(folder: Path, stage: Stage, closes: int) -> None:
    """Assert that strategies, risk desk and feed all saw what a download gives."""
    market = read_market(Scan(folder / FEED_JOURNAL))
    assert len(market) - market.start == closes
    assert (np.diff(market.open_ms) == MINUTE_MS).all()
    seen = list(closes_of(Scan(folder / RISK_JOURNAL)))
    assert [close.signals.batch.seq for close in seen] == list(range(closes))
    newest = stage.downloaded(closes + 200)
    truth = {int(ms): t for t, ms in enumerate(newest.close_ms)}
    for close in seen:
        batch = close.signals.batch
        t, released = truth[batch.close_ms], market.start + batch.seq
        assert batch.bars.tobytes() == market.bars[released].tobytes()
        np.testing.assert_array_equal(batch.bars, newest.bars[t], err_msg=str(batch.seq))
        np.testing.assert_array_equal(batch.volume, newest.volume[t])
        np.testing.assert_array_equal(batch.funding_rate, newest.funding_rate[t])
    # The bars before the session are those of the venue, too.
    for t in range(market.start - 50, market.start):
        known = truth[int(market.close_ms[t])]
        np.testing.assert_array_equal(market.bars[t], newest.bars[known])


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("ray_node")
def test_a_session_lives_through_kills_and_a_disturbed_stream(tmp_path: Path, stage: Stage) -> None:
    closes = 30
    killer = Killer({"feed": 4, "strategy": 9, "executor": 13, "risk": 17})
    second = Killer({"feed": 21}, after=killer)
    trouble = {6: "drop", 11: "duplicate", 15: "stall", 24: "reorder", 27: "heal"}
    stalled_s = 0.0

    def watch(view: View) -> None:
        nonlocal stalled_s
        for after in [one for one in trouble if view.ledger.get("closes", 0) >= one]:
            stage.sockets(action := trouble.pop(after))
            if action == "stall":
                stalled_s = time.monotonic()
        # Not by closes: without a stream the feed goes by its own clock, forty times as slow.
        if stalled_s and time.monotonic() > stalled_s + HEALED_AFTER_S:
            stage.sockets("heal")
            stalled_s = 0.0
        killer(view)
        second(view)

    folder = tmp_path / "session"
    result = run(a_live_request(stage, closes), folder, watch)
    stage.sockets("heal")
    assert len(result.equity) == closes
    assert set(killer.killed) == {"feed", "strategy", "executor", "risk"}
    assert "feed" in second.killed
    assert_every_close_once(folder, stage, closes)
    assert replay_session(folder).differences == []
    told = result.report["session"]["feed"]
    assert told["source"] == "aster"
    assert result.report["session"]["actors"]["feed"]["restarts"] == 2
    written = json.loads((folder / "session.json").read_text())["settings"]
    assert written["venue"]["rest"] == stage.venue.http
    assert "agent_key" not in written["venue"]


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("ray_node")
def test_a_session_without_end_ends_when_it_is_told_to(tmp_path: Path, stage: Stage) -> None:
    views: list[View] = []

    def stopped() -> bool:
        return bool(views) and views[-1].ledger.get("closes", 0) >= 3

    folder = tmp_path / "session"
    result = run(a_live_request(stage, 0), folder, views.append, stopped)
    closes = len(result.equity)
    assert closes >= 3
    assert result.report["session"]["stopped"] is True
    assert all(view.last is None for view in views if view.state == "running")
    assert_every_close_once(folder, stage, closes)


def test_a_session_that_is_told_to_end_before_its_first_close_ends_with_none(
    tmp_path: Path, stage: Stage
) -> None:
    request = a_live_request(stage, 0)
    session = create_session(request, tmp_path / "session", "token")

    async def begin() -> None:
        feed = FeedActor(str(session.folder))
        await asyncio.wait_for(feed.ready.wait(), 60)
        waiting = asyncio.ensure_future(feed.next("strategy", 500, -1, 0))
        assert await feed.end(0) is None
        last = await feed.finish(7, 0)
        assert last < 7  # what is out, not what is to come
        assert await asyncio.wait_for(waiting, 10) is None
        assert await feed.end(0) == last
        for task in list(feed._tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(begin())
    result = conclude(session, {"stopped": True})  # nobody traded a close
    assert len(result.equity) == 0
    assert (session.folder / "report.json").exists()


def test_a_feed_hands_out_again_what_its_predecessor_released(tmp_path: Path, stage: Stage) -> None:
    session = create_session(a_live_request(stage, 0), tmp_path / "session", "token")

    async def live(closes: int) -> list[tuple[bytes, int]]:
        feed = FeedActor(str(session.folder))
        await asyncio.wait_for(feed.ready.wait(), 60)
        found = []
        for seq in range(closes):
            answer = await asyncio.wait_for(feed.next("strategy", seq, -1, 0), 60)
            assert answer is not None
            found.append((answer[0], answer[2]))
        for task in list(feed._tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return found

    first, second = asyncio.run(live(2)), asyncio.run(live(4))
    assert second[:2] == first  # bars and time of release
    assert [unpack_bars(data).seq for data, _ in second] == [0, 1, 2, 3]


def test_a_live_session_has_no_period(stage: Stage) -> None:
    request = a_live_request(stage, 1)
    settings: Any = request.settings
    data = DataConfig(start="2025-02-01", timeframe="1m", path="somewhere")
    dated = dataclasses.replace(settings, data=data)
    with pytest.raises(ConfigError, match=r"data\.start must be empty .* data\.path must be empty"):
        begin_live(RunRequest(dated, request.strategies))


def test_a_live_session_begins_with_the_bars_of_the_venue(tmp_path: Path, stage: Stage) -> None:
    request = a_live_request(stage, 1)
    session = create_session(request, tmp_path / "session", "token")
    prepared = session.prepare()
    market = prepared.market
    assert market.start == len(market) >= request.warmup()
    assert prepared.provenance()["data"] == session.provenance["data"]
    assert market.symbols == SYMBOLS
    assert not np.isnan(market.bars).any()
    assert not any("mark" in note for note in market.missing)
