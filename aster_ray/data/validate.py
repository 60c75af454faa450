"""What makes bars untrustworthy (errors) and what a reader should know about them (a report).

Errors: disorder, duplicates, times off the grid, NaN, prices that are not positive, an impossible
open/high/low/close, a negative volume. Gaps, bars without volume and price jumps are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from aster_ray.data.columns import BAR_NAMES, CLOSE, VOLUME, BarTable, FundingTable, moment
from aster_ray.errors import DataError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE as MARKET_CLOSE
from aster_ray.model.ids import timeframe_name

# A move is an outlier when it is both large and out of all proportion to the series' usual one.
JUMP_RETURN, JUMP_MULTIPLE = 0.2, 20.0
MOST_LISTED = 5
# Funding is capped near 3 % by the venues; ten times that is a percent mistaken for a fraction.
MAX_FUNDING_RATE = 0.3
# Milliseconds of 2001 to 2100: seconds and microseconds fall outside.
_EARLIEST_MS, _LATEST_MS = 978_307_200_000, 4_102_444_800_000


class Gap(NamedTuple):
    """Bars that are not there: the first missing open time and how many."""

    open_ms: int
    bars: int


class Jump(NamedTuple):
    """A suspicious close: its bar and the simple return that led to it."""

    open_ms: int
    change: float


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What one series is like, after it passed the checks that end a run."""

    origin: str
    timeframe: str
    rows: int
    first_ms: int
    last_ms: int
    gap_count: int
    missing_bars: int
    largest_gap: Gap | None
    zero_volume_bars: int
    jump_count: int
    jumps: tuple[Jump, ...]  # the largest few

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence per finding."""
        found = []
        if self.largest_gap is not None:
            found.append(
                f"{self.missing_bars} bars missing in {self.gap_count} gaps, the longest "
                f"{self.largest_gap.bars} bars from {moment(self.largest_gap.open_ms)}"
            )
        if self.zero_volume_bars:
            found.append(f"{self.zero_volume_bars} bars without volume")
        if self.jump_count:
            found.append(describe_jumps(self.jumps, self.jump_count))
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "warnings": list(self.warnings())}


def check_bars(table: BarTable) -> None:
    """Raise DataError at the first untrustworthy row."""
    _check_times(table.origin, table.open_ms, table.timeframe_ms)
    values = table.values
    _check_cells(table, "is not a number", ~np.isfinite(values))
    _check_cells(table, "is not positive", values[:, :VOLUME] <= 0.0)
    negative = values[:, VOLUME] < 0.0
    if negative.any():
        _refuse(table, int(np.argmax(negative)), VOLUME, ("is negative", negative))
    opened, high, low, close = (values[:, column] for column in range(VOLUME))
    low_wrong = low > np.minimum(opened, close)
    high_wrong = high < np.maximum(opened, close)
    impossible = low_wrong | high_wrong
    if impossible.any():
        row = int(np.argmax(impossible))
        column = 2 if low_wrong[row] else 1
        rule = "is above open or close" if low_wrong[row] else "is below open or close"
        _refuse(table, row, column, (rule, impossible))


def _check_cells(table: BarTable, rule: str, wrong: Any) -> None:
    """Refuse the first row with a cell marked in ``wrong``, b1[R, columns]."""
    if wrong.any():
        offenders = wrong.any(axis=1)
        row = int(np.argmax(offenders))
        _refuse(table, row, int(np.argmax(wrong[row])), (rule, offenders))


def _refuse(table: BarTable, row: int, column: int, problem: tuple[str, np.ndarray]) -> None:
    rule, offenders = problem
    count = int(np.count_nonzero(offenders))
    raise DataError(
        f"{table.origin}: row {row + 1} ({moment(table.open_ms[row])}) has {BAR_NAMES[column]} "
        f"{table.values[row, column]:.10g}, which {rule}; {count} such row{'s' * (count != 1)} of "
        f"{len(offenders)}. Remove or repair them, or fetch the file again"
    )


def _check_times(origin: str, times: np.ndarray, timeframe_ms: int) -> None:
    """Raise DataError unless times strictly increase and, for bars, lie on their grid."""
    if len(times) == 0:
        raise DataError(f"{origin}: there is not one row in it; remove it or fetch it again")
    strange = (times < _EARLIEST_MS) | (times > _LATEST_MS)
    if strange.any():
        row = int(np.argmax(strange))
        raise DataError(
            f"{origin}: row {row + 1} has ts {times[row]}, which is not a UTC time in milliseconds "
            f"between 2001 and 2100; {np.count_nonzero(strange)} such rows. Convert the column"
        )
    step = np.diff(times)
    for rule, offenders in (
        ("repeats the time of the row before it", step == 0),
        ("is earlier than the row before it", step < 0),
    ):
        if offenders.any():
            row = int(np.argmax(offenders)) + 1
            raise DataError(
                f"{origin}: row {row + 1} ({moment(times[row])}, ts {times[row]}) {rule}; "
                f"{np.count_nonzero(offenders)} such rows of {len(times)}. Sort the file by ts and "
                "keep one row per time"
            )
    off_grid = times % timeframe_ms != 0 if timeframe_ms else np.zeros(1, np.bool_)
    if off_grid.any():
        row = int(np.argmax(off_grid))
        raise DataError(
            f"{origin}: row {row + 1} ({moment(times[row])}, ts {times[row]}) does not open on the "
            f"{timeframe_name(timeframe_ms)} grid; {np.count_nonzero(off_grid)} such rows of "
            f"{len(times)}. Check that the file's name states its timeframe and ts its open times"
        )


def check_funding(table: FundingTable) -> None:
    """Raise DataError at the first untrustworthy settlement."""
    _check_times(table.origin, table.settle_ms, 0)
    wrong = ~(np.abs(table.rate) <= MAX_FUNDING_RATE)  # also true for NaN
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{table.origin}: row {row + 1} ({moment(table.settle_ms[row])}) has rate "
            f"{table.rate[row]:.10g}, which is not a fraction within +-{MAX_FUNDING_RATE}; "
            f"{np.count_nonzero(wrong)} such rows of {len(wrong)}. Write 0.01 % as 0.0001"
        )


def find_gaps(table: BarTable) -> tuple[Gap, ...]:
    """Return every hole between the first and the last bar."""
    missing = np.diff(table.open_ms) // table.timeframe_ms - 1
    return tuple(
        Gap(int(table.open_ms[row]) + table.timeframe_ms, int(missing[row]))
        for row in np.flatnonzero(missing > 0)
    )


def find_jumps(table: BarTable) -> tuple[Jump, ...]:
    """Return closes that moved by 20 % and by 20 times the series' usual move, largest first."""
    close = table.values[:, CLOSE]
    change = close[1:] / close[:-1] - 1.0
    if len(change) == 0:
        return ()
    size = np.abs(change)
    suspicious = np.flatnonzero(size > max(JUMP_RETURN, JUMP_MULTIPLE * float(np.median(size))))
    ranked = suspicious[np.argsort(-size[suspicious], kind="stable")]
    return tuple(Jump(int(table.open_ms[row + 1]), float(change[row])) for row in ranked)


