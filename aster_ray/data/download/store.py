"""Put what a venue answered into a catalog, a chunk at a time.

A chunk joins the year it belongs to, the year's file is written beside the old one, and the
manifest changes last; then the chunk is recorded as fetched. Whoever dies in between has rows that
no chunk claims: they are asked for again and compared, and the catalog ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aster_ray.data.catalog import (
    MANIFEST,
    Part,
    manifest_text,
    read_bar_part,
    read_funding_part,
    read_manifest,
)
from aster_ray.data.columns import Table
from aster_ray.data.coverage import (
    Chunk,
    chunk_of,
    merge_spans,
    read_coverage,
    write_coverage,
)
from aster_ray.data.download.pages import Span, empty
from aster_ray.data.library import FUNDING, SeriesKey
from aster_ray.data.parts import drop_unnamed, replace_text, sweep, write_series
from aster_ray.model.ids import TIMEFRAMES

# Bars up to this long are fetched a month at a time, longer ones a year.
_MONTHLY_MS = TIMEFRAMES["5m"]


class Kept(NamedTuple):
    """What became of fetched rows beside those that were there: counts, and times of conflicts."""

    added: int
    changed: tuple[int, ...]  # the venue says something else now; what was there stays
    vanished: tuple[int, ...]  # the venue has no such row any more; what was there stays


class Store:
    """A catalog that is being written, by this process alone.

    Args:
        directory: of the catalog.
        source: the venue as chunks name it.
    """

    def __init__(self, directory: Path, source: str) -> None:
        self.directory = directory
        self.source = source
        self._parts = read_manifest(directory)
        self._chunks = read_coverage(directory)

    def begin(self, keys: Sequence[SeriesKey]) -> None:
        """Make the directory a catalog and remove what a killed predecessor left of the series."""
        if not (self.directory / MANIFEST).is_file():
            replace_text(self.directory / MANIFEST, manifest_text({}))
        sweep(self.directory, keys, self._parts)

    def covered(self, key: SeriesKey) -> list[Span]:
        """Return the stretches the venue was asked for."""
        return merge_spans([(chunk.begin_ms, chunk.end_ms) for chunk in self._chunks.get(key, ())])

    def chunks(self, key: SeriesKey) -> tuple[Chunk, ...]:
        """Return what is recorded of the downloads of a series."""
        return self._chunks.get(key, ())

    def rows(self, key: SeriesKey, span: Span) -> Table:
        """Return the rows held within ``span``."""
        touched = [
            part
            for part in self._parts.get(key, ())
            if part.last_ms >= span[0] and part.first_ms < span[1]
        ]
        return self._read(key, touched).between(*span)

    def holds_before(self, key: SeriesKey, time_ms: int) -> bool:
        """Tell whether a series has rows before a moment."""
        return any(part.first_ms < time_ms for part in self._parts.get(key, ()))

    def keep(self, key: SeriesKey, fetched: Table, span: Span, fetched_ms: int) -> Kept:
        """Store the rows a venue sent for ``span``; rows that are there already stay as they are.

        Args:
            key: the series.
            fetched: all the venue has within ``span``.
            span: what was asked for.
            fetched_ms: when the answer came.
        """
        years = range(_year(span[0]), _year(span[1] - 1) + 1)
        parts = self._parts.get(key, ())
        touched = [part for part in parts if part.year in years]
        held = self._read(key, touched)
        merged, kept = _merge(held, fetched, span)
        if kept.added:
            others = [part for part in parts if part.year not in years]
            written = write_series(self.directory, key, merged)
            self._parts[key] = tuple(sorted((*others, *written), key=lambda part: part.year))
            replace_text(self.directory / MANIFEST, manifest_text(self._parts))
            drop_unnamed(self.directory, [key], self._parts)
        self._record(key, merged, span, fetched_ms)
        return kept

    def _record(self, key: SeriesKey, rows: Table, span: Span, fetched_ms: int) -> None:
        """Record a stretch as fetched, one with its neighbours of the same month or year."""
        before = self._chunks.get(key, ())
        chunks = []
        for cell in cells_of(key, span):
            joined = (max(cell[0], span[0]), min(cell[1], span[1]))
            for chunk in before:
                inside = cell[0] <= chunk.begin_ms and chunk.end_ms <= cell[1]
                if inside and chunk.begin_ms <= joined[1] and chunk.end_ms >= joined[0]:
                    joined = (min(joined[0], chunk.begin_ms), max(joined[1], chunk.end_ms))
            chunks.append(chunk_of(rows, joined, self.source, fetched_ms))
        others = [
            chunk
            for chunk in before
            if not any(
                new.begin_ms <= chunk.begin_ms and chunk.end_ms <= new.end_ms for new in chunks
            )
        ]
        self._chunks[key] = tuple(sorted((*others, *chunks), key=lambda chunk: chunk.begin_ms))
        write_coverage(self.directory, self._chunks)

    def _read(self, key: SeriesKey, parts: Sequence[Part]) -> Table:
        """Return the rows of some files of a series, which do not overlap."""
        pieces: list[Table] = [empty(key)]
        for part in sorted(parts, key=lambda part: part.year):
            if key.kind == FUNDING:
                pieces.append(read_funding_part(self.directory, part))
            else:
                pieces.append(read_bar_part(self.directory, key, part))
        times = np.concatenate([piece.times for piece in pieces])
        cells = np.concatenate([piece.cells for piece in pieces])
        return pieces[0].holding(times, cells)


def cells_of(key: SeriesKey, span: Span) -> list[Span]:
    """Return the calendar months (of fine bars) or years that touch ``span``, whole."""
    unit = "M" if 0 < key.timeframe_ms <= _MONTHLY_MS else "Y"
    first, last = (
        np.datetime64(ms, "ms").astype(f"datetime64[{unit}]") for ms in (span[0], span[1] - 1)
    )
    edges = np.arange(first, last + 2).astype("datetime64[ms]").astype(np.int64).tolist()
    return list(pairwise(edges))


def _year(ms: int) -> int:
    return int(np.datetime64(ms, "ms").astype("datetime64[Y]").astype(np.int64)) + 1970


def _merge(held: Table, fetched: Table, asked: Span) -> tuple[Table, Kept]:
    """Return held and new rows in time order, and where the two contradict each other."""
    common, ours, theirs = np.intersect1d(
        held.times, fetched.times, assume_unique=True, return_indices=True
    )
    differ = (held.cells[ours] != fetched.cells[theirs]).any(axis=1)
    new = np.setdiff1d(np.arange(len(fetched.times)), theirs, assume_unique=True)
    vanished = np.setdiff1d(held.between(*asked).times, common, assume_unique=True)
    times = np.concatenate((held.times, fetched.times[new]))
    order = np.argsort(times, kind="stable")
    cells = np.concatenate((held.cells, fetched.cells[new]))
    kept = Kept(len(new), tuple(common[differ].tolist()), tuple(vanished.tolist()))
    return held.holding(times[order], cells[order]), kept
