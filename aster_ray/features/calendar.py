"""What the clock and the funding schedule say at a bar's close."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.bars import SymbolBars
from aster_ray.features.feature import Feature, empty
from aster_ray.features.window import total

_HOUR_MS = 3_600_000.0
# The epoch was a Thursday: three days after Monday.
_MONDAY_MS = 4.0 * 24.0 * _HOUR_MS


@kernel
def _circle(
    close_ms: np.ndarray, period_ms: float, origin_ms: float, is_sine: bool, out: np.ndarray
) -> None:
    for t in range(len(close_ms)):
        angle = 2.0 * np.pi * (((close_ms[t] - origin_ms) % period_ms) / period_ms)
        out[t] = np.sin(angle) if is_sine else np.cos(angle)


@kernel
def _sums(values: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    for t in range(begin, len(values)):
        out[t] = total(values, t - period + 1, t + 1)


def _clock(period_ms: float, origin_ms: float, is_sine: bool) -> Callable[..., np.ndarray]:
    def column(series: SymbolBars, begin: int) -> np.ndarray:
        out = empty(series)
        _circle(series.close_ms[begin:], period_ms, origin_ms, is_sine, out[begin:])
        return out

    return column


def _funding_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _sums(series.funding_rate, 24, max(begin, 23), out)
    return out * 1e4


def _hand(name: str, function: str, period: str, milliseconds: float, origin: float) -> Feature:
    return Feature(
        name=name,
        group="calendar",
        lookback=1,
        formula=f"{function} of the close's part of the UTC {period}",
        source="seasonality on a circle",
        column=_clock(milliseconds, origin, function == "sine"),
    )


FEATURES = (
    Feature(
        name="funding_24",
        group="calendar",
        lookback=24,
        formula="sum of the funding rates settled in 24 bars, in basis points",
        source="what a long paid",
        column=_funding_column,
    ),
    _hand("hour_sine", "sine", "day", 24.0 * _HOUR_MS, 0.0),
    _hand("hour_cosine", "cosine", "day", 24.0 * _HOUR_MS, 0.0),
    _hand("week_sine", "sine", "week from Monday", 168.0 * _HOUR_MS, _MONDAY_MS),
    _hand("week_cosine", "cosine", "week from Monday", 168.0 * _HOUR_MS, _MONDAY_MS),
)
