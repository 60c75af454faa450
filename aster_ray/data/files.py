"""Read one Parquet or CSV file into a table; every way it can be wrong is a DataError."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from aster_ray.data.columns import BAR_NAMES, BarTable, FundingTable
from aster_ray.errors import DataError

TIME_NAMES = ("ts", "open_ms", "timestamp", "open_time", "time", "date")
RATE_NAMES = ("rate", "funding_rate", "fundingRate")


def read_bars(path: Path, timeframe_ms: int) -> BarTable:
    """Read open times and open, high, low, close, volume as they stand in the file, unchecked."""
    table = _read(path)
    values = np.empty((table.num_rows, len(BAR_NAMES)))
    for column, name in enumerate(BAR_NAMES):
        values[:, column] = _numbers(table, (name,), path.name)
    return BarTable(path.name, timeframe_ms, _times(table, path.name), values)


def read_funding(path: Path) -> FundingTable:
    """Read settlement times and rates as they stand in the file, unchecked."""
    table = _read(path)
    return FundingTable(path.name, _times(table, path.name), _numbers(table, RATE_NAMES, path.name))


def _read(path: Path) -> pa.Table:
    try:
        # Not partitioned: a catalog's key=value folders say what the manifest already knows.
        table = (
            pa_csv.read_csv(path)
            if path.suffix == ".csv"
            else pq.read_table(path, partitioning=None)
        )
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = reason.replace(str(path), path.name)
        raise DataError(
            f"{path.name} cannot be read ({reason}); fetch it again or remove it"
        ) from error
    return table


def _column(table: pa.Table, names: tuple[str, ...], origin: str) -> pa.ChunkedArray:
    for name in names:
        if name in table.column_names:
            return table.column(name)
    raise DataError(
        f"{origin} has no column {' or '.join(names)}; it has {', '.join(table.column_names)}. "
        f"Bars need ts, {', '.join(BAR_NAMES)}; funding needs ts, rate"
    )


def _numbers(table: pa.Table, names: tuple[str, ...], origin: str) -> np.ndarray:
    column = _column(table, names, origin)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        _refuse_text(column, names[0], origin)
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _times(table: pa.Table, origin: str) -> np.ndarray:
    column = _column(table, TIME_NAMES, origin)
    kind = column.type
    if column.null_count:
        row = next(index for index, value in enumerate(column.to_pylist()) if value is None)
        raise DataError(f"{origin}: row {row + 1} has no ts; remove or repair the row")
    if pa.types.is_timestamp(kind):
        milliseconds = column.cast(pa.timestamp("ms", tz=kind.tz), safe=False).cast(pa.int64())
        return np.asarray(milliseconds.to_numpy(), dtype=np.int64)
    if pa.types.is_date(kind):
        return np.asarray(column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(), np.int64)
    if not pa.types.is_integer(kind):
        raise DataError(
            f"{origin}: column ts holds {kind}, not UTC milliseconds or ISO times; convert it"
        )
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _refuse_text(column: pa.ChunkedArray, name: str, origin: str) -> None:
    for row, value in enumerate(column.to_pylist()):
        try:
            float(value)
        except (TypeError, ValueError):
            raise DataError(
                f"{origin}: row {row + 1} has {name} {value!r}, which is not a number; "
                "remove or repair the row"
            ) from None
    raise DataError(f"{origin}: column {name} holds text, not numbers; convert it")
