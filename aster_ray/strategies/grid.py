"""Grid: resting limits on both sides of an average, wider apart when the market moves more."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from aster_ray.strategies.contract import Ladder, Panel, Parameter, Params, Signals
from aster_ray.strategies.indicators import column
from aster_ray.strategies.series import series_of, spread

PARAMETERS = (
    Parameter("levels", 5, 5, 10, integer=True, doc="limits on each side"),
    Parameter("window", 24, 1, 500, integer=True, doc="bars of the centre; 1 = the last close"),
    Parameter("atr_period", 24, 2, 200, integer=True, doc="bars of the average true range"),
    Parameter("spacing_atr", 1.5, 0.1, 10, doc="distance of two levels in ATR"),
    Parameter("size", 1.0, 0.1, 1, doc="part of a full position that one side holds when filled"),
    Parameter("confidence", 0.7, 0, 1, doc="what sizing makes of it"),
)
LEAST_SPACING, MOST_SPACING = 0.01, 0.03


class Grid:
    """Buy below and sell above a moving centre; each level takes its profit one level back.

    It has no direction. The kernel places the ladder, stops it one spacing beyond its last level
    and adopts a new centre only when the price has left it.
    """

    name: ClassVar[str] = "grid"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS

    def warmup(self, params: Params) -> int:
        """Return the bars after which centre and range have forgotten how they began."""
        return int(max(params["window"], 6 * params["atr_period"])) + 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return the ladder that would be placed now, on every row where it is known."""
        centre, spacing = np.full(panel.close.shape, np.nan), np.full(panel.close.shape, np.nan)
        middle = ("sma", (params["window"],)) if params["window"] > 1 else ("close", ())
        for n in range(len(panel.symbols)):
            series, rows = series_of(panel, n)
            atr = column(("atr", (params["atr_period"],)), series)
            apart = params["spacing_atr"] * atr / series.close
            spread(column(middle, series), rows, centre[:, n])
            spread(np.clip(apart, LEAST_SPACING, MOST_SPACING), rows, spacing[:, n])
        return Signals(
            direction=np.zeros(panel.close.shape, dtype=np.int8),
            confidence=params["confidence"],
            ladder=Ladder(centre, spacing, levels=params["levels"], size=params["size"]),
        )
