"""When the feed lets a close go, to whom, and what it says about the time; no Ray needed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.feed import FeedActor
from actors.pulse import STOP
from aster_ray import clock, topology
from aster_ray.engine.wire import unpack_bars
from aster_ray.research.request import RunRequest
from aster_ray.research.session import create_session
from tests.actors.sessions import a_request

STRATEGY, EXECUTOR = topology.STRATEGY, topology.EXECUTOR
Scene = Callable[[FeedActor], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Return a function that runs a scene with a feed of 24 hourly closes."""

    def run(scene: Scene, *, stopping: bool = False, **session: object) -> None:
        request = a_request(1, ("momentum",))
        changed = dataclasses.replace(request.settings.session, **session)  # type: ignore[arg-type]
        settings = dataclasses.replace(request.settings, session=changed)  # type: ignore[type-var]
        create_session(RunRequest(settings, request.strategies), tmp_path / "session", "token")
        if stopping:
            (tmp_path / "session" / STOP).touch()

        async def begin() -> None:
            feed = FeedActor(str(tmp_path / "session"))
            await asyncio.wait_for(feed.ready.wait(), 60)
            await scene(feed)

        asyncio.run(begin())

    return run


async def ask(feed: FeedActor, reader: str, seq: int, done: int) -> tuple[bytes, int, int] | None:
    return await feed.next(reader, seq, done, clock.wall_ns())


async def waits(question: asyncio.Task[object]) -> bool:
    await asyncio.sleep(0.05)
    return not question.done()


async def seq_of(answer: Awaitable[tuple[bytes, int, int] | None]) -> int:
    found = await asyncio.wait_for(answer, 5)
    assert found is not None
    return unpack_bars(found[0]).seq


def test_the_market_opens_when_the_strategies_ask(play: Callable[..., None]) -> None:
    async def scene(feed: FeedActor) -> None:
        early = asyncio.ensure_future(ask(feed, EXECUTOR, 0, -1))
        assert await waits(early)
        first = await ask(feed, STRATEGY, 0, -2)
        second = await asyncio.wait_for(early, 5)
        assert first is not None
        assert second is not None
        assert (first[0], first[2]) == (second[0], second[2])  # same bars, same time of release

    play(scene)


def test_a_successor_goes_on_for_an_executor_whose_strategies_wait(
    play: Callable[..., None],
) -> None:
    """The strategies have said their word on close 5 and ask nothing until the executor has it."""

    async def scene(feed: FeedActor) -> None:
        assert await seq_of(ask(feed, EXECUTOR, 5, 4)) == 5

    play(scene)


def test_the_market_opens_though_no_strategy_asks(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.feed._OPENS_AFTER_S", 0.01)

    async def scene(feed: FeedActor) -> None:
        assert await seq_of(ask(feed, EXECUTOR, 0, -1)) == 0

    play(scene)


def test_in_lock_step_a_close_waits_for_the_executor(play: Callable[..., None]) -> None:
    async def scene(feed: FeedActor) -> None:
        assert await seq_of(ask(feed, STRATEGY, 0, -2)) == 0
        assert await seq_of(ask(feed, EXECUTOR, 0, -1)) == 0
        assert await seq_of(ask(feed, STRATEGY, 1, -1)) == 1  # thinking ahead by one
        blocked = asyncio.ensure_future(ask(feed, EXECUTOR, 1, -1))
        ahead = asyncio.ensure_future(ask(feed, STRATEGY, 2, 0))
        assert await seq_of(ahead) == 2  # the risk desk has close 1: the executor is past close 0
        assert await seq_of(blocked) == 1
        blocked = asyncio.ensure_future(ask(feed, EXECUTOR, 2, -1))
        assert await waits(blocked)
        done = asyncio.ensure_future(ask(feed, EXECUTOR, 2, 1))
        assert await seq_of(done) == await seq_of(blocked) == 2

    play(scene)


def test_a_new_feed_learns_from_the_strategies_that_the_executor_waits_for_them(
    play: Callable[..., None],
) -> None:
    async def scene(feed: FeedActor) -> None:
        # It has just begun again; the executor saw close 7 before and asks for nothing.
        assert await seq_of(ask(feed, STRATEGY, 7, 5)) == 7

    play(scene)


def test_a_feed_that_comes_back_during_a_stop_releases_nothing_before_it_knows_the_end(
    play: Callable[..., None],
) -> None:
    """Its predecessor was told; with the session over but for the report nobody says it again."""

    async def scene(feed: FeedActor) -> None:
        early = asyncio.ensure_future(ask(feed, STRATEGY, 7, 5))
        late = asyncio.ensure_future(ask(feed, EXECUTOR, 8, 6))
        assert await waits(early)
        assert await waits(late)
        assert await feed.finish(7, clock.wall_ns()) == 7
        assert await seq_of(early) == 7
        assert await asyncio.wait_for(late, 5) is None

    play(scene, stopping=True)


def test_by_the_clock_a_close_waits_for_nobody(play: Callable[..., None]) -> None:
    async def scene(feed: FeedActor) -> None:
        began_ns = clock.monotonic_ns()
        born = []
        for seq in range(4):
            found = await ask(feed, STRATEGY, seq, -2)
            assert found is not None
            born.append(found[2])
        assert clock.monotonic_ns() - began_ns >= 3 * 20e6  # never before it is due
        for seq in range(4):  # who comes late is told when the close was
            late = await ask(feed, EXECUTOR, seq, -1)
            assert late is not None
            assert late[2] == born[seq]
        assert await seq_of(ask(feed, EXECUTOR, 4, 3)) == 4
        assert sorted(feed._out) == [3, 4]  # nothing gathers behind the executor

    play(scene, lock_step=False, speed=50.0)


def test_after_the_last_close_there_is_none(play: Callable[..., None]) -> None:
    async def scene(feed: FeedActor) -> None:
        assert await seq_of(ask(feed, STRATEGY, 0, -2)) == 0
        waiting = asyncio.ensure_future(ask(feed, STRATEGY, 1, -1))
        assert await waits(waiting)  # a bar a second: it is not due
        assert await feed.finish(0, clock.wall_ns()) == 0
        assert await asyncio.wait_for(waiting, 5) is None
        assert await ask(feed, EXECUTOR, 24, 23) is None
        assert await seq_of(ask(feed, EXECUTOR, 0, -1)) == 0

    play(scene, lock_step=False, speed=1.0)
