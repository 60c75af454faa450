"""Grid: resting limits on both sides of an average, wider apart when the market moves more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from aster_ray.strategies.contract import (
    ColumnKey,
    Ladder,
    Panel,
    Parameter,
    Params,
    Signals,
    Stepwise,
)
from aster_ray.strategies.stepwise import opinions

PARAMETERS = (
    Parameter("levels", 5, 5, 10, integer=True, doc="limits on each side"),
    Parameter("window", 24, 1, 500, integer=True, doc="bars of the centre; 1 = the last close"),
    Parameter("atr_period", 24, 2, 200, integer=True, doc="bars of the average true range"),
    Parameter("spacing_atr", 1.5, 0.1, 10, doc="distance of two levels in ATR"),
    Parameter("size", 1.0, 0.1, 1, doc="part of a full position that one side holds when filled"),
    Parameter("confidence", 0.7, 0, 1, doc="what sizing makes of it"),
)
LEAST_SPACING, MOST_SPACING = 0.01, 0.03


def _keys(params: Params) -> tuple[ColumnKey, ...]:
    middle: ColumnKey = ("sma", (params["window"],)) if params["window"] > 1 else ("close", ())
    return ("close", ()), middle, ("atr", (params["atr_period"],))


def _opinion(columns: Sequence[np.ndarray], params: Params) -> Signals:
    close, centre, atr = columns
    spacing = np.clip(params["spacing_atr"] * atr / close, LEAST_SPACING, MOST_SPACING)
    return Signals(
        direction=np.zeros(close.shape, dtype=np.int8),
        confidence=params["confidence"],
        ladder=Ladder(centre, spacing, levels=params["levels"], size=params["size"]),
    )


class Grid:
    """Buy below and sell above a moving centre; each level takes its profit one level back.

    It has no direction. The kernel places the ladder, stops it one spacing beyond its last level
    and adopts a new centre only when the price has left it.
    """

    name: ClassVar[str] = "grid"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS
    stepwise: ClassVar[Stepwise] = Stepwise(_keys, lambda _: 1, _opinion)

    def warmup(self, params: Params) -> int:
        """Return the bars after which centre and range have forgotten how they began."""
        return int(max(params["window"], 6 * params["atr_period"])) + 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return the ladder that would be placed now, on every row where it is known."""
        return opinions(panel, self.stepwise, params)
