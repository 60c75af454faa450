"""What is usual in a market: volume by hour of the day, volume of a day, volatility of a day.

Learned from recorded bars and from those alone that had closed: appending later ones, or changing
them, changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE
from aster_ray.model.ids import DAY_MS, MINUTE_MS
from aster_ray.model.instrument import Instrument

BIN_MS = 15 * MINUTE_MS
BINS = DAY_MS // BIN_MS
_FEWEST_DAYS = 5
# The curve counts as many flat days as this beside those that were seen.
_FLAT_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """What is usual, as far as it is known.

    Attributes:
        curve: share of a day's volume that falls into each quarter of an hour from 00:00 UTC.
        daily_lots: volume of a day in lots; 0.0 if unknown.
        daily_volatility: standard deviation of a day's return; 0.0 if unknown.
        days: how many days were seen; with fewer than five the curve is flat.
    """

    curve: tuple[float, ...] = (1.0 / BINS,) * BINS
    daily_lots: float = 0.0
    daily_volatility: float = 0.0
    days: int = 0

    def share(self, from_ms: int, to_ms: int) -> float:
        """Return which share of a day's volume usually falls into a period."""
        return self._until(to_ms) - self._until(from_ms)

    def _until(self, ms: int) -> float:
        day, within = divmod(ms, DAY_MS)
        number, rest = divmod(within, BIN_MS)
        return day + math.fsum(self.curve[:number]) + self.curve[number] * (rest / BIN_MS)


def learn_norms(
    bars: np.ndarray, timeframe_ms: int, until_ms: int, lot: float, days: int = 30
) -> Norms:
    """Return what was usual in the last ``days`` days before ``until_ms``.

    Args:
        bars: f8[T, 3], open time (ms), close and volume in the base asset, oldest first.
        timeframe_ms: length of a bar.
        until_ms: only bars that had closed by then count.
        lot: base asset per lot.
        days: how far to look back.
    """
    known = bars[(bars[:, 0] + timeframe_ms <= until_ms) & np.isfinite(bars).all(axis=1)]
    age = (until_ms - known[:, 0] - timeframe_ms).astype(np.int64) // DAY_MS
    curves, volumes = [], []
    for back in range(days):
        day = known[age == back]
        volume = float(day[:, 2].sum())
        # A day with holes says little about its hours.
        if len(day) * timeframe_ms >= 0.9 * DAY_MS and volume > 0.0:
            curves.append(_spread(day, timeframe_ms) / volume)
            volumes.append(volume)
    if not curves:
        return Norms()
    recent = known[age < days]
    moves = np.diff(np.log(recent[:, 1]))[np.diff(recent[:, 0]) == timeframe_ms]
    variance = float(np.mean(moves**2)) if len(moves) else 0.0
    curve = (1.0 / BINS,) * BINS
    if len(curves) >= _FEWEST_DAYS:
        seen = np.sum(curves, axis=0) + _FLAT_DAYS / BINS
        curve = tuple(float(share) for share in seen / seen.sum())
    return Norms(
        curve=curve,
        daily_lots=float(np.mean(volumes)) / lot,
        daily_volatility=math.sqrt(variance * DAY_MS / timeframe_ms),
        days=len(curves),
    )


def market_norms(
    market: Market, instruments: Sequence[Instrument], until_ms: int, days: int = 30
) -> dict[str, Norms]:
    """Return what was usual for each symbol of a market, told by its bars; see ``learn_norms``.

    Args:
        market: recorded bars.
        instruments: one per symbol, in the market's order.
        until_ms: only bars that had closed by then count.
        days: how far to look back.
    """
    first = int(np.searchsorted(market.open_ms, until_ms - (days + 1) * DAY_MS))
    opened = market.open_ms[first:].astype(np.float64)
    found = {}
    for n, rules in enumerate(instruments):
        columns = [opened, market.bars[first:, n, CLOSE], market.volume[first:, n]]
        bars = np.column_stack(columns)
        found[rules.symbol] = learn_norms(
            bars, market.timeframe_ms, until_ms, float(rules.lot), days
        )
    return found


def _spread(day: np.ndarray, timeframe_ms: int) -> np.ndarray:
    """Return the volume of each quarter of an hour; a longer bar fills all of its quarters."""
    found = np.zeros(BINS)
    pieces = max(1, timeframe_ms // BIN_MS)
    first = (day[:, 0].astype(np.int64) % DAY_MS) // BIN_MS
    for piece in range(pieces):
        np.add.at(found, (first + piece) % BINS, day[:, 2] / pieces)
    return found
