from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aster_ray.data.files import read_bars, read_funding
from aster_ray.errors import DataError

HOUR_MS = 3_600_000
HEADER = "ts,open,high,low,close,volume\n"


def test_parquet_and_csv_give_the_same_bars(
    good: Callable[..., dict[str, np.ndarray]], write: Callable[..., Path]
) -> None:
    columns = good(50)
    columns["close"] += 0.1234567
    columns["high"] += 0.2
    binary = read_bars(write("a_um_BTCUSDT_1h.parquet", columns), HOUR_MS)
    text = read_bars(write("a_um_BTCUSDT_1h.csv", columns), HOUR_MS)
    assert np.array_equal(binary.open_ms, text.open_ms)
    assert np.array_equal(binary.values, text.values)
    assert binary.origin == "a_um_BTCUSDT_1h.parquet"


def test_iso_times_and_integer_prices_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ("2024-01-01 00:00:00,1,2,1,2,0", "2024-01-01 01:00:00,2,3,2,3,1")
    path.write_text("\n".join(("timestamp,open,high,low,close,volume", *rows)))
    table = read_bars(path, HOUR_MS)
    assert table.open_ms.tolist() == [1_704_067_200_000, 1_704_070_800_000]
    assert table.values[1].tolist() == [2.0, 3.0, 2.0, 3.0, 1.0]


def test_extra_columns_do_not_matter_and_missing_ones_do(
    good: Callable[..., dict[str, np.ndarray]], write: Callable[..., Path]
) -> None:
    columns = {**good(3), "quote_volume": np.ones(3)}
    assert len(read_bars(write("a.parquet", columns), HOUR_MS).open_ms) == 3
    del columns["low"]
    with pytest.raises(DataError, match=r"b\.parquet has no column low; it has ts, open, high"):
        read_bars(write("b.parquet", columns), HOUR_MS)
    with pytest.raises(DataError, match="has no column rate"):
        read_funding(write("c.parquet", columns))


def test_text_where_a_number_belongs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "1704067200000,1,2,1,2,5\n1704070800000,1,2,1,n/a?,5\n")
    with pytest.raises(DataError, match=r"a\.csv: row 2 has close 'n/a\?', which is not a number"):
        read_bars(path, HOUR_MS)


def test_an_empty_cell_becomes_nan_for_the_checks_to_find(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "1704067200000,1,2,1,,5\n")
    assert np.isnan(read_bars(path, HOUR_MS).values[0, 3])
    path.write_text(HEADER + ",1,2,1,1,5\n1704067200000,1,2,1,1,5\n")
    with pytest.raises(DataError, match="row 1 has no ts"):
        read_bars(path, HOUR_MS)


def test_times_that_are_neither_numbers_nor_dates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "soon,1,2,1,1,5\n")
    with pytest.raises(DataError, match="column ts holds string"):
        read_bars(path, HOUR_MS)


def test_numbers_kept_as_text_are_refused_and_days_are_midnights(
    good: Callable[..., dict[str, np.ndarray]], tmp_path: Path
) -> None:
    columns: dict[str, object] = dict(good(2))
    columns["ts"] = pa.array([19_723, 19_724], pa.date32())
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    table = read_bars(path, 24 * HOUR_MS)
    assert table.open_ms.tolist() == [1_704_067_200_000, 1_704_153_600_000]
    pq.write_table(pa.table(columns | {"close": ["1.5", "1.6"]}), path)
    with pytest.raises(DataError, match="column close holds text, not numbers; convert it"):
        read_bars(path, 24 * HOUR_MS)


@pytest.mark.parametrize("name", ["broken.parquet", "broken.csv"])
def test_a_damaged_file_is_named_without_its_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(DataError, match=f"^{name} cannot be read") as caught:
        read_bars(path, HOUR_MS)
    assert str(tmp_path) not in str(caught.value)


def test_funding_is_read_under_either_name(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"ts": [1_704_067_200_000], "fundingRate": [-0.0001]}), path)
    assert read_funding(path).rate.tolist() == [-0.0001]