def describe_jumps(jumps: Sequence[Jump], count: int) -> str:
    """Return one sentence: how many of ``count`` price jumps there are, and the largest few."""
    worst = ", ".join(f"{jump.change:+.1%} at {moment(jump.open_ms)}" for jump in jumps)
    return f"{count} price jump{'s' * (count != 1)} out of proportion: {worst}"


def jump_notes(market: Market) -> tuple[str, ...]:
    """Return a sentence per symbol whose closes jump out of proportion in the bars of a run."""
    found = []
    for n, symbol in enumerate(market.symbols):
        there = ~np.isnan(market.bars[:, n, MARKET_CLOSE])
        values = np.zeros((int(there.sum()), len(BAR_NAMES)))
        values[:, CLOSE] = market.bars[there, n, MARKET_CLOSE]
        table = BarTable(symbol, market.timeframe_ms, market.open_ms[there], values)
        jumps = find_jumps(table)
        if jumps:
            told = describe_jumps(jumps[:MOST_LISTED], len(jumps))
            found.append(f"{symbol}: {told}; traded as they stand")
    return tuple(found)


def inspect_bars(table: BarTable, *, has_volume: bool = True) -> QualityReport:
    """Check a series and describe it; mark prices have no volume to speak of."""
    check_bars(table)
    gaps, jumps = find_gaps(table), find_jumps(table)
    empty = int(np.count_nonzero(table.values[:, VOLUME] == 0.0)) if has_volume else 0
    return QualityReport(
        origin=table.origin,
        timeframe=timeframe_name(table.timeframe_ms),
        rows=len(table.open_ms),
        first_ms=int(table.open_ms[0]),
        last_ms=int(table.open_ms[-1]),
        gap_count=len(gaps),
        missing_bars=sum(gap.bars for gap in gaps),
        largest_gap=max(gaps, key=lambda gap: gap.bars, default=None),
        zero_volume_bars=empty,
        jump_count=len(jumps),
        jumps=jumps[:MOST_LISTED],
    )


def inspect_funding(table: FundingTable) -> QualityReport:
    """Check settlements and describe them; a hole is longer than twice the usual interval."""
    check_funding(table)
    times = table.settle_ms
    interval = int(np.median(np.diff(times))) if len(times) > 1 else 0
    missing = np.diff(times) // interval - 1 if interval else np.zeros(0, np.int64)
    gaps = [
        Gap(int(times[row]) + interval, int(missing[row])) for row in np.flatnonzero(missing > 0)
    ]
    return QualityReport(
        origin=table.origin,
        timeframe="",
        rows=len(times),
        first_ms=int(times[0]),
        last_ms=int(times[-1]),
        gap_count=len(gaps),
        missing_bars=sum(gap.bars for gap in gaps),
        largest_gap=max(gaps, key=lambda gap: gap.bars, default=None),
        zero_volume_bars=0,
        jump_count=0,
        jumps=(),
    )
