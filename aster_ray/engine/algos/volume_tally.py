"""How much a symbol has traded publicly since a moment, told by its bars as they form."""

from __future__ import annotations

from aster_ray.model.venue import BarUpdate

_KEPT = 1_500  # bars: more than a day of minutes


class VolumeTally:
    """Volume by bar, of the shortest timeframe that is streamed.

    A bar's volume is a sum since its open, so repetitions and gaps in the stream do no harm, and
    bars fetched after a restart put the tally right.
    """

    def __init__(self) -> None:
        self._timeframe_ms = 0
        self._volume: dict[int, float] = {}

    def see(self, update: BarUpdate) -> None:
        """Take a forming or closed bar in."""
        if self._timeframe_ms and update.timeframe_ms > self._timeframe_ms:
            return
        if update.timeframe_ms != self._timeframe_ms:
            self._timeframe_ms = update.timeframe_ms
            self._volume.clear()
        bar = update.bar
        self._volume[bar.open_ms] = max(bar.volume, self._volume.get(bar.open_ms, 0.0))
        if len(self._volume) > _KEPT:
            del self._volume[min(self._volume)]

    def since(self, ms: int) -> float:
        """Return what traded in bars that opened at ``ms`` or later, in the base asset."""
        return sum(volume for open_ms, volume in self._volume.items() if open_ms >= ms)
