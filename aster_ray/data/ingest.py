"""Bring files into a catalog, and prove that what lies there is what was brought.

Files are written beside their final place and renamed; the manifest is replaced last. An import
that dies half-way leaves the catalog as it was, with a few files that nobody reads.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aster_ray.data.catalog import (
    MANIFEST,
    Catalog,
    Part,
    is_catalog,
    manifest_text,
    read_manifest,
    years_of,
)
from aster_ray.data.columns import BAR_NAMES, BarTable, FundingTable
from aster_ray.data.folder import FILE_PATTERN, Folder, Ignored, parse_file_name
from aster_ray.data.library import FUNDING, MARK, Library, SeriesKey, join_bars, join_funding
from aster_ray.data.source import open_library
from aster_ray.data.validate import QualityReport, inspect_bars, inspect_funding
from aster_ray.errors import DataError
from aster_ray.model.ids import parse_symbols

Table = BarTable | FundingTable


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought: one quality report per series, and what it left."""

    series: tuple[QualityReport, ...]
    ignored: tuple[Ignored, ...]

    @property
    def rows(self) -> int:
        """Return how many rows the series hold now."""
        return sum(report.rows for report in self.series)


def import_data(source: str, catalog: str, symbols: tuple[str, ...] = ()) -> ImportReport:
    """Import a folder, one named file or another catalog; nothing is kept if anything is wrong.

    Args:
        source: where the data is.
        catalog: directory to import into; made if it is not there.
        symbols: only these, in any spelling; empty = all.
    """
    target = Path(catalog)
    library = _open_source(source, target)
    wanted = {symbol.venue_id for symbol in parse_symbols(symbols)}
    keys = [key for key in library.series() if not wanted or key.symbol in wanted]
    absent = sorted(wanted - {key.symbol for key in keys})
    if absent:
        known = sorted({key.symbol for key in library.series()})
        raise DataError(f"symbol {absent[0]} is not in {source!r}; it has {', '.join(known)}")
    held = read_manifest(target)
    before = Catalog(target) if held else None
    # Everything is read and checked before the first byte is written.
    tables = {key: _merged(library, before, key) for key in keys}
    reports = tuple(_inspect(key, table) for key, table in tables.items())
    _make_directory(target)
    if not held:  # from here on the directory is a catalog, whatever happens
        _replace_text(target / MANIFEST, manifest_text({}))
    for key, table in tables.items():
        held[key] = _write_series(target, key, table)
    _replace_text(target / MANIFEST, manifest_text(held))
    _drop_unnamed(target, tables, held)
    ignored = tuple(library.ignored) if isinstance(library, Folder) else ()
    return ImportReport(reports, ignored)


def verify_data(path: str) -> tuple[QualityReport, ...]:
    """Check every series of a folder or a catalog; a catalog's files must match their digests."""
    library = open_library(path)
    return tuple(_inspect(key, _read(library, key)) for key in library.series())


def _open_source(source: str, target: Path) -> Library:
    path = Path(source)
    if target.exists() and not target.is_dir():
        raise DataError(f"catalog {str(target)!r} is a file; name a directory")
    if target.is_dir() and any(target.iterdir()) and not is_catalog(target):
        raise DataError(
            f"catalog directory {str(target)!r} already holds other files; name a new directory"
        )
    if path.is_file():
        if parse_file_name(path.name) is None:
            raise DataError(
                f"file {path.name!r} does not say what it holds; name it {FILE_PATTERN}"
            )
        return Folder(path.parent, only=path.name)
    return open_library(source)


def _read(library: Library, key: SeriesKey) -> Table:
    return library.funding(key) if key.kind == FUNDING else library.bars(key, None, None)


def _merged(library: Library, before: Catalog | None, key: SeriesKey) -> Table:
    """Return the new rows of a series together with those the catalog has."""
    table = _read(library, key)
    if before is None or key not in before.parts:
        return table
    held = _read(before, key)
    if isinstance(table, BarTable) and isinstance(held, BarTable):
        return join_bars([held._replace(origin="the catalog"), table], str(key))
    if isinstance(table, FundingTable) and isinstance(held, FundingTable):
        return join_funding([held._replace(origin="the catalog"), table], str(key))
    raise AssertionError("one key, two kinds of table")


def _inspect(key: SeriesKey, table: Table) -> QualityReport:
    named = table._replace(origin=str(key))
    if isinstance(named, FundingTable):
        return inspect_funding(named)
    return inspect_bars(named, has_volume=key.kind != MARK)


def _write_series(target: Path, key: SeriesKey, table: Table) -> tuple[Part, ...]:
    """Write a series year by year and return its manifest rows."""
    times = table.settle_ms if isinstance(table, FundingTable) else table.open_ms
    parts = []
    for year, begin, end in years_of(times):
        content = _parquet(_arrow(table, begin, end))
        digest = hashlib.sha256(content).hexdigest()
        folders = key._replace(timeframe=key.timeframe or "none")._asdict()
        hive = "/".join(f"{name}={value}" for name, value in folders.items())
        path = f"{hive}/year={year}/{digest[:16]}.parquet"
        _make_directory((target / path).parent)
        _replace_bytes(target / path, content)
        first, last = int(times[begin]), int(times[end - 1])
        parts.append(Part(year, path, end - begin, first, last, digest))
    return tuple(parts)


def _arrow(table: Table, begin: int, end: int) -> pa.Table:
    if isinstance(table, FundingTable):
        columns = {"ts": table.settle_ms[begin:end], "rate": table.rate[begin:end]}
    else:
        columns = {"ts": table.open_ms[begin:end]}
        for column, name in enumerate(BAR_NAMES):
            columns[name] = np.ascontiguousarray(table.values[begin:end, column])
    return pa.table(columns)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"catalog directory {str(path)!r} cannot be made ({error.strerror}); choose a "
            "directory you may write to"
        ) from error


def _replace_text(path: Path, text: str) -> None:
    _replace_bytes(path, text.encode("utf-8"))


def _replace_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even after a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DataError(
            f"{path.name} cannot be written ({error.strerror}); choose a directory you may write to"
        ) from error


def _drop_unnamed(
    target: Path, touched: Iterable[SeriesKey], held: dict[SeriesKey, tuple[Part, ...]]
) -> None:
    """Remove files of the imported series that the new manifest no longer names."""
    for key in touched:
        named = {target / part.path for part in held[key]}
        for folder in {path.parent.parent for path in named}:
            for path in folder.glob("year=*/*.parquet"):
                if path not in named:
                    path.unlink()
