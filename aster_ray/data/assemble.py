"""Put the series of several symbols on one grid, as the kernel wants them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.data.columns import BarTable, FundingTable, moment
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FUNDING, MARK_CLOSE, MARK_HIGH, MARK_LOW, OPEN, ROW_COLUMNS
from aster_ray.model.ids import DAY_MS

_MARK_COLUMNS = ((MARK_HIGH, 1), (MARK_LOW, 2), (MARK_CLOSE, 3))


class SymbolTables(NamedTuple):
    """What was found for one symbol, cut to the period of the run and its warm-up."""

    symbol: str
    bars: BarTable
    mark: BarTable | None
    funding: FundingTable | None
    notes: tuple[str, ...] = ()


class SymbolColumns(NamedTuple):
    """One symbol on its own times: f8[R, 8] rows of the kernel, rates, and what was missing."""

    rows: np.ndarray
    rate: np.ndarray
    notes: tuple[str, ...]


def assemble(tables: list[SymbolTables], timeframe_ms: int) -> Market:
    """Return the market on the union of all open times; a symbol is NaN where it has no bar."""
    grid = tables[0].bars.open_ms
    for table in tables[1:]:
        if not np.array_equal(grid, table.bars.open_ms):
            grid = np.union1d(grid, table.bars.open_ms)
    shape = (len(grid), len(tables))
    bars = np.full((*shape, ROW_COLUMNS), np.nan)
    volume, funding_rate = np.zeros(shape), np.zeros(shape)
    missing: list[str] = []
    for index, table in enumerate(tables):
        columns = symbol_columns(table)
        place = np.searchsorted(grid, table.bars.open_ms)
        bars[place, index] = columns.rows
        volume[place, index] = table.bars.values[:, 4]
        funding_rate[place, index] = columns.rate
        missing += [f"{table.symbol}: {note}" for note in (*table.notes, *columns.notes)]
    return Market(
        symbols=tuple(table.symbol for table in tables),
        timeframe_ms=timeframe_ms,
        open_ms=np.ascontiguousarray(grid),
        bars=bars,
        volume=volume,
        funding_rate=funding_rate,
        missing=tuple(missing),
    )


def symbol_columns(table: SymbolTables) -> SymbolColumns:
    """Join a symbol's bars with its mark prices and funding."""
    values = table.bars.values
    rows = np.zeros((len(values), ROW_COLUMNS))
    rows[:, OPEN : OPEN + 4] = values[:, :4]
    for column, source in _MARK_COLUMNS:
        rows[:, column] = values[:, source]
    mark_open = values[:, 0].copy()
    notes = _add_mark(table, rows, mark_open)
    rate, funding_notes = _settle(table, rows, mark_open)
    return SymbolColumns(rows, rate, (*notes, *funding_notes))


def _add_mark(table: SymbolTables, rows: np.ndarray, mark_open: np.ndarray) -> tuple[str, ...]:
    """Write mark prices over the last prices wherever the mark is known."""
    if table.mark is None:
        return ("no mark price, last price used",)
    common, ours, theirs = np.intersect1d(
        table.bars.open_ms, table.mark.open_ms, assume_unique=True, return_indices=True
    )
    for column, source in _MARK_COLUMNS:
        rows[ours, column] = table.mark.values[theirs, source]
    mark_open[ours] = table.mark.values[theirs, 0]
    absent = len(rows) - len(common)
    if not len(common):
        return ("no mark price in this period, last price used",)
    if absent:
        return (f"mark price missing on {absent} of {len(rows)} bars, last price used there",)
    return ()


def _settle(
    table: SymbolTables, rows: np.ndarray, mark_open: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Write the cash a unit pays into the bar that contains each settlement."""
    rate = np.zeros(len(rows))
    open_ms, length = table.bars.open_ms, table.bars.timeframe_ms
    if table.funding is None:
        return rate, ("no funding rates, none charged",)
    settled = table.funding.between(int(open_ms[0]), int(open_ms[-1]) + length)
    if not len(settled.rate):
        return rate, ("no funding rates in this period, none charged",)
    bar = np.searchsorted(open_ms, settled.settle_ms, side="right") - 1
    # A settlement inside a hole is still owed: the first bar after the hole pays it.
    bar += settled.settle_ms >= open_ms[bar] + length
    np.add.at(rate, bar, settled.rate)
    np.add.at(rows[:, FUNDING], bar, settled.rate * mark_open[bar])
    return rate, _funding_holes(settled.settle_ms, int(open_ms[0]), int(open_ms[-1]) + length)


def _funding_holes(settle_ms: np.ndarray, begin_ms: int, end_ms: int) -> tuple[str, ...]:
    """Name stretches of more than a day without a settlement (venues settle 3 to 24 times)."""
    edges = np.concatenate(([begin_ms], settle_ms, [end_ms]))
    holes = np.flatnonzero(np.diff(edges) > DAY_MS)
    return tuple(
        f"no funding rates from {moment(edges[hole])} to {moment(edges[hole + 1])}, none charged"
        for hole in holes[:3]
    ) + ((f"and {len(holes) - 3} more holes in funding",) if len(holes) > 3 else ())
