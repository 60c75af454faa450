"""The indicator columns the built-in strategies read, by key, so that sweeps can share them.

Every column has one value per bar of a hole-free series and NaN until it is defined; a series too
short for its period gives only NaN. All are functions of (first bar, bars so far): cutting the
future off changes no bit, which TA-Lib's running sums hold and cumulative sums of numpy do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import talib
from talib import InsufficientHistory, stream  # type: ignore[attr-defined]

from aster_ray.strategies.contract import ColumnKey, Series


class _Form(NamedTuple):
    """How TA-Lib is asked for a column."""

    function: str
    inputs: tuple[str, ...]
    fixed: Mapping[str, float] = {}


_FORMS: Mapping[str, _Form] = {
    "ema": _Form("EMA", ("close",)),
    "sma": _Form("SMA", ("close",)),
    "stddev": _Form("STDDEV", ("close",), {"nbdev": 1.0}),  # of the population, as BBANDS has it
    "rsi": _Form("RSI", ("close",)),
    "adx": _Form("ADX", ("high", "low", "close")),
    "atr": _Form("ATR", ("high", "low", "close")),
}
_CLOSE = _Form("", ("close",))


def column(key: ColumnKey, series: Series) -> np.ndarray:
    """Return the f8[R] column named by ``key``, e.g. ``("ema", (12.0,))``."""
    if key[0] == "close":
        return series.close
    return _column(key, [getattr(series, name) for name in inputs_of(key)])


def _column(key: ColumnKey, prices: list[np.ndarray]) -> np.ndarray:
    form, (period,) = _FORMS[key[0]], key[1]
    return np.asarray(getattr(talib, form.function)(*prices, timeperiod=int(period), **form.fixed))


def inputs_of(key: ColumnKey) -> tuple[str, ...]:
    """Return which prices a column is made of, in the order ``carried`` wants them."""
    return _CLOSE.inputs if key[0] == "close" else _FORMS[key[0]].inputs


def carried(key: ColumnKey, series: Series) -> Callable[..., float]:
    """Return what takes the prices of the bar after ``series``, and of each later one, in turn.

    It answers the value ``column`` would have there, bit for bit, without looking back: TA-Lib's
    streams carry the state of its functions on.
    """
    if key[0] == "close":
        return float
    prices = [getattr(series, name) for name in inputs_of(key)]
    opened = _open(key, prices)
    if opened is None:
        return _Young(key, [column.tolist() for column in prices]).update
    update: Callable[..., float] = opened.update
    return update


def _open(key: ColumnKey, prices: list[np.ndarray]) -> Any:
    """Return a stream of TA-Lib at the end of ``prices``; ``None`` while they are too few."""
    form, (period,) = _FORMS[key[0]], key[1]
    kind = getattr(stream, form.function)
    try:
        return kind(*prices, timeperiod=int(period), **form.fixed)
    except InsufficientHistory:
        return None


class _Young:
    """A column that has too few bars to be carried: it keeps them until they are enough."""

    def __init__(self, key: ColumnKey, prices: list[list[float]]) -> None:
        self._key = key
        self._prices = prices
        self._stream: Any = None

    def update(self, *prices: float) -> float:
        """Take one bar and return the value of the column there."""
        if self._stream is not None:
            return float(self._stream.update(*prices))
        for known, price in zip(self._prices, prices, strict=True):
            known.append(price)
        columns = [np.array(known) for known in self._prices]
        self._stream = _open(self._key, columns)
        if self._stream is not None:
            self._prices = []
            return float(self._stream.value)
        return float(_column(self._key, columns)[-1])
