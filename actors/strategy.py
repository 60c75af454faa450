"""StrategyActor: every strategy's word on every close."""

from __future__ import annotations

from actors.shell import Shell
from actors.warm import warm_strategies
from aster_ray import topology
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

    async def work(self) -> None:
        """Follow the feed from the first close the risk desk has not made durable."""
        risk, feed = self.peer(topology.RISK), self.peer(topology.FEED)
        self.progress = await risk.ask("recorded")
        history = ReplayFeed(self._prepared.market).history_until(self.progress + 1)
        desk = StrategyDesk(self._prepared.strategies, history)
        async for data, sent_ns, _ in feed.follow(self.role, lambda: (self.progress + 1, -1)):
            self.hops.arrived(FEED_TO_STRATEGY, sent_ns)
            signals = desk.on_bars(unpack_bars(data))
            await risk.ask("on_signals", pack_signals(signals))
            self.progress = signals.batch.seq
