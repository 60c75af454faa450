"""FeedActor: closed bars, in order, each close time once and only after its turn has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from actors.link import Watermark
from actors.shell import Shell
from aster_ray import clock, topology
from aster_ray.engine.wire import pack_bars
from aster_ray.venues.replay import ReplayFeed

EXECUTOR_TO_FEED = f"{topology.EXECUTOR} -> {topology.FEED}"


class FeedActor(Shell):
    """Replay a market in lock-step: a close is released after the executor is done with the last.

    Keeps nothing of its own: after a restart the executor says where it is.
    """

    role = topology.FEED

    def open(self) -> None:
        """Load the market."""
        prepared = self.session.prepare()
        self._source = ReplayFeed(prepared.market)
        speed = prepared.request.settings.session.speed
        self._interval_ns = 1e9 / speed if speed > 0.0 else 0.0
        self.acknowledged = Watermark()
        self._last = len(self._source) - 1
        self._released_ns = 0
        self._born_ns: dict[int, int] = {}

    async def stream(
        self, reader: str, cursor: int, acknowledged: int
    ) -> AsyncIterator[tuple[bytes, int, int]]:
        """Yield (bars, time of sending, time of release) from close ``cursor`` on.

        Args:
            reader: role of who reads.
            cursor: first close wanted.
            acknowledged: last close the executor is done with; other readers say -1.
        """
        await self.ready.wait()
        self.acknowledged.raise_to(acknowledged)
        for seq in range(cursor, len(self._source)):
            await self.acknowledged.until(
                lambda seq=seq: self.acknowledged.value >= seq - 1 or seq > self._last  # type: ignore[misc]
            )
            if seq > self._last:
                return
            await self._release(seq)
            yield pack_bars(self._source.batch(seq)), clock.wall_ns(), self._born_ns[seq]

    async def _release(self, seq: int) -> None:
        """Wait for the time of a close, which is the same for all readers."""
        while seq not in self._born_ns:
            due = self._released_ns + self._interval_ns
            now = clock.monotonic_ns()
            if now >= due:
                self._released_ns = now
                self._born_ns = {seq: clock.wall_ns()}
                self.progress = seq
            else:
                await asyncio.sleep((due - now) / 1e9)

    async def acknowledge(self, seq: int, sent_ns: int) -> int:
        """Take the executor's word that close ``seq`` is done; return how far that is now."""
        await self.ready.wait()
        self.hops.arrived(EXECUTOR_TO_FEED, sent_ns)
        self.acknowledged.raise_to(seq)
        return self.acknowledged.value

    async def end(self, _sent_ns: int) -> int:
        """Return the last close there will be; -1 for none."""
        await self.ready.wait()
        return self._last

    async def finish(self, last: int, _sent_ns: int) -> int:
        """Release nothing after close ``last``, nor after one that is out; return which it is."""
        await self.ready.wait()
        self._last = min(self._last, max(last, self.progress))
        self.acknowledged.stir()
        return self._last
