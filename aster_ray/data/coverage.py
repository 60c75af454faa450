"""What was downloaded into a catalog: which times were asked for, and what the venue answered.

``downloads.json`` lies beside the manifest. A chunk is a stretch of one series, at most a month of
fine bars or a year of coarse ones, with a digest of its rows; a stretch without rows counts too,
or a download that goes on would ask for it for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from aster_ray.data.columns import Table, moment
from aster_ray.data.library import SeriesKey
from aster_ray.data.parts import replace_text
from aster_ray.errors import DataError

DOWNLOADS = "downloads.json"
FORMAT = "aster-ray downloads 1"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a venue answered about one stretch of a series.

    Attributes:
        begin_ms, end_ms: it was asked for everything in ``[begin_ms, end_ms)``.
        first_ms, last_ms: of the rows; -1 without rows.
        sha256: of the rows' times and numbers.
        source: the venue as the client calls it.
        fetched_ms: when, in UTC milliseconds.
    """

    begin_ms: int
    end_ms: int
    rows: int
    first_ms: int
    last_ms: int
    sha256: str
    source: str
    fetched_ms: int


Coverage = dict[SeriesKey, tuple[Chunk, ...]]


def chunk_of(table: Table, span: tuple[int, int], source: str, fetched_ms: int) -> Chunk:
    """Describe the rows a table has within ``span``."""
    times = table.between(*span).times
    first, last = (int(times[0]), int(times[-1])) if len(times) else (-1, -1)
    digest = rows_digest(table, *span)
    return Chunk(*span, len(times), first, last, digest, source, fetched_ms)


def rows_digest(table: Table, begin_ms: int, end_ms: int) -> str:
    """Return the sha256 of the rows in ``[begin_ms, end_ms)``: all times, then all numbers."""
    rows = table.between(begin_ms, end_ms)
    state = hashlib.sha256(np.ascontiguousarray(rows.times, dtype="<i8").tobytes())
    state.update(np.ascontiguousarray(rows.cells, dtype="<f8").tobytes())
    return state.hexdigest()


def read_coverage(directory: Path) -> Coverage:
    """Return the chunks of every series; nothing where nothing was downloaded."""
    path = directory / DOWNLOADS
    if not path.is_file():
        return {}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise DataError(
                f"{DOWNLOADS} of catalog {directory.name!r} has format {state['format']!r}, this "
                f"version reads {FORMAT!r}; remove it, the next download compares what is there"
            )
        return {
            SeriesKey(*row["series"]): tuple(Chunk(**chunk) for chunk in row["chunks"])
            for row in state["series"]
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"catalog {directory.name!r} has a damaged {DOWNLOADS} ({error}); remove it, the next "
            "download compares what is there with the venue"
        ) from error


def write_coverage(directory: Path, coverage: Mapping[SeriesKey, Sequence[Chunk]]) -> None:
    """Replace the record of downloads; equal records have equal bytes."""
    rows = [
        {"series": list(key), "chunks": [asdict(chunk) for chunk in chunks]}
        for key, chunks in sorted(coverage.items())
        if chunks
    ]
    text = json.dumps({"format": FORMAT, "series": rows}, indent=1) + "\n"
    replace_text(directory / DOWNLOADS, text)


def keep_matching(directory: Path, tables: Mapping[SeriesKey, Table]) -> None:
    """Forget the chunks whose rows are not (or no longer) those of ``tables``."""
    before = read_coverage(directory)
    after = dict(before)
    for key in tables.keys() & before.keys():
        after[key] = tuple(chunk for chunk in before[key] if _matches(chunk, tables[key]))
    if after != before:
        write_coverage(directory, after)


def check_coverage(key: SeriesKey, chunks: Sequence[Chunk], table: Table | None) -> None:
    """Refuse rows that are not those that were downloaded; ``table`` is None without any row."""
    for chunk in chunks:
        if chunk.rows == 0 if table is None else _matches(chunk, table):
            continue
        raise DataError(
            f"{key}: the rows from {moment(chunk.begin_ms)} to {moment(chunk.end_ms)} are not the "
            f"{chunk.rows} that {chunk.source} sent (their sha256 differs); download into a new "
            "directory"
        )


def _matches(chunk: Chunk, table: Table) -> bool:
    return rows_digest(table, chunk.begin_ms, chunk.end_ms) == chunk.sha256


def merge_spans(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of stretches ``[begin, end)`` as few, ascending ones."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def without_spans(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what is left of ``span`` beside the stretches that are taken."""
    left, cursor = [], span[0]
    for begin, end in merge_spans(taken):
        if begin > cursor:
            left.append((cursor, min(begin, span[1])))
        cursor = max(cursor, end)
        if cursor >= span[1]:
            break
    if cursor < span[1]:
        left.append((cursor, span[1]))
    return [(begin, end) for begin, end in left if begin < end]
