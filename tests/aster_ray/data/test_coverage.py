from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.coverage import (
    DOWNLOADS,
    check_coverage,
    chunk_of,
    keep_matching,
    merge_spans,
    read_coverage,
    rows_digest,
    without_spans,
    write_coverage,
)
from aster_ray.data.library import SeriesKey
from aster_ray.errors import DataError

KEY = SeriesKey("v", "um", "BTCUSDT", "bars", "1h")
HOUR_MS = 3_600_000


def a_table(rows: int = 5) -> BarTable:
    times = HOUR_MS * np.arange(rows, dtype=np.int64)
    return BarTable("x", HOUR_MS, times, np.arange(5.0 * rows).reshape(rows, 5))


def test_stretches_are_joined_and_taken_away() -> None:
    assert merge_spans([(5, 7), (0, 2), (2, 4)]) == [(0, 4), (5, 7)]
    assert without_spans((0, 10), []) == [(0, 10)]
    assert without_spans((0, 10), [(2, 4), (6, 7)]) == [(0, 2), (4, 6), (7, 10)]
    assert without_spans((3, 10), [(2, 4), (9, 20)]) == [(4, 9)]
    assert without_spans((3, 10), [(0, 20)]) == []
    assert without_spans((3, 10), [(20, 30)]) == [(3, 10)]


def test_a_digest_tells_times_and_numbers_apart_and_ignores_the_rest() -> None:
    table, span = a_table(), (HOUR_MS, 4 * HOUR_MS)
    digest = rows_digest(table, *span)
    outside = table.values.copy()
    outside[[0, 4]] += 1.0
    assert rows_digest(table._replace(values=outside), *span) == digest
    inside = table.values.copy()
    inside[2, 4] = np.nextafter(inside[2, 4], 99.0)
    assert rows_digest(table._replace(values=inside), *span) != digest
    assert rows_digest(table._replace(open_ms=table.open_ms + 1), *span) != digest
    rates = FundingTable("x", table.open_ms, table.values[:, 0])
    assert rows_digest(rates, *span) != digest


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_coverage(tmp_path) == {}
    nothing = chunk_of(a_table(), (-HOUR_MS, 0), "v", 1)
    assert (nothing.rows, nothing.first_ms, nothing.last_ms) == (0, -1, -1)
    some = chunk_of(a_table(), (0, 3 * HOUR_MS), "v", 2)
    assert (some.rows, some.first_ms, some.last_ms) == (3, 0, 2 * HOUR_MS)
    write_coverage(tmp_path, {KEY: (nothing, some), KEY._replace(symbol="ETHUSDT"): ()})
    assert read_coverage(tmp_path) == {KEY: (nothing, some)}


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "damaged"), ("[]", "damaged"), ('{"format": "x"}', "has format 'x'")],
)
def test_a_damaged_record_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / DOWNLOADS).write_text(text)
    with pytest.raises(DataError, match=words):
        read_coverage(tmp_path)


def test_rows_that_are_not_those_that_came_are_refused() -> None:
    chunk = chunk_of(a_table(), (0, 3 * HOUR_MS), "v", 2)
    check_coverage(KEY, [chunk], a_table())
    with pytest.raises(DataError, match="v um BTCUSDT bars 1h: the rows from 1970-01-01 00:00"):
        check_coverage(KEY, [chunk], a_table(2))
    with pytest.raises(DataError, match="are not the 3 that v sent"):
        check_coverage(KEY, [chunk], None)
    check_coverage(KEY, [chunk_of(a_table(), (-HOUR_MS, 0), "v", 2)], None)


def test_only_chunks_that_still_hold_are_kept(tmp_path: Path) -> None:
    first, second = (
        chunk_of(a_table(), span, "v", 2) for span in ((0, HOUR_MS), (HOUR_MS, 9 * HOUR_MS))
    )
    write_coverage(tmp_path, {KEY: (first, second)})
    keep_matching(tmp_path, {KEY: a_table(4)})
    assert read_coverage(tmp_path) == {KEY: (first,)}
    before = (tmp_path / DOWNLOADS).stat().st_mtime_ns
    keep_matching(tmp_path, {KEY: a_table(4)})
    assert (tmp_path / DOWNLOADS).stat().st_mtime_ns == before
