"""StrategyActor: every strategy's word on every close."""

from __future__ import annotations

from actors.link import Latest, Watermark
from actors.shell import Shell
from actors.warm import warm_strategies
from aster_ray import clock, topology
from aster_ray.engine.failpoints import AFTER_ACK, AFTER_SEND, BEFORE_SEND
from aster_ray.engine.strategy_desk import StrategyDesk
from aster_ray.engine.wire import pack_signals, unpack_bars
from aster_ray.venues.replay import ReplayFeed

FEED_TO_STRATEGY = f"{topology.FEED} -> {topology.STRATEGY}"


class StrategyActor(Shell):
    """Turn bars into signals; begins again from the anchor after a restart."""

    role = topology.STRATEGY

    def open(self) -> None:
        """Load the history the strategies begin with."""
        self._prepared = self.session.prepare()
        warm_strategies(self._prepared)
        self._said = Latest(self.reached, AFTER_SEND)
        self._taken = Watermark()  # last close whose signals the risk desk has made durable

    def _position(self) -> tuple[int, int, int]:
        """Return the close wanted next, the last one the executor must be done with, and now.

        The risk desk concluded close ``progress`` with evidence that the executor only sends once
        it is done with the close before.
        """
        return self.progress + 1, self.progress - 1, clock.wall_ns()

    async def work(self) -> None:
        """Follow the feed from the first close the risk desk has not made durable."""
        risk, feed = self.peer(topology.RISK), self.peer(topology.FEED)
        self.progress = await risk.ask("recorded")
        history = ReplayFeed(self._prepared.market).history_until(self.progress + 1)
        desk = StrategyDesk(self._prepared.strategies, history)
        async for data, sent_ns, _ in feed.follow(self.role, self._position):
            with self.stages.timed("strategy: read bars"):
                batch = unpack_bars(data)
            self.arrived(FEED_TO_STRATEGY, batch.seq, sent_ns)
            with self.stages.timed("strategy: signals"):
                signals = desk.on_bars(batch)
            with self.stages.timed("strategy: write signals"):
                packed = pack_signals(signals)
            self.reached(BEFORE_SEND, batch.seq)
            self._said.put(batch.seq, packed)
            await self._taken.reach(batch.seq)
            self.reached(AFTER_ACK, batch.seq)
            self.progress = batch.seq

    async def next(self, _reader: str, seq: int) -> tuple[bytes, int]:
        """Return (signals, time of sending) of close ``seq`` once there are any.

        Asking for a close says that those of all before it are durable.
        """
        await self.ready.wait()
        self._taken.raise_to(seq - 1)
        return await self._said.since(seq)
