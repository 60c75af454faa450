"""The recorded market the exchange lives through, in ticks, lots and the exchange's own time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aster_ray.errors import BadInputError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, OPEN
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.instrument import Instrument
from aster_ray.venues.simulator.contract import Contract, contract_of
from aster_ray.venues.simulator.listing import INTEREST_RATE
from aster_ray.venues.simulator.path import TickBar


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Bars of N contracts; rows before ``start`` are history, the others are played.

    Attributes:
        open_ms: open times of the rows on the exchange's clock.
        bar_ms: length of a row.
        ticks: i4[T, N, 4] open, high, low, close; -1 where a contract has no bar.
        lots: i8[T, N].
        index: i8[T, N] in units, at the close of each row.
        funding: i4[T, N], the rate in units that settles in a row.
    """

    contracts: tuple[Contract, ...]
    open_ms: np.ndarray
    bar_ms: int
    start: int
    ticks: np.ndarray
    lots: np.ndarray
    index: np.ndarray
    funding: np.ndarray

    def bar(self, row: int, n: int) -> TickBar | None:
        """Return what contract ``n`` did in a row, None where it has no bar."""
        opened, high, low, close = (int(price) for price in self.ticks[row, n])
        if opened <= 0:
            return None
        return TickBar(opened, high, low, close, int(self.lots[row, n]))

    def rate_at(self, ms: int, n: int) -> int:
        """Return the funding rate of contract ``n`` that settles at a moment."""
        row = int(np.searchsorted(self.open_ms, ms, side="right")) - 1
        inside = 0 <= row < len(self.open_ms) and ms < self.open_ms[row] + self.bar_ms
        return int(self.funding[row, n]) if inside else INTEREST_RATE

    def since_ms(self, n: int) -> int:
        """Return when the first bar of contract ``n`` opens."""
        return int(self.open_ms[int(np.argmax(self.ticks[:, n, 0] > 0))])

    def between(self, first_ms: int, beyond_ms: int) -> slice:
        """Return the rows that open within ``[first_ms, beyond_ms)``."""
        first, beyond = np.searchsorted(self.open_ms, [first_ms, beyond_ms])
        return slice(int(first), int(max(first, beyond)))

    def trades(self, n: int, first_ms: int, beyond_ms: int) -> np.ndarray:
        """Return the bars that open within a span, i8[T, 10] in the columns of ``Candle``.

        Who took is not recorded, so half of the volume counts as bought.
        """
        rows = self.between(first_ms, beyond_ms)
        prices, lots = self.ticks[rows, n], self.lots[rows, n]
        have = np.flatnonzero(prices[:, 0] > 0)
        prices, lots = prices[have].astype(np.int64), lots[have]
        quote = lots * (prices.sum(axis=1) // 4) * self.contracts[n].value
        columns = [self.open_ms[rows][have], *prices.T, lots, quote, np.ones_like(lots)]
        return np.column_stack([*columns, lots // 2, quote // 2])

    def indices(self, n: int, first_ms: int, beyond_ms: int) -> np.ndarray:
        """Return the index within a span as candles in units, i8[T, 10], without volume."""
        rows = self.between(first_ms, beyond_ms)
        close = self.index[rows, n]
        have = np.flatnonzero(close > 0)
        if not len(have):
            return np.empty((0, 10), dtype=np.int64)
        earlier = max(rows.start - 1, 0)
        before = self.index[earlier : earlier + 1, n]
        close = close[have]
        opened = np.concatenate([np.where(before > 0, before, close[:1]), close[:-1]])
        nothing = np.zeros_like(close)
        prices = [opened, np.maximum(opened, close), np.minimum(opened, close), close]
        return np.column_stack([self.open_ms[rows][have], *prices, *([nothing] * 5)])

    def settlements(self, n: int, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """Return (ms, rate in units) of the funding settled within ``[start_ms, end_ms]``."""
        interval = self.contracts[n].instrument.funding_interval_ms
        first = max(start_ms, int(self.open_ms[0]))
        times = range(-(-first // interval) * interval, end_ms + 1, interval)
        return [(ms, self.rate_at(ms, n)) for ms in times]


def tape_of(
    market: Market, instruments: Sequence[Instrument], start: int, offset_ms: int = 0
) -> Tape:
    """Express recorded bars in the exchange's arithmetic.

    Args:
        market: bars of whole minutes.
        instruments: one per symbol of the market, in its order.
        start: first row to be played.
        offset_ms: added to every recorded time.

    Raises:
        BadInputError: no row is left to play, or bars are not of whole minutes.
    """
    if not 0 < start < len(market):
        raise BadInputError(
            f"the exchange needs at least one bar before its start and one after; the recording "
            f"has {len(market)} bars and would start at number {start}"
        )
    if market.timeframe_ms % MINUTE_MS:
        raise BadInputError(f"bars of {market.timeframe_ms} ms cannot be played: use whole minutes")
    contracts = tuple(contract_of(instrument) for instrument in instruments)
    tick = np.array([float(instrument.tick) for instrument in instruments])
    lot = np.array([float(instrument.lot) for instrument in instruments])
    prices = market.bars[:, :, [OPEN, HIGH, LOW, CLOSE]] / tick[None, :, None]
    marks = np.where(
        np.isnan(market.bars[:, :, MARK_CLOSE]),
        market.bars[:, :, CLOSE],
        market.bars[:, :, MARK_CLOSE],
    )
    recorded = np.any(market.funding_rate != 0.0, axis=0)
    funding = np.where(recorded[None, :], market.funding_rate * 1e8, INTEREST_RATE)
    return Tape(
        contracts=contracts,
        open_ms=market.open_ms + offset_ms,
        bar_ms=market.timeframe_ms,
        start=start,
        ticks=_small(np.maximum(_whole(prices, -1.0), np.where(np.isnan(prices), -1, 1))),
        lots=_whole(market.volume / lot[None, :], 0.0),
        index=_whole(marks * 1e8, 0.0),
        funding=_small(_whole(funding, 0.0)),
    )


def _whole(values: np.ndarray, missing: float) -> np.ndarray:
    rounded: np.ndarray = np.rint(np.where(np.isnan(values), missing, values)).astype(np.int64)
    return rounded


def _small(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in half the memory.

    Raises:
        BadInputError: one is too large for it.
    """
    if values.size and int(np.abs(values).max()) > np.iinfo(np.int32).max:
        raise BadInputError("a recorded price is more than 2147483647 ticks: it cannot be played")
    return values.astype(np.int32)
