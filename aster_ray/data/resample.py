"""Bars of a longer timeframe out of a finer one."""

from __future__ import annotations

import numpy as np

from aster_ray.data.columns import BarTable
from aster_ray.errors import DataError
from aster_ray.kernel.bars import aggregate_bars
from aster_ray.model.ids import TIMEFRAMES, timeframe_name


def sources_of(timeframe_ms: int) -> tuple[int, ...]:
    """Return the finer timeframes that build this one, longest (fewest rows) first."""
    return tuple(
        sorted(
            (ms for ms in TIMEFRAMES.values() if ms < timeframe_ms and timeframe_ms % ms == 0),
            reverse=True,
        )
    )


def resample(table: BarTable, timeframe_ms: int) -> BarTable:
    """Return complete bars of ``timeframe_ms``; the table itself when it has that length."""
    if table.timeframe_ms == timeframe_ms:
        return table
    if table.timeframe_ms > timeframe_ms or timeframe_ms % table.timeframe_ms:
        raise DataError(
            f"{table.origin}: bars of {timeframe_name(table.timeframe_ms)} cannot become "
            f"{timeframe_name(timeframe_ms)}; ask for a multiple of them or import finer bars"
        )
    open_ms, values = aggregate_bars(
        np.ascontiguousarray(table.open_ms),
        np.ascontiguousarray(table.values),
        table.timeframe_ms,
        timeframe_ms,
    )
    return BarTable(
        f"{table.origin} ({timeframe_name(timeframe_ms)})", timeframe_ms, open_ms, values
    )
