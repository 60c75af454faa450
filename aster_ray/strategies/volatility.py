"""Volatility breakout: follow a move that is large against both the usual range and a floor."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from aster_ray.strategies.contract import Panel, Parameter, Params, Signals
from aster_ray.strategies.indicators import column
from aster_ray.strategies.parameters import none_at_zero
from aster_ray.strategies.series import rising, series_of, shifted, spread

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


def _confirmed(events: np.ndarray, bars: int) -> np.ndarray:
    """Return bool[R]: this event has the direction of the one before, at most ``bars`` ago."""
    found = np.flatnonzero(events)
    result = np.zeros(len(events), dtype=np.bool_)
    near = np.diff(found) <= bars
    result[found[1:]] = near & (events[found[1:]] == events[found[:-1]])
    return result


class Volatility:
    """Enter half on a breakout and the rest when it repeats; leave when one goes the other way.

    ``window`` makes the 3 % threshold fit the timeframe: 6 bars of 1h, 1 bar of 4h or longer.
    The trailing stop is the kernel's, by tiers of profit.
    """

    name: ClassVar[str] = "volatility"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS

    def warmup(self, params: Params) -> int:
        """Return the bars after which the ATR has forgotten how it began."""
        return int(6 * params["atr_period"] + params["window"] + params["confirm_bars"]) + 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return an event on the bar a breakout begins, surer the larger the move."""
        shape = panel.close.shape
        direction = np.zeros(shape, dtype=np.int8)
        exit_long, exit_short = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        confidence, stop_loss, units = np.full(shape, 0.5), np.full(shape, np.nan), np.ones(shape)
        window, threshold = int(params["window"]), params["threshold"]
        for n in range(len(panel.symbols)):
            series, rows = series_of(panel, n)
            atr = column(("atr", (params["atr_period"],)), series)
            before = shifted(series.close, window)
            move = series.close - before
            reach = params["breakout"] * shifted(atr, window)
            floor = np.maximum(reach, threshold * before)
            event = rising(move > floor).astype(np.int8) - rising(move < -floor)
            spread(event, rows, direction[:, n])
            spread(rising(move < -reach), rows, exit_long[:, n])
            spread(rising(move > reach), rows, exit_short[:, n])
            surplus = np.abs(move) / np.where(floor > 0.0, floor, np.nan) - 1.0
            spread(np.clip(0.6 + 0.4 * surplus, 0.6, 1.0), rows, confidence[:, n])
            stop = params["stop_atr"] * atr / series.close
            spread(np.clip(stop, NEAREST_STOP, FARTHEST_STOP), rows, stop_loss[:, n])
            confirmed = _confirmed(event, int(params["confirm_bars"]))
            spread(np.where(confirmed, 1.0, params["first_units"]), rows, units[:, n])
        return Signals(
            direction=direction,
            confidence=confidence,
            stop_loss=stop_loss,
            take_profit=none_at_zero(params["take_profit"]),
            exit_long=exit_long,
            exit_short=exit_short,
            target_units=units,
        )
