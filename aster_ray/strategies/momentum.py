"""Momentum: follow a cross of two exponential averages when the trend is strong enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from aster_ray.strategies.conditions import all_of, at_least, crosses
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
from aster_ray.strategies.series import shifted
from aster_ray.strategies.stepwise import opinions

PARAMETERS = (
    Parameter("fast", 21, 2, 200, integer=True, doc="bars of the fast average"),
    Parameter("slow", 84, 3, 500, integer=True, doc="bars of the slow average"),
    Parameter("adx_period", 14, 2, 100, integer=True, doc="bars of the trend strength"),
    Parameter("adx_min", 18, 0, 60, doc="ADX below which a cross is ignored"),
    Parameter("stop_loss", 0.03, 0, 0.5, doc="fraction of the entry price; 0 = none"),
    Parameter("take_profit", 0.12, 0, 2, doc="fraction of the entry price; 0 = none"),
)


def _keys(params: Params) -> tuple[ColumnKey, ...]:
    return (
        ("ema", (params["fast"],)),
        ("ema", (params["slow"],)),
        ("adx", (params["adx_period"],)),
    )


def _constants(params: Params) -> tuple[float, float, float]:
    """Return confidence, stop and take profit: the more strength demanded, the surer."""
    confidence = min(1.0, 0.5 + params["adx_min"] / 100.0)
    return confidence, none_at_zero(params["stop_loss"]), none_at_zero(params["take_profit"])


def _conditions(params: Params) -> tuple[Condition, ...]:
    fast, slow, strength = _keys(params)
    return (
        Condition("cross", (), (fast, slow)),
        Condition("strong", (params["adx_min"],), (strength,)),
    )


def _condition(condition: Condition, inputs: Sequence[np.ndarray]) -> np.ndarray:
    if condition.name == "cross":
        fast, slow = inputs
        return crosses(fast, slow)
    return at_least(inputs[0], condition.arguments[0])


def _opinion(columns: Sequence[np.ndarray], params: Params) -> Signals:
    fast, slow, strength = columns
    fast_before, slow_before = shifted(fast), shifted(slow)
    up = (fast_before <= slow_before) & (fast > slow)
    down = (fast_before >= slow_before) & (fast < slow)
    strong = strength >= params["adx_min"]
    confidence, stop_loss, take_profit = _constants(params)
    return Signals(
        direction=(up & strong).astype(np.int8) - (down & strong),
        confidence=confidence,
        stop_loss=stop_loss,
        take_profit=take_profit,
        exit_long=down,
        exit_short=up,
    )


class Momentum:
    """Enter on the bar of an EMA cross with a strong ADX; leave on the opposite cross."""

    name: ClassVar[str] = "momentum"
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS
    fused: ClassVar[Fused] = Fused(_conditions, column, _condition, all_of, _constants)
    stepwise: ClassVar[Stepwise] = Stepwise(_keys, lambda _: 2, _opinion)

    def warmup(self, params: Params) -> int:
        """Return the bars after which the slowest average has forgotten how it began."""
        return int(max(4 * params["slow"], 4 * params["fast"], 6 * params["adx_period"])) + 1

    def problems(self, params: Params) -> Sequence[str]:
        """Name what each parameter alone cannot show."""
        if params["fast"] < params["slow"]:
            return ()
        return (f"fast must be below slow, was {params['fast']:g} against {params['slow']:g}",)

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return an event on the bar of each cross."""
        return opinions(panel, self.stepwise, params)
