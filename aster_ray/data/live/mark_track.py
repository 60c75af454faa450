"""One symbol's mark price and announced funding, as the stream tells them."""

from __future__ import annotations

import math
from collections import Counter

from aster_ray.model.market import Bar, FundingRate
from aster_ray.model.venue import MarkUpdate


class MarkTrack:
    """Mark bars of one timeframe out of single marks, and the settlements that were announced.

    REST has the venue's own mark bars; these stand in where it has none.

    Args:
        timeframe_ms: length of a bar.
        counts: where marks that are of no use are counted, by reason.
    """

    def __init__(self, timeframe_ms: int, counts: Counter[str]) -> None:
        self._timeframe_ms = timeframe_ms
        self._counts = counts
        self._bars: dict[int, Bar] = {}
        self._announced: dict[int, float] = {}
        self._from_ms = 0
        self.price = math.nan
        self.ts_ms = 0

    def hear(self, update: MarkUpdate) -> None:
        """Take a mark."""
        ts_ms, price = update.mark.ts_ms, update.mark.price
        if not (math.isfinite(price) and price > 0.0):
            self._counts["mark: not a price"] += 1
            return
        funding = update.funding
        settles = math.isfinite(funding.rate) and funding.ts_ms > ts_ms
        if settles and ts_ms >= self.ts_ms:
            self._announced[funding.ts_ms] = funding.rate
        if ts_ms < self.ts_ms:
            self._counts["mark: out of order"] += 1
        else:
            self.ts_ms, self.price = ts_ms, price
        open_ms = ts_ms - ts_ms % self._timeframe_ms
        if open_ms < self._from_ms:
            return
        known = self._bars.get(open_ms, Bar(open_ms, price, price, price, price, 0.0))
        high, low = max(known.high, price), min(known.low, price)
        close = price if ts_ms == self.ts_ms else known.close
        self._bars[open_ms] = known._replace(high=high, low=low, close=close)

    def bar(self, open_ms: int) -> Bar | None:
        """Return the marks heard in a bar; None if there were none."""
        return self._bars.get(open_ms)

    def announced(self, open_ms: int) -> tuple[FundingRate, ...]:
        """Return the settlements that were to come within a bar, at the rate last named."""
        beyond = open_ms + self._timeframe_ms
        found = sorted(ms for ms in self._announced if open_ms <= ms < beyond)
        return tuple(FundingRate(ms, self._announced[ms]) for ms in found)

    def forget(self, before_ms: int) -> None:
        """Drop what belongs to bars that open before ``before_ms``."""
        self._from_ms = max(self._from_ms, before_ms)
        self._bars = {ms: bar for ms, bar in self._bars.items() if ms >= before_ms}
        self._announced = {ms: rate for ms, rate in self._announced.items() if ms >= before_ms}
