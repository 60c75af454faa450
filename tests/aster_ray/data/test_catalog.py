from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from aster_ray.data.catalog import MANIFEST, Catalog, is_catalog, read_manifest, years_of
from aster_ray.data.columns import BarTable
from aster_ray.data.library import SeriesKey
from aster_ray.errors import DataError


def test_years_are_cut_at_new_year() -> None:
    first = np.datetime64("2023-12-31T22:00", "ms").astype(np.int64)
    times = first + 3_600_000 * np.arange(4)
    assert list(years_of(times)) == [(2023, 0, 2), (2024, 2, 4)]


def test_a_catalog_is_known_by_its_manifest_or_its_folders(tmp_path: Path) -> None:
    assert not is_catalog(tmp_path)
    (tmp_path / "venue=binance").mkdir()
    assert is_catalog(tmp_path)
    with pytest.raises(DataError, match="has lost its manifest"):
        Catalog(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "damaged manifest"),
        ("[]", "damaged manifest"),
        ('{"series": []}', "damaged manifest"),
        ('{"format": "other 9", "series": []}', "has format 'other 9'"),
        ('{"format": "aster-ray catalog 1", "series": [{"venue": "x"}]}', "damaged manifest"),
        ('{"format": "aster-ray catalog 1", "series": []}', "holds no series"),
    ],
)
def test_damaged_manifests_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DataError, match=problem):
        Catalog(tmp_path)


def test_no_manifest_is_an_empty_catalog_to_import_into(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


def test_the_manifest_counts_and_dates_every_file(tmp_path: Path, built: Path) -> None:
    del tmp_path
    state = json.loads((built / MANIFEST).read_text())
    parts = [part for row in state["series"] for part in row["parts"]]
    assert {part["year"] for part in parts} == {2023, 2024}
    for part in parts:
        assert (built / part["path"]).is_file()
        assert set(part) == {"year", "path", "rows", "first_ms", "last_ms", "sha256"}
    assert sum(part["rows"] for part in parts) == 48 + 6


def test_only_the_years_of_the_period_are_read(built: Path) -> None:
    catalog = Catalog(built)
    key = next(key for key in catalog.series() if key.kind == "bars")
    new_year = 1_704_067_200_000
    assert len(catalog.bars(key, new_year, None).open_ms) == 24
    assert len(catalog.bars(key, None, new_year).open_ms) == 24
    assert len(catalog.bars(key, None, None).open_ms) == 48
    assert len(catalog.bars(key, 2 * new_year, None).open_ms) == 48


def test_a_lost_file_is_named(built: Path) -> None:
    catalog = Catalog(built)
    for key in catalog.series():
        catalog.files(key)[0].unlink()
    with pytest.raises(DataError, match=r"lacks venue=v/market=um/symbol=BTCUSDT/kind=bars"):
        catalog.bars(catalog.series()[0], None, None)
    with pytest.raises(DataError, match=r"kind=funding/timeframe=none/year=2023"):
        catalog.funding(catalog.series()[1])


def test_a_file_touched_since_the_import_is_refused_when_it_is_read(built: Path) -> None:
    """The file is whole and its bars are good: no check of the bars would see it."""
    for key in Catalog(built).series():
        file = Catalog(built).files(key)[0]
        before = file.read_bytes()
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table, file)  # the same rows, other bytes
        read = Catalog(built).funding if key.kind == "funding" else _bars_of(Catalog(built))
        with pytest.raises(DataError, match="is not the file that was imported"):
            read(key)
        file.write_bytes(before)
        read(key)


def _bars_of(catalog: Catalog) -> Callable[[SeriesKey], BarTable]:
    return lambda key: catalog.bars(key, None, None)
