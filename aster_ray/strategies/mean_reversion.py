"""Mean reversion: fade a close outside its Bollinger band, back to the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from aster_ray.strategies.conditions import beyond, first_of_all, outside_band
from aster_ray.strategies.contract import (
    ColumnKey,
    Condition,
    Fused,
    Panel,
    Parameter,
    Params,
    Signals,
    Stepwise,
)
from aster_ray.strategies.indicators import column
from aster_ray.strategies.parameters import none_at_zero
from aster_ray.strategies.series import rising
from aster_ray.strategies.stepwise import opinions

PARAMETERS = (
    Parameter("window", 20, 2, 500, integer=True, doc="bars of the middle band"),
    Parameter("width", 2.0, 0.5, 5, doc="distance of the outer bands in standard deviations"),
    Parameter("rsi_period", 14, 2, 100, integer=True, doc="bars of the RSI"),
    Parameter(
        "oversold", 30, 5, 50, doc="RSI below which a long is allowed; a short above 100 - it"
    ),
    Parameter("stop_loss", 0.03, 0, 0.5, doc="fraction of the entry price; 0 = none"),
    Parameter("take_profit", 0, 0, 2, doc="fraction of the entry price; 0 = none"),
)


def _keys(params: Params) -> tuple[ColumnKey, ...]:
    return (
        ("close", ()),
        ("sma", (params["window"],)),
        ("stddev", (params["window"],)),
        ("rsi", (params["rsi_period"],)),
    )


def _constants(params: Params) -> tuple[float, float, float]:
    """Return confidence, stop and take profit: the more extreme the RSI demanded, the surer."""
    confidence = min(1.0, 0.5 + (50.0 - params["oversold"]) / 100.0)
    return confidence, none_at_zero(params["stop_loss"]), none_at_zero(params["take_profit"])


def _conditions(params: Params) -> tuple[Condition, ...]:
    close, middle, deviation, rsi = _keys(params)
    return (
        Condition("outside", (params["width"],), (close, middle, deviation)),
        Condition("extreme", (params["oversold"],), (rsi,)),
    )


def _condition(condition: Condition, inputs: Sequence[np.ndarray]) -> np.ndarray:
    (argument,) = condition.arguments
    if condition.name == "outside":
        close, middle, deviation = inputs
        return outside_band(close, middle, deviation, argument)
    return beyond(inputs[0], argument, 100.0 - argument)


def _opinion(columns: Sequence[np.ndarray], params: Params) -> Signals:
    close, middle, deviation, rsi = columns
    reach = params["width"] * deviation
    low = rising((close < middle - reach) & (rsi < params["oversold"]))
    high = rising((close > middle + reach) & (rsi > 100.0 - params["oversold"]))
    confidence, stop_loss, take_profit = _constants(params)
    return Signals(
        direction=low.astype(np.int8) - high,
        confidence=confidence,
        stop_loss=stop_loss,
        take_profit=take_profit,
        exit_long=rising(close >= middle),
        exit_short=rising(close <= middle),
    )


class MeanReversion:
    """Buy a fall out of the lower band while oversold, leave at the middle; mirrored."""

    name: ClassVar[str] = "mean_reversion"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS
    fused: ClassVar[Fused] = Fused(_conditions, column, _condition, first_of_all, _constants)
    stepwise: ClassVar[Stepwise] = Stepwise(_keys, lambda _: 2, _opinion)

    def warmup(self, params: Params) -> int:
        """Return the bars after which the RSI has forgotten how it began."""
        return int(max(params["window"], 6 * params["rsi_period"])) + 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return an event on the bar that enters an extreme and on the one that ends it."""
        return opinions(panel, self.stepwise, params)
