"""FeedActor: closed bars, in order, each close time once and only after its turn has come."""

from __future__ import annotations

import asyncio
from typing import Any

from actors.hops import EXECUTOR_TO_FEED
from actors.link import Watermark
from actors.live_tap import LiveTap
from actors.pulse import STOP
from actors.shell import Shell
from aster_ray import clock, topology
from aster_ray.engine.failpoints import AFTER_ACK, AFTER_SEND, BEFORE_SEND
from aster_ray.engine.wire import pack_bars
from aster_ray.research.session import FEED_JOURNAL
from aster_ray.venues.replay import ReplayFeed

# Compiling takes less; a feed that died at the first close is not asked by strategies that have it.
_OPENS_AFTER_S = 60.0


class FeedActor(Shell):
    """Replay a market in lock-step with the executor or at the pace of a clock, or follow a venue.

    In lock-step a close is released after the executor is done with the last. Without, it is
    released when it is due, however far the others are. A replay keeps nothing of its own: after a
    restart the executor says where it is. What a live feed released is in its journal, and a
    successor hands out the same bits; closes missed meanwhile it asks the venue for.
    """

    role = topology.FEED

    def open(self) -> None:
        """Load the market, or what was released of it."""
        self._tap: LiveTap | None = None
        # A predecessor knew where the end is: until the supervisor says it again, nothing goes out.
        self._is_held = (self._folder / STOP).exists()
        if self.session.request.is_live:
            self._tap = LiveTap(self.session, self.journal(FEED_JOURNAL))
            self.progress = self._tap.released.value
            if self._is_held:
                self._tap.finish()
        prepared = self.session.prepare()
        self._source = ReplayFeed(prepared.market)
        settings = prepared.request.settings.session
        self._interval_ns = 1e9 / settings.speed if settings.speed > 0.0 else 0.0
        self._lock_step = settings.lock_step
        self.acknowledged = Watermark()
        self._told = -1  # what the executor itself said last of that
        self._open = False  # until the strategies ask: then risk desk and strategies are there
        self._last = len(self._source) - 1
        self._released_ns = 0
        # Close -> (its bars as bytes, time of release), of those the executor is not done with.
        self._out: dict[int, tuple[bytes, int]] = {}

    async def work(self) -> None:
        """Open without the strategies if they do not come: only their start-up should not count."""
        if self._tap is not None:
            await self._tap.run()
            return
        await asyncio.sleep(_OPENS_AFTER_S)
        self._open = True
        self.acknowledged.stir()

    async def next(
        self, reader: str, seq: int, acknowledged: int, sent_ns: int
    ) -> tuple[bytes, int, int] | None:
        """Return (bars, time of sending, time of release) of close ``seq`` once it is out.

        The question waits here until there is an answer, which then crosses in half the time of a
        call, and a reader that has not asked is not ahead: there is nothing to hold back.

        Args:
            reader: role of who reads.
            seq: close wanted.
            acknowledged: last close the reader knows the executor to be done with, -1 for none;
                the executor's word on itself is a message like any other.
            sent_ns: when the question was sent.

        Returns:
            None if there will be no such close.
        """
        await self.ready.wait()
        self._hear(reader, acknowledged, sent_ns)
        if self._tap is not None:
            return await self._next_live(self._tap, seq)
        # Who is past the first close has met the strategies: a successor must not wait for them to
        # ask, for they may be waiting for what the executor will say of this very close.
        self._open = self._open or reader == topology.STRATEGY or seq > 0
        self.acknowledged.stir()
        # The strategies may think about a close while the orders of the last one are on their way.
        # An executor that waits for what they say is not asked how far it is.
        ahead = 2 if reader == topology.STRATEGY else 1
        await self.acknowledged.until(lambda: self._may_go(seq, ahead))
        released = await self._release(seq)
        if released is None:
            return None
        bars, born_ns = released
        self.reached(BEFORE_SEND, seq)
        return bars, clock.wall_ns(), born_ns

    async def _next_live(self, tap: LiveTap, seq: int) -> tuple[bytes, int, int] | None:
        """Return a close of the venue; those that are out wait for nobody."""
        found = await tap.next(seq)
        if found is None:
            return None
        is_new, sent_ns = seq > self.progress, clock.wall_ns()
        if is_new:
            # On its way to the disk, and behind whatever else the venue says meanwhile.
            self.stages.took("feed: complete to sent", sent_ns - found[1])
        self.progress = max(self.progress, seq)
        self.reached(BEFORE_SEND, seq)
        return found[0], clock.wall_ns(), found[1]

    def _may_go(self, seq: int, ahead: int) -> bool:
        """Return whether a close has its turn, or there will be none."""
        if seq > self._last:
            return True
        return (
            self._open
            and not self._is_held
            and (not self._lock_step or self.acknowledged.value >= seq - ahead)
        )

    async def _release(self, seq: int) -> tuple[bytes, int] | None:
        """Wait for the time of a close, the same for all readers; ``None`` if it will not come."""
        while seq not in self._out:
            if seq > self._last:
                return None
            due = self._released_ns + self._interval_ns
            now = clock.monotonic_ns()
            if now < due and seq > self.progress:
                await asyncio.sleep((due - now) / 1e9)
                continue
            with self.stages.timed("feed: write bars"):
                # Complete from here on: what follows is latency.
                born_ns = clock.wall_ns()
                self._out[seq] = pack_bars(self._source.batch(seq)), born_ns
            if seq > self.progress:
                self._released_ns = now
                self.progress = seq
        return self._out[seq]

    def _hear(self, reader: str, seq: int, sent_ns: int) -> None:
        """Take note that the executor is done with everything up to close ``seq``."""
        is_word = reader == topology.EXECUTOR and seq > self._told
        if is_word:
            self.reached(AFTER_SEND, seq)
            self.arrived(EXECUTOR_TO_FEED, seq, sent_ns)
            self._told = seq
        self.acknowledged.raise_to(seq)
        for known in [known for known in self._out if known < self.acknowledged.value]:
            del self._out[known]
        if is_word:
            self.reached(AFTER_ACK, seq)

    def says(self) -> dict[str, Any]:
        """Return how a live feed stands; nothing of a replay."""
        tap = getattr(self, "_tap", None)
        return {} if tap is None else tap.status

    async def end(self, _sent_ns: int) -> int | None:
        """Return the last close there will be; -1 for none at all, None for no end in sight."""
        await self.ready.wait()
        if self._tap is not None:
            return self._tap.last
        return self._last

    async def finish(self, last: int, _sent_ns: int) -> int:
        """Release nothing after close ``last``, nor after one that is out; return which it is.

        A venue's next close may be hours away: a live feed ends with the one that is out.
        """
        await self.ready.wait()
        if self._tap is not None:
            return self._tap.finish()
        self._is_held = False
        self._last = min(self._last, max(last, self.progress))
        self.acknowledged.stir()
        return self._last
