"""The bars of one symbol as features read them, with the two columns many of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.window import deviation, ratio
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, OPEN

# Bars whose deviation is the yardstick of returns: a week of hours.
YARDSTICK = 168


@dataclass(frozen=True, slots=True, eq=False)
class SymbolBars:
    """R closed bars of one symbol without holes; every column is contiguous f8[R].

    Attributes:
        close_ms: i8[R], when each bar is known, UTC.
        open, high, low, close: prices; ``volume`` in base asset.
        funding_rate: sum of the rates settled during the bar.
        log_return: ln(close / previous close); NaN on the first row.
        log_deviation: ln of the standard deviation of the last 168 log returns, at least ln 1e-6;
            NaN before there are that many.
    """

    close_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    funding_rate: np.ndarray
    log_return: np.ndarray
    log_deviation: np.ndarray

    def __len__(self) -> int:
        return len(self.close)

    @classmethod
    def of(cls, close_ms: np.ndarray, columns: np.ndarray, begin: int = 0) -> SymbolBars:
        """Return bars from f8[6, R]: open, high, low, close, volume, funding rate.

        Args:
            close_ms: i8[R], strictly increasing.
            columns: no NaN, prices above zero.
            begin: the shared columns are worked out from this row on; the rows before stay NaN.
        """
        values = np.ascontiguousarray(columns, dtype=np.float64)
        log_return = np.full(values.shape[1], np.nan)
        log_deviation = np.full(values.shape[1], np.nan)
        _log_returns(values[3], log_return)
        _log_deviations(log_return, YARDSTICK, begin, log_deviation)
        first, high, low, close, volume, funding = values
        return cls(close_ms, first, high, low, close, volume, funding, log_return, log_deviation)


def bars_of(market: Market, n: int) -> tuple[SymbolBars, np.ndarray]:
    """Return the bars symbol ``n`` really has, and i8[R], the market row of each.

    A bar without all four prices is no bar. Windows then run over what was traded, as on a chart.
    """
    prices = market.bars[:, n, (OPEN, HIGH, LOW, CLOSE)]
    rows = np.flatnonzero(~np.isnan(prices).any(axis=1))
    columns = np.vstack(
        [prices[rows].T, market.volume[rows, n], np.nan_to_num(market.funding_rate[rows, n])]
    )
    return SymbolBars.of(market.close_ms[rows], columns), rows


@kernel
def _log_returns(close: np.ndarray, out: np.ndarray) -> None:
    for t in range(1, len(close)):
        out[t] = np.log(close[t] / close[t - 1])


@kernel
def _log_deviations(returns: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    for t in range(max(period, begin), len(returns)):
        # A market that stands still has no yardstick; a hundredth of a basis point is one.
        out[t] = np.log(max(deviation(returns, t - period + 1, t + 1), 1e-6))


@kernel
def scaled(log_change: float, log_deviation: float, bars: int) -> float:
    """Return a log price change in standard deviations of a change over ``bars`` bars."""
    return ratio(log_change, np.exp(log_deviation) * np.sqrt(float(bars)))
