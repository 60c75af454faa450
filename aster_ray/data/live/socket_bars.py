"""One symbol's bars of the finest stream, whatever order and number they arrive in."""

from __future__ import annotations

from collections import Counter

import numpy as np

from aster_ray.data.live.soundness import fault_of
from aster_ray.kernel.bars import aggregate_bars
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.market import Bar
from aster_ray.model.venue import BarUpdate


class SocketBars:
    """Keep the newest word on each bar of one minute, and join minutes to longer bars.

    Within a bar the traded volume only grows, so of two updates the one with more of it is newer,
    however they arrived; a repetition changes nothing.

    Args:
        counts: where updates that are of no use are counted, by reason.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._bars: dict[int, tuple[Bar, int]] = {}
        self._from_ms = 0  # earlier bars are done with
        self.newest_ms = 0  # open time of the latest bar that has begun

    def hear(self, update: BarUpdate) -> bool:
        """Take an update; return whether it said something new."""
        bar = update.bar
        fault = fault_of(bar)
        if update.timeframe_ms != MINUTE_MS or bar.open_ms % MINUTE_MS:
            fault = "off the grid"
        if fault:
            self._counts[f"socket bar: {fault}"] += 1
            return False
        if bar.open_ms < self._from_ms:
            self._counts["socket bar: late"] += 1
            return False
        self.newest_ms = max(self.newest_ms, bar.open_ms)
        known = self._bars.get(bar.open_ms)
        if known is not None and (bar.volume, update.event_ms) <= (known[0].volume, known[1]):
            if bar != known[0]:
                self._counts["socket bar: out of order"] += 1
            return False
        self._bars[bar.open_ms] = (bar, update.event_ms)
        return True

    def joined(self, open_ms: int, timeframe_ms: int) -> Bar | None:
        """Return the bar of ``timeframe_ms`` from its minutes; None unless all of them came."""
        times = range(open_ms, open_ms + timeframe_ms, MINUTE_MS)
        bars = [self._bars[ms][0] for ms in times if ms in self._bars]
        if len(bars) < len(times):
            return None
        if len(bars) == 1:
            return bars[0]
        values = np.array([bar[1:] for bar in bars])
        opened = np.array([bar.open_ms for bar in bars])
        _, whole = aggregate_bars(opened, values, MINUTE_MS, timeframe_ms)
        return Bar(open_ms, *(float(value) for value in whole[0]))

    def forget(self, before_ms: int) -> None:
        """Drop the bars that open before ``before_ms``; what still comes of them is late."""
        self._from_ms = max(self._from_ms, before_ms)
        for open_ms in [known for known in self._bars if known < before_ms]:
            del self._bars[open_ms]
