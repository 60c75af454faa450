"""What a chunk does to a catalog, and what a death at any write leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data import coverage, parts
from aster_ray.data.catalog import Catalog
from aster_ray.data.columns import BarTable
from aster_ray.data.coverage import read_coverage
from aster_ray.data.download.pages import empty
from aster_ray.data.download.report import DownloadReport
from aster_ray.data.download.store import Store, cells_of
from aster_ray.data.library import SeriesKey
from aster_ray.model.ids import DAY_MS, HOUR_MS
from tests.aster_ray.data.download.recorded import RecordedVenue
from tests.aster_ray.data.download.test_run import contents

Fetch = Callable[..., DownloadReport]
KEY = SeriesKey("v", "um", "BTCUSDT", "bars", "1h")
NEW_YEAR_MS = 1_704_067_200_000  # 2024


def hours(first: int, count: int, level: float = 100.0) -> BarTable:
    """Return bars counted in hours from New Year."""
    times = NEW_YEAR_MS + HOUR_MS * np.arange(first, first + count, dtype=np.int64)
    price = level + np.arange(first, first + count) % 7
    columns = [price, price + 1.0, price - 1.0, price, np.full(count, 5.0)]
    return BarTable("x", HOUR_MS, times, np.column_stack(columns))


def span(first: int, count: int) -> tuple[int, int]:
    return NEW_YEAR_MS + HOUR_MS * first, NEW_YEAR_MS + HOUR_MS * (first + count)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    made = Store(tmp_path, "v")
    made.begin([KEY])
    return made


def test_fine_bars_come_by_the_month_and_long_ones_by_the_year() -> None:
    days = (NEW_YEAR_MS - DAY_MS, NEW_YEAR_MS + 32 * DAY_MS)
    fine = cells_of(KEY._replace(timeframe="5m"), days)
    assert [(end - begin) // DAY_MS for begin, end in fine] == [31, 31, 29]
    for key in (KEY, KEY._replace(timeframe="15m"), KEY._replace(kind="funding", timeframe="")):
        assert [(end - begin) // DAY_MS for begin, end in cells_of(key, days)] == [365, 366]
    assert cells_of(KEY, (NEW_YEAR_MS, NEW_YEAR_MS + 1)) == [cells_of(KEY, days)[1]]


def test_rows_of_two_years_become_two_files_and_two_chunks(store: Store, tmp_path: Path) -> None:
    kept = store.keep(KEY, hours(-5, 10), span(-5, 10), 1)
    assert kept == (10, (), ())
    held = Catalog(tmp_path)
    assert [part.rows for part in held.parts[KEY]] == [5, 5]
    assert [chunk.rows for chunk in read_coverage(tmp_path)[KEY]] == [5, 5]
    assert np.array_equal(held.bars(KEY, None, None).values, hours(-5, 10).values)
    assert store.holds_before(KEY, NEW_YEAR_MS)
    assert not store.holds_before(KEY, span(-5, 1)[0])
    assert np.array_equal(store.rows(KEY, span(-1, 2)).times, hours(-1, 2).times)


def test_stretches_that_touch_become_one_chunk_and_others_do_not(store: Store) -> None:
    store.keep(KEY, hours(0, 5), span(0, 5), 1)
    store.keep(KEY, hours(10, 5), span(10, 5), 2)
    assert [chunk.rows for chunk in store.chunks(KEY)] == [5, 5]
    assert store.covered(KEY) == [span(0, 5), span(10, 5)]
    store.keep(KEY, hours(3, 7), span(3, 7), 3)
    (chunk,) = store.chunks(KEY)
    assert (chunk.rows, chunk.begin_ms, chunk.end_ms, chunk.fetched_ms) == (15, *span(0, 15), 3)
    assert chunk.sha256 == coverage.rows_digest(hours(0, 15), *span(0, 15))


def test_what_is_there_stays_and_every_contradiction_is_told(store: Store) -> None:
    store.keep(KEY, hours(0, 5), span(0, 5), 1)
    other = hours(2, 6)
    other.values[1, 4] += 1.0
    without = other.holding(np.delete(other.open_ms, 2), np.delete(other.values, 2, axis=0))
    kept = store.keep(KEY, without, span(2, 6), 2)
    assert kept == (3, (span(3, 1)[0],), (span(4, 1)[0],))
    assert np.array_equal(store.rows(KEY, span(0, 8)).values, hours(0, 8).values)


def test_a_stretch_without_rows_is_remembered(store: Store, tmp_path: Path) -> None:
    assert store.keep(KEY, empty(KEY), span(-24, 30), 1) == (0, (), ())
    again = Store(tmp_path, "v")
    assert again.covered(KEY) == [span(-24, 30)]
    assert [chunk.rows for chunk in again.chunks(KEY)] == [0, 0]
    assert not (tmp_path / "venue=v").exists()


class Dying:
    """Writes so many files, then dies within or after the next."""

    def __init__(self, left: int, *, after: bool) -> None:
        self._left, self._after, self._real = left, after, parts.replace_bytes

    def __call__(self, path: Path, content: bytes) -> None:
        self._left -= 1
        if self._left < 0 and not self._after:
            path.with_name(f".{path.name}.1.partial").write_bytes(content[:9])
            raise KeyboardInterrupt
        self._real(path, content)
        if self._left < 0:
            raise KeyboardInterrupt


def test_a_death_at_any_write_costs_nothing_but_time(
    fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a write and after it, of every file of every kind."""
    venue = RecordedVenue()
    wanted = {"timeframes": ("1h",), "kinds": ("bars", "funding"), "parallel": 1}
    real, written = parts.replace_bytes, [0]

    def count(path: Path, content: bytes) -> None:
        written[0] += 1
        real(path, content)

    monkeypatch.setattr(parts, "replace_bytes", count)
    fetch(venue, catalog="whole", **wanted)
    expected, writes = contents(tmp_path / "whole"), written[0]
    assert writes == 1 + 2 * 3  # an empty manifest; of each series a file, a manifest, a record
    for dies in range(writes):
        for after in (False, True):
            monkeypatch.setattr(parts, "replace_bytes", Dying(dies, after=after))
            name = f"cut{dies}{after}"
            with pytest.raises(KeyboardInterrupt):
                fetch(venue, catalog=name, **wanted)
            monkeypatch.setattr(parts, "replace_bytes", real)
            assert fetch(venue, catalog=name, **wanted).exit_code("fail") == 0
            assert contents(tmp_path / name) == expected, name
