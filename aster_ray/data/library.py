"""What a place that holds market data can tell and give, whether a folder or a catalog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np

from aster_ray.data.columns import BarTable, FundingTable, moment
from aster_ray.errors import DataError
from aster_ray.model.ids import TIMEFRAMES

BARS, MARK, FUNDING = "bars", "mark", "funding"
KINDS = (BARS, MARK, FUNDING)
PERPETUAL, SPOT = "um", "spot"
MARKETS = (PERPETUAL, SPOT)


class SeriesKey(NamedTuple):
    """Which series: ``timeframe`` is empty for funding."""

    venue: str
    market: str
    symbol: str
    kind: str
    timeframe: str

    @property
    def timeframe_ms(self) -> int:
        """Return the length of a bar; zero for funding."""
        return TIMEFRAMES.get(self.timeframe, 0)

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


class Entry(NamedTuple):
    """One series on the shelf: its name, size and first and last time."""

    venue: str
    market: str
    symbol: str
    kind: str
    timeframe: str
    rows: int
    first_ms: int
    last_ms: int


class Library(Protocol):
    """A folder of files or a catalog."""

    def series(self) -> tuple[SeriesKey, ...]:
        """Return the name of every series, sorted."""
        ...

    def entries(self) -> tuple[Entry, ...]:
        """Return every series with its extent."""
        ...

    def bars(self, key: SeriesKey, begin_ms: int | None, end_ms: int | None) -> BarTable:
        """Return checked bars; rows outside the period may be left out, never any inside it."""
        ...

    def funding(self, key: SeriesKey) -> FundingTable:
        """Return checked settlements."""
        ...


def join_bars(pieces: list[BarTable], origin: str) -> BarTable:
    """Put checked pieces of one series together; where they overlap they must agree."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece.open_ms for piece in pieces])
    values = np.concatenate([piece.values for piece in pieces])
    kept = _agreeing_rows(times, values, origin, [piece.origin for piece in pieces])
    return BarTable(origin, pieces[0].timeframe_ms, times[kept], values[kept])


def join_funding(pieces: list[FundingTable], origin: str) -> FundingTable:
    """Put checked pieces of one contract's funding together; overlaps must agree."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece.settle_ms for piece in pieces])
    rates = np.concatenate([piece.rate for piece in pieces])
    kept = _agreeing_rows(times, rates[:, None], origin, [piece.origin for piece in pieces])
    return FundingTable(origin, times[kept], rates[kept])


def _agreeing_rows(
    times: np.ndarray, values: np.ndarray, origin: str, names: Iterable[str]
) -> np.ndarray:
    """Return the row numbers in time order, each time once."""
    order = np.argsort(times, kind="stable")
    repeated = np.diff(times[order]) == 0
    before, after = order[:-1][repeated], order[1:][repeated]
    differ = (values[before] != values[after]).any(axis=1)
    if differ.any():
        where = times[after[int(np.argmax(differ))]]
        raise DataError(
            f"{origin}: {' and '.join(names)} disagree at {moment(where)} (ts {where}) and "
            f"{np.count_nonzero(differ) - 1} other times; keep the one you trust"
        )
    return order[np.concatenate(([True], ~repeated))]
