"""The indicator columns the built-in strategies read, by key, so that sweeps can share them.

Every column has one value per bar of a hole-free series and NaN until it is defined; a series too
short for its period gives only NaN. All are functions of (first bar, bars so far): cutting the
future off changes no bit, which TA-Lib's running sums hold and cumulative sums of numpy do not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import talib

from aster_ray.strategies.contract import ColumnKey, Series


def _close(series: Series) -> np.ndarray:
    return series.close


def _ema(series: Series, period: int) -> np.ndarray:
    return np.asarray(talib.EMA(series.close, timeperiod=period))


def _sma(series: Series, period: int) -> np.ndarray:
    return np.asarray(talib.SMA(series.close, timeperiod=period))


def _stddev(series: Series, period: int) -> np.ndarray:
    """Return the population deviation, as TA-Lib's BBANDS uses it."""
    return np.asarray(talib.STDDEV(series.close, timeperiod=period, nbdev=1.0))


def _rsi(series: Series, period: int) -> np.ndarray:
    return np.asarray(talib.RSI(series.close, timeperiod=period))


def _adx(series: Series, period: int) -> np.ndarray:
    return np.asarray(talib.ADX(series.high, series.low, series.close, timeperiod=period))


def _atr(series: Series, period: int) -> np.ndarray:
    return np.asarray(talib.ATR(series.high, series.low, series.close, timeperiod=period))


_COLUMNS: dict[str, Callable[..., np.ndarray]] = {
    "close": _close,
    "ema": _ema,
    "sma": _sma,
    "stddev": _stddev,
    "rsi": _rsi,
    "adx": _adx,
    "atr": _atr,
}


def column(key: ColumnKey, series: Series) -> np.ndarray:
    """Return the f8[R] column named by ``key``, e.g. ``("ema", (12.0,))``."""
    name, arguments = key
    return _COLUMNS[name](series, *(int(argument) for argument in arguments))
