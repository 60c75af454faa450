"""Volatility breakout: follow a move that is large against both the usual range and a floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from aster_ray.strategies.contract import (
    ColumnKey,
    Panel,
    Parameter,
    Params,
    Signals,
    Stepwise,
)
from aster_ray.strategies.parameters import none_at_zero
from aster_ray.strategies.series import rising, shifted
from aster_ray.strategies.stepwise import opinions

PARAMETERS = (
    Parameter("window", 6, 1, 200, integer=True, doc="bars over which a move is measured"),
    Parameter("atr_period", 24, 2, 200, integer=True, doc="bars of the average true range"),
    Parameter("breakout", 2.5, 0.5, 20, doc="least move, in ATR as it stood before the move"),
    Parameter("threshold", 0.03, 0, 0.5, doc="least move, as a fraction of the price"),
    Parameter("confirm_bars", 36, 1, 1000, integer=True, doc="bars within which a repeat confirms"),
    Parameter("first_units", 0.5, 0.1, 1, doc="part of the full size before confirmation"),
    Parameter("stop_atr", 3.0, 0.5, 20, doc="distance of the stop in ATR"),
    Parameter("take_profit", 0, 0, 2, doc="fraction of the entry price; 0 = none"),
)
# A stop nearer than this is noise, one farther is no stop.
NEAREST_STOP, FARTHEST_STOP = 0.005, 0.25


def _keys(params: Params) -> tuple[ColumnKey, ...]:
    return ("close", ()), ("atr", (params["atr_period"],))


def _memory(params: Params) -> int:
    """Return the bars back to the one before the earliest move that can confirm another."""
    return int(params["confirm_bars"]) + int(params["window"]) + 2


def _confirmed(events: np.ndarray, bars: int) -> np.ndarray:
    """Return bool[R, N]: this event has the direction of the one before, at most ``bars`` ago."""
    rows = np.arange(len(events))[:, None]
    latest = np.maximum.accumulate(np.where(events != 0, rows, -1), axis=0)
    before = np.full(events.shape, -1)
    before[1:] = latest[:-1]
    same = np.take_along_axis(events, np.maximum(before, 0), axis=0) == events
    confirmed: np.ndarray = (events != 0) & (before >= 0) & (rows - before <= bars) & same
    return confirmed


def _opinion(columns: Sequence[np.ndarray], params: Params) -> Signals:
    close, atr = columns
    window = int(params["window"])
    before = shifted(close, window)
    move = close - before
    reach = params["breakout"] * shifted(atr, window)
    floor = np.maximum(reach, params["threshold"] * before)
    event = rising(move > floor).astype(np.int8) - rising(move < -floor)
    surplus = np.abs(move) / np.where(floor > 0.0, floor, np.nan) - 1.0
    confirmed = _confirmed(event, int(params["confirm_bars"]))
    stop = params["stop_atr"] * atr / close
    return Signals(
        direction=event,
        confidence=np.clip(0.6 + 0.4 * surplus, 0.6, 1.0),
        stop_loss=np.clip(stop, NEAREST_STOP, FARTHEST_STOP),
        take_profit=none_at_zero(params["take_profit"]),
        exit_long=rising(move < -reach),
        exit_short=rising(move > reach),
        target_units=np.where(confirmed, 1.0, params["first_units"]),
    )


class Volatility:
    """Enter half on a breakout and the rest when it repeats; leave when one goes the other way.

    ``window`` makes the 3 % threshold fit the timeframe: 6 bars of 1h, 1 bar of 4h or longer.
    The trailing stop is the kernel's, by tiers of profit.
    """

    name: ClassVar[str] = "volatility"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS
    stepwise: ClassVar[Stepwise] = Stepwise(_keys, _memory, _opinion)

    def warmup(self, params: Params) -> int:
        """Return the bars after which the ATR has forgotten how it began."""
        return int(6 * params["atr_period"] + params["window"] + params["confirm_bars"]) + 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return an event on the bar a breakout begins, surer the larger the move."""
        return opinions(panel, self.stepwise, params)
