"""Recorded bars as if they closed now, one close time after another."""

from __future__ import annotations

from collections.abc import Iterator

from aster_ray.engine.messages import BarBatch
from aster_ray.kernel.market import Market


class ReplayFeed:
    """Hand out a market's tradable rows as numbered batches; satisfies ``MarketDataPort``."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __len__(self) -> int:
        return len(self.market) - self.market.start

    @property
    def history(self) -> Market:
        """Return the warm-up rows: what was known before the first close time."""
        return self.market.rows(0, self.market.start)

    def history_until(self, seq: int) -> Market:
        """Return every row known before close time ``seq``, for a reader that restarts."""
        return self.market.rows(0, self.market.start + seq)

    def batch(self, seq: int) -> BarBatch:
        """Return close time number ``seq``."""
        market = self.market
        t = market.start + seq
        open_ms = int(market.open_ms[t])
        return BarBatch(
            seq,
            open_ms,
            open_ms + market.timeframe_ms,
            market.bars[t],
            market.volume[t],
            market.funding_rate[t],
        )

    def batches(self, seq: int = 0) -> Iterator[BarBatch]:
        """Yield the close times from number ``seq`` to the end."""
        for number in range(seq, len(self)):
            yield self.batch(number)
