from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.validate import check_bars, check_funding, inspect_bars, inspect_funding
from aster_ray.errors import DataError

HOUR_MS = 3_600_000
EPOCH_MS = 1_704_067_200_000
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


def table(rows: int = 200) -> BarTable:
    close = 100.0 + 0.1 * np.arange(rows)
    values = np.column_stack([close, close + 1.0, close - 1.0, close, np.full(rows, 5.0)])
    return BarTable("x_1h.parquet", HOUR_MS, EPOCH_MS + HOUR_MS * np.arange(rows), values)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        (CLOSE, np.nan, "close nan, which is not a number"),
        (OPEN, np.inf, "open inf, which is not a number"),
        (VOLUME, np.nan, "volume nan, which is not a number"),
        (LOW, -3.5, "low -3.5, which is not positive"),
        (OPEN, 0.0, "open 0, which is not positive"),
        (VOLUME, -1.0, "volume -1, which is negative"),
        (HIGH, 100.0, "high 100, which is below open or close"),
        (LOW, 101.1, "low 101.1, which is above open or close"),
    ],
)
def test_the_first_bad_cell_is_named_with_its_row_and_time(
    column: int, value: float, rule: str
) -> None:
    bad = table()
    bad.values[10, column] = value
    bad.values[20, column] = value
    if column == LOW and value > 0:
        bad.values[20] = bad.values[10]
    with pytest.raises(DataError) as caught:
        check_bars(bad)
    message = str(caught.value)
    assert message.startswith(f"x_1h.parquet: row 11 (2024-01-01 10:00) has {rule}")
    assert "2 such rows of 200" in message
    assert caught.value.exit_code == 2


def test_one_bad_row_is_one_row() -> None:
    bad = table()
    bad.values[3, CLOSE] = np.nan
    with pytest.raises(DataError, match="1 such row of 200"):
        check_bars(bad)


def test_duplicates_disorder_and_times_off_the_grid_are_told_apart() -> None:
    twice, back, shifted = table(), table(), table()
    twice.open_ms[5] = twice.open_ms[4]
    back.open_ms[5], back.open_ms[6] = back.open_ms[6], back.open_ms[5]
    shifted.open_ms[5] += 1
    with pytest.raises(DataError, match=r"row 6 \(2024-01-01 04:00, ts 170\d+\) repeats the time"):
        check_bars(twice)
    with pytest.raises(DataError, match=r"row 7 .* is earlier than the row before it"):
        check_bars(back)
    with pytest.raises(DataError, match=r"row 6 .*00\.001000, .* does not open on the 1h grid"):
        check_bars(shifted)


@pytest.mark.parametrize("factor", [0.001, 1000.0])
def test_seconds_and_microseconds_are_recognised(factor: float) -> None:
    good = table()
    with pytest.raises(DataError, match="not a UTC time in milliseconds"):
        check_bars(good._replace(open_ms=(good.open_ms * factor).astype(np.int64)))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="not one row"):
        check_bars(table(0))


def test_gaps_silence_and_jumps_are_reported_not_refused() -> None:
    found = table()
    found.values[50:60, VOLUME] = 0.0
    found.values[150:, :VOLUME] *= 2.0
    keep = np.r_[0:20, 21:40, 45:200]
    report = inspect_bars(found._replace(open_ms=found.open_ms[keep], values=found.values[keep]))
    assert (report.rows, report.gap_count, report.missing_bars) == (194, 2, 6)
    assert report.largest_gap == (EPOCH_MS + 40 * HOUR_MS, 5)
    assert report.zero_volume_bars == 10
    assert report.jump_count == 1
    assert report.jumps[0].open_ms == EPOCH_MS + 150 * HOUR_MS
    gaps, silence, jumps = report.warnings()
    assert gaps == "6 bars missing in 2 gaps, the longest 5 bars from 2024-01-02 16:00"
    assert silence == "10 bars without volume"
    assert jumps.startswith("1 price jump out of proportion: +100.")
    assert report.as_dict()["warnings"] == [gaps, silence, jumps]


def test_a_good_table_has_no_warnings_and_one_bar_is_enough() -> None:
    assert inspect_bars(table()).warnings() == ()
    assert inspect_bars(table(1)).rows == 1
    silent = table()
    silent.values[:, VOLUME] = 0.0
    assert inspect_bars(silent, has_volume=False).warnings() == ()


def test_funding_is_checked_too() -> None:
    times = EPOCH_MS + 8 * HOUR_MS * np.arange(30, dtype=np.int64)
    good = FundingTable("f.parquet", times, np.full(30, 0.0001))
    assert inspect_funding(good).warnings() == ()
    keep = np.r_[0:10, 12:30]
    holed = inspect_funding(good._replace(settle_ms=times[keep], rate=good.rate[keep]))
    assert (holed.missing_bars, holed.largest_gap) == (2, (EPOCH_MS + 80 * HOUR_MS, 2))
    with pytest.raises(DataError, match=r"row 1 .* has rate 1, which is not a fraction"):
        check_funding(good._replace(rate=np.full(30, 1.0)))
    with pytest.raises(DataError, match="rate nan"):
        check_funding(good._replace(rate=np.full(30, np.nan)))
    with pytest.raises(DataError, match="is earlier"):
        check_funding(good._replace(settle_ms=times[::-1]))
