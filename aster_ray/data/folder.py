"""A folder of files that say in their names what they hold.

``<venue>_<um|spot>_<SYMBOL>[_mark]_<timeframe>[_label].parquet|csv`` for bars and mark prices,
``<venue>_<um|spot>_<SYMBOL>_funding[_label].parquet|csv`` for funding. Pieces that differ only in
their label are one series.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.files import TIME_NAMES, read_bars, read_funding
from aster_ray.data.library import (
    BARS,
    FUNDING,
    MARK,
    Entry,
    SeriesKey,
    join_bars,
    join_funding,
)
from aster_ray.data.validate import check_bars, check_funding
from aster_ray.errors import DataError
from aster_ray.model.ids import TIMEFRAMES

FILE_PATTERN = "<venue>_<um|spot>_<SYMBOL>[_mark]_<1m|3m|5m|15m|30m|1h|4h>[_label].parquet|csv"
_NAME = re.compile(
    r"(?P<venue>[a-z0-9]+)_(?P<market>um|spot)_(?P<symbol>[A-Z0-9]+)"
    rf"(?:_funding|(?P<mark>_mark)?_(?P<timeframe>{'|'.join(TIMEFRAMES)}))(?:_[A-Za-z0-9-]+)*"
)
_SUFFIXES = (".parquet", ".csv")


class Ignored(NamedTuple):
    """A file that is not market data we read, and why."""

    name: str
    reason: str


def parse_file_name(name: str) -> SeriesKey | None:
    """Return what a file's name says it holds; ``None`` when it follows another pattern."""
    path = Path(name)
    match = _NAME.fullmatch(path.stem)
    if path.suffix not in _SUFFIXES or match is None:
        return None
    timeframe = match["timeframe"] or ""
    kind = FUNDING if not timeframe else MARK if match["mark"] else BARS
    return SeriesKey(match["venue"], match["market"], match["symbol"], kind, timeframe)


class Folder:
    """Market data in a folder of named files; nothing is read before it is asked for.

    Args:
        path: the folder.
        only: read this one file and act as if the others were not there.
    """

    def __init__(self, path: Path, only: str = "") -> None:
        self._path = path
        self._files: dict[SeriesKey, list[Path]] = {}
        self.ignored: list[Ignored] = []
        for file in sorted(path.iterdir()):
            if only in ("", file.name):
                self._shelve(file)
        if not self._files:
            found = f"{len(self.ignored)} other files" if self.ignored else "it is empty"
            raise DataError(
                f"data directory {path.name!r} holds no market data ({found}); name the files "
                f"{FILE_PATTERN} or leave the option out to use the built-in market"
            )

    def _shelve(self, file: Path) -> None:
        if file.name.startswith(".") or file.is_dir():
            return
        key = parse_file_name(file.name)
        if key is not None:
            self._files.setdefault(key, []).append(file)
        elif file.suffix not in _SUFFIXES:
            self.ignored.append(Ignored(file.name, "neither Parquet nor CSV"))
        else:
            self.ignored.append(Ignored(file.name, "its name follows another pattern"))

    def series(self) -> tuple[SeriesKey, ...]:
        """Return the name of every series, sorted."""
        return tuple(sorted(self._files))

    def files(self, key: SeriesKey) -> tuple[Path, ...]:
        """Return the pieces of a series in the order of their names."""
        return tuple(self._files[key])

    def entries(self) -> tuple[Entry, ...]:
        """Return every series with its extent, from the Parquet footers where they tell."""
        return self._entries

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        return tuple(self._describe(key) for key in self.series())

    def _describe(self, key: SeriesKey) -> Entry:
        pieces = self._files[key]
        extent = _footer_extent(pieces[0]) if len(pieces) == 1 else None
        if extent is None:
            times = (
                self.funding(key).settle_ms
                if key.kind == FUNDING
                else self.bars(key, None, None).open_ms
            )
            extent = len(times), int(times[0]), int(times[-1])
        return Entry(*key, *extent)

    def bars(self, key: SeriesKey, begin_ms: int | None, end_ms: int | None) -> BarTable:
        """Return all bars of a series, checked; a damaged row is refused wherever it lies."""
        del begin_ms, end_ms  # a file is checked as a whole
        pieces = [read_bars(path, key.timeframe_ms) for path in self._files[key]]
        for piece in pieces:
            check_bars(piece)
        return join_bars(pieces, str(key))

    def funding(self, key: SeriesKey) -> FundingTable:
        """Return all settlements of a contract, checked."""
        pieces = [read_funding(path) for path in self._files[key]]
        for piece in pieces:
            check_funding(piece)
        return join_funding(pieces, str(key))


def _footer_extent(path: Path) -> tuple[int, int, int] | None:
    """Return (rows, first, last) from a Parquet footer; ``None`` when it does not say."""
    if path.suffix != ".parquet":
        return None
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return None  # reading the file itself will say what is wrong with it
    names = footer.schema.names
    column = next((names.index(name) for name in TIME_NAMES if name in names), None)
    if column is None or footer.num_rows == 0:
        return None
    groups = [footer.row_group(index).column(column) for index in range(footer.num_row_groups)]
    statistics = [group.statistics for group in groups]
    if any(item is None or not item.has_min_max for item in statistics):
        return None
    first = min(item.min for item in statistics)
    last = max(item.max for item in statistics)
    return (footer.num_rows, first, last) if isinstance(first, int) else None
