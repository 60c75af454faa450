"""Bring files into a catalog, and prove that what lies there is what was brought.

Files are written beside their final place and renamed; the manifest is replaced last. An import
that dies half-way leaves the catalog as it was, with a few files that nobody reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aster_ray.data.catalog import MANIFEST, Catalog, manifest_text, read_manifest
from aster_ray.data.columns import BarTable, FundingTable, Table
from aster_ray.data.coverage import check_coverage, keep_matching, read_coverage
from aster_ray.data.folder import FILE_PATTERN, Folder, Ignored, parse_file_name
from aster_ray.data.instruments import catalog_instruments
from aster_ray.data.library import FUNDING, MARK, Library, SeriesKey, join_bars, join_funding
from aster_ray.data.parts import (
    drop_unnamed,
    make_directory,
    refuse_other_files,
    replace_text,
    write_series,
    writing,
)
from aster_ray.data.source import open_library
from aster_ray.data.validate import QualityReport, inspect_bars, inspect_funding
from aster_ray.errors import DataError
from aster_ray.model.ids import parse_symbols


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
    make_directory(target)
    with writing(target):
        if read_manifest(target) != held:
            raise DataError(
                f"catalog {target.name!r} was written to while {source!r} was read; import again"
            )
        if not held:  # from here on the directory is a catalog, whatever happens
            replace_text(target / MANIFEST, manifest_text({}))
        for key, table in tables.items():
            held[key] = write_series(target, key, table)
        # What a venue sent is no longer all there is: forget it first, at worst it is asked again.
        keep_matching(target, tables)
        replace_text(target / MANIFEST, manifest_text(held))
        drop_unnamed(target, tables, held)
    ignored = tuple(library.ignored) if isinstance(library, Folder) else ()
    return ImportReport(reports, ignored)


def verify_data(path: str) -> tuple[QualityReport, ...]:
    """Check every series of a folder or a catalog.

    A catalog's files must have the digests of its manifest, and the rows that were downloaded into
    it those of its record of downloads.
    """
    library = open_library(path)
    recorded = read_coverage(Path(path)) if isinstance(library, Catalog) else {}
    tables = ((key, _read(library, key)) for key in library.series())
    reports = []
    for key, table in tables:
        reports.append(_inspect(key, table))
        check_coverage(key, recorded.pop(key, ()), table)
    for key, chunks in recorded.items():
        check_coverage(key, chunks, None)
    catalog_instruments(path)
    return tuple(reports)


def _open_source(source: str, target: Path) -> Library:
    path = Path(source)
    refuse_other_files(target)
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
