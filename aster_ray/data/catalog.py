"""A Parquet catalog: hive-partitioned bars, mark prices and funding behind one manifest.

``venue=V/market=M/symbol=S/kind=K/timeframe=T/year=Y/<digest>.parquet``; funding has
``timeframe=none``. The manifest alone says which files count, and it is replaced last: whoever
reads sees the catalog before a change or after it, never between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.files import read_bars, read_funding
from aster_ray.data.library import Entry, SeriesKey, join_bars, join_funding
from aster_ray.data.validate import check_bars, check_funding
from aster_ray.errors import DataError

MANIFEST = "manifest.json"
FORMAT = "aster-ray catalog 1"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a series: one year of it."""

    year: int
    path: str  # below the catalog, with forward slashes
    rows: int
    first_ms: int
    last_ms: int
    sha256: str


def is_catalog(directory: Path) -> bool:
    """Tell a catalog from a folder of files."""
    return (directory / MANIFEST).is_file() or any(directory.glob("venue=*"))


class Catalog:
    """Read access to a catalog."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.parts = read_manifest(path)
        if not self.parts:
            raise DataError(
                f"catalog {path.name!r} holds no series; import into it with `aster data import`"
            )

    def series(self) -> tuple[SeriesKey, ...]:
        """Return the name of every series, sorted."""
        return tuple(sorted(self.parts))

    def entries(self) -> tuple[Entry, ...]:
        """Return every series with its extent, as the manifest states it."""
        return tuple(
            Entry(
                *key,
                sum(part.rows for part in parts),
                min(part.first_ms for part in parts),
                max(part.last_ms for part in parts),
            )
            for key, parts in sorted(self.parts.items())
        )

    def files(self, key: SeriesKey) -> tuple[Path, ...]:
        """Return the files of a series in time order."""
        return tuple(self._path / part.path for part in self.parts[key])

    def bars(self, key: SeriesKey, begin_ms: int | None, end_ms: int | None) -> BarTable:
        """Return checked bars of the years that touch the period (all, if none does)."""
        parts = [
            part
            for part in self.parts[key]
            if (begin_ms is None or part.last_ms >= begin_ms)
            and (end_ms is None or part.first_ms < end_ms)
        ]
        pieces = [read_bar_part(self._path, key, part) for part in parts or self.parts[key]]
        return join_bars(pieces, str(key))

    def funding(self, key: SeriesKey) -> FundingTable:
        """Return all settlements of a contract, checked."""
        pieces = [read_funding_part(self._path, part) for part in self.parts[key]]
        return join_funding(pieces, str(key))


def read_bar_part(directory: Path, key: SeriesKey, part: Part) -> BarTable:
    """Return the checked bars of one file of a catalog."""
    piece = read_bars(_existing(directory, part), key.timeframe_ms)._replace(origin=part.path)
    check_bars(piece)
    return piece


def read_funding_part(directory: Path, part: Part) -> FundingTable:
    """Return the checked settlements of one file of a catalog."""
    piece = read_funding(_existing(directory, part))._replace(origin=part.path)
    check_funding(piece)
    return piece


def _existing(directory: Path, part: Part) -> Path:
    """Return the file of a part, which is there and has the bytes that were written."""
    path = directory / part.path
    if not path.is_file():
        raise DataError(
            f"catalog {directory.name!r} lacks {part.path}, which its manifest names; import "
            "the series again"
        )
    # A tenth of the work of decoding it: no run trades on a file that was touched since.
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
            raise DataError(
                f"catalog {directory.name!r}: {part.path} is not the file that was imported "
                "(its sha256 differs); remove it and import the series again"
            )
    return path


def read_manifest(directory: Path) -> dict[SeriesKey, tuple[Part, ...]]:
    """Return the files of every series; nothing when there is no manifest yet."""
    path = directory / MANIFEST
    if not path.is_file():
        if any(directory.glob("venue=*")):
            raise DataError(
                f"catalog {directory.name!r} has lost its {MANIFEST}; import into a new directory"
            )
        return {}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise DataError(
                f"catalog {directory.name!r} has format {state['format']!r}, this version reads "
                f"{FORMAT!r}; import again into a new directory"
            )
        return {_key(row): tuple(Part(**part) for part in row["parts"]) for row in state["series"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"catalog {directory.name!r} has a damaged {MANIFEST} ({error}); import into a new "
            "directory"
        ) from error


def _key(row: dict[str, Any]) -> SeriesKey:
    return SeriesKey(row["venue"], row["market"], row["symbol"], row["kind"], row["timeframe"])


def manifest_text(series: dict[SeriesKey, tuple[Part, ...]]) -> str:
    """Return the manifest's text: sorted, so that equal catalogs have equal manifests."""
    rows = [
        {**key._asdict(), "parts": [asdict(part) for part in parts]}
        for key, parts in sorted(series.items())
    ]
    return json.dumps({"format": FORMAT, "series": rows}, indent=1) + "\n"


def years_of(times: np.ndarray) -> Iterable[tuple[int, int, int]]:
    """Return (year, first row, row after the last) for sorted times."""
    years = times.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970
    edges = [0, *(np.flatnonzero(np.diff(years)) + 1).tolist(), len(times)]
    for begin, end in pairwise(edges):
        yield int(years[begin]), begin, end
