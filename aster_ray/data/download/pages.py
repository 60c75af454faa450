"""Ask a venue for pages of a series: patiently, within its limits, and believing no absence once.

A page is what one request answers. Venues cut pages short, skip what they do not have, and answer
nothing where nothing traded; so a page's length says nothing about what comes after it, and every
hole is asked for a second time before it counts as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aster_ray.data.columns import BarTable, FundingTable, Table
from aster_ray.data.library import FUNDING, MARK, SeriesKey
from aster_ray.data.validate import check_bars, check_funding
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import AsterError, DataError, OutcomeUnknownError, RetryableError
from aster_ray.model.ids import DAY_MS

T = TypeVar("T")
Advance = Callable[[int], None]
Span = tuple[int, int]

# Aster and Binance charge 1, 2, 5 and 10 for up to 99, 499, 1000 and 1500 bars: 499 bars give the
# most for the weight. Venues with smaller pages answer what they like.
BAR_PAGE = 499
FUNDING_PAGE = 1000
# Where a venue answers nothing it may have nothing for this long, or nothing at all any more.
_EMPTY_FUNDING_MS = 30 * DAY_MS


class SilentVenueError(AsterError):
    """A venue that stopped answering, however patiently it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a request is repeated, and after which pauses (doubled up to the longest)."""

    attempts: int = 8
    first_s: float = 0.5
    longest_s: float = 30.0

    def pause_s(self, failures: int, asked_ms: int | None) -> float:
        """Return the pause after so many failures; a venue that names one is obeyed."""
        if asked_ms is not None:
            return asked_ms / 1000.0
        return float(min(self.first_s * 2.0 ** (failures - 1), self.longest_s))


@dataclass(slots=True)
class Pages:
    """Asks one venue.

    Attributes:
        requests, retries, rows: counted over all series, for the report.
    """

    client: MarketClient
    patience: Patience = field(default_factory=Patience)
    requests: int = 0
    retries: int = 0
    rows: int = 0

    async def ask(self, call: Callable[[], Awaitable[T]], patience: Patience | None = None) -> T:
        """Return the answer to a question, asked again while that may help.

        Raises:
            SilentVenueError: it did not help.
        """
        patience = patience or self.patience
        for failures in range(1, patience.attempts + 1):
            self.requests += 1
            try:
                return await call()
            except (RetryableError, OutcomeUnknownError) as error:
                # A question changes nothing: what became of it does not matter.
                if failures == patience.attempts:
                    tries = f"{failures} tries" if failures > 1 else "1 try"
                    raise SilentVenueError(f"{error}, after {tries}") from error
                self.retries += 1
                asked_ms = getattr(error, "retry_after_ms", None)
                await asyncio.sleep(patience.pause_s(failures, asked_ms))
        raise AssertionError("a loop of at least one attempt")

    async def page(self, key: SeriesKey, since_ms: int, limit: int) -> Table:
        """Return one checked page: rows at or after ``since_ms``, ascending.

        Raises:
            DataError: what came cannot be trusted.
        """
        rows: Sequence[Sequence[float]]
        client, symbol = self.client, key.symbol
        if key.kind == FUNDING:
            rows = await self.ask(lambda: client.funding_rates(symbol, since_ms, limit))
        else:
            ask = client.mark_bars if key.kind == MARK else client.bars
            rows = await self.ask(lambda: ask(symbol, key.timeframe_ms, since_ms, limit))
        table = table_of(key, rows)
        if len(table.times):
            _check(table, client.name)
        self.rows += len(table.times)
        return table.between(since_ms, 1 << 62)

    async def between(self, key: SeriesKey, span: Span, advance: Advance) -> Table:
        """Return every row the venue has within ``span``; holes were asked for twice."""
        pieces = [empty(key)]
        cursor = span[0]
        while cursor < span[1]:
            limit = _limit(key, span[1] - cursor)
            page = await self.page(key, cursor, limit)
            pieces.append(page)
            reached = _reached(key, page, cursor, limit)
            advance(min(reached, span[1]) - cursor)
            cursor = reached
        found = joined(key, pieces).between(*span)
        late = await self.absent(key, found, span)
        return joined(key, [found, late])

    async def absent(self, key: SeriesKey, found: Table, span: Span) -> Table:
        """Ask again for whatever ``found`` lacks within ``span``; return what came after all."""
        pieces = [empty(key)]
        missing = missing_times(key, found, span)
        place = 0
        while place < len(missing):
            since = int(missing[place])
            # No further than the last hole: a page costs by its rows.
            limit = _limit(key, int(missing[-1]) + 1 - since)
            page = await self.page(key, since, limit)
            pieces.append(page)
            reached = max(_reached(key, page, since, limit), since + 1)
            place = int(np.searchsorted(missing, reached))
        return joined(key, pieces).between(*span)


def empty(key: SeriesKey) -> Table:
    """Return a table of a series without rows."""
    return table_of(key, ())


def table_of(key: SeriesKey, rows: Sequence[Sequence[float]]) -> Table:
    """Return rows of a client as a table."""
    times = np.array([row[0] for row in rows], dtype=np.int64)
    if key.kind == FUNDING:
        return FundingTable(str(key), times, np.array([row[1] for row in rows], dtype=np.float64))
    cells = np.array([row[1:6] for row in rows], dtype=np.float64).reshape(len(rows), 5)
    return BarTable(str(key), key.timeframe_ms, times, cells)


def missing_times(key: SeriesKey, found: Table, span: Span) -> np.ndarray:
    """Return the times within ``span`` at which a row should be and is not, i8[M], ascending.

    Funding has no grid of its own: a step half as long again as those beside it is a hole.
    """
    if key.kind != FUNDING:
        grid = np.arange(span[0], span[1], key.timeframe_ms, dtype=np.int64)
        return np.setdiff1d(grid, found.times, assume_unique=True)
    times = found.between(*span).times
    if len(times) < 3:
        return np.zeros(0, np.int64)
    steps = np.diff(times)
    usual = np.maximum(*_beside(steps))
    holes = [
        np.arange(times[row] + usual[row], times[row + 1] - usual[row] // 2, usual[row])
        for row in np.flatnonzero(steps > 1.5 * usual)
    ]
    last = int(times[-1]) + int(steps[-1])
    tail = np.arange(last, span[1] - int(steps[-1]) // 2, int(steps[-1]), dtype=np.int64)
    found_missing: np.ndarray = np.concatenate([*holes, tail]).astype(np.int64)
    return found_missing


def _beside(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of the three steps before and of those after each of at least two steps."""
    front, back = np.resize(steps[1:4], 3), np.resize(steps[-4:-1], 3)
    threes = np.median(sliding_window_view(np.concatenate((front, steps, back)), 3), axis=1)
    return threes[: len(steps)], threes[4:]


def _limit(key: SeriesKey, length_ms: int) -> int:
    if key.kind == FUNDING:
        return FUNDING_PAGE
    return max(1, min(BAR_PAGE, -(-length_ms // key.timeframe_ms)))


def _reached(key: SeriesKey, page: Table, since_ms: int, limit: int) -> int:
    """Return the time up to which a page tells what there is."""
    if len(page.times):
        return int(page.times[-1]) + (key.timeframe_ms or 1)
    return since_ms + (limit * key.timeframe_ms or _EMPTY_FUNDING_MS)


def joined(key: SeriesKey, pieces: Sequence[Table]) -> Table:
    """Return the rows of all pieces in time order, the first of each time."""
    times = np.concatenate([piece.times for piece in pieces])
    cells = np.concatenate([piece.cells for piece in pieces])
    unique, rows = np.unique(times, return_index=True)
    return empty(key).holding(unique, cells[rows])


def _check(table: Table, venue: str) -> None:
    try:
        if isinstance(table, FundingTable):
            check_funding(table)
        else:
            check_bars(table)
    except DataError as error:
        raise DataError(f"{venue} sent what cannot be true: {error}") from error
