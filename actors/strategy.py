"""StrategyActor: every strategy's word on every close."""

from __future__ import annotations

from actors.shell import Shell
from actors.warm import warm_strategies
from aster_ray import topology
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

    def _position(self) -> tuple[int, int]:
        """Return the close wanted next, and the last one the executor must be done with.

        The risk desk concluded close ``progress`` with evidence that the executor only sends once
        it is done with the close before.
        """
        return self.progress + 1, self.progress - 1

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
            await risk.ask("on_signals", packed, number=batch.seq, sent=AFTER_SEND)
            self.reached(AFTER_ACK, batch.seq)
            self.progress = batch.seq
