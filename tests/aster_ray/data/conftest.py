from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

EPOCH_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC
HOUR_MS = 3_600_000
Columns = dict[str, np.ndarray]


@pytest.fixture
def recorded() -> str:
    """Return the folder of recorded market data or skip."""
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("ASTER_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("recorded market data is absent: set ASTER_DATA to its folder")
    return str(folder)


@pytest.fixture
def good() -> Callable[..., Columns]:
    """Return a function that makes good bars: a price that climbs from 100 by 1 a bar."""

    def make(rows: int, step_ms: int = HOUR_MS, first_ms: int = EPOCH_MS) -> Columns:
        close = 100.0 + np.arange(rows)
        return {
            "ts": first_ms + step_ms * np.arange(rows, dtype=np.int64),
            "open": close - 0.5,
            "high": close + 1.0,
            "low": close - 1.0,
            "close": close.copy(),
            "volume": np.full(rows, 10.0),
        }

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Columns], Path]:
    """Return a function that writes columns to a named file in the test's folder."""

    def write_file(name: str, columns: Columns) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(columns)
        if path.suffix == ".csv":
            pa_csv.write_csv(table, path)
        else:
            pq.write_table(table, path)
        return path

    return write_file


@pytest.fixture
def built(tmp_path: Path, good: Callable[..., Columns], write: Callable[..., Path]) -> Path:
    """Return a catalog with two days of hourly BTC bars around New Year 2024, and funding."""
    from aster_ray.data.ingest import import_data

    first = EPOCH_MS - 24 * HOUR_MS
    write("in/v_um_BTCUSDT_1h.parquet", good(48, first_ms=first))
    settled = first + 8 * HOUR_MS * np.arange(6, dtype=np.int64)
    path = write("in/v_um_BTCUSDT_funding.parquet", {"ts": settled, "rate": np.full(6, 0.0001)})
    import_data(str(path.parent), str(tmp_path / "catalog"))
    return tmp_path / "catalog"
