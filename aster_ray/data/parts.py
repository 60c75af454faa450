"""Write the files of a catalog: one process at a time, each file whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aster_ray.data.catalog import Part, is_catalog, years_of
from aster_ray.data.columns import BAR_NAMES, FundingTable, Table
from aster_ray.data.instruments import RULES_FILE
from aster_ray.data.library import SeriesKey
from aster_ray.errors import DataError

LOCK = ".writing"
# Files of ours that may lie in a directory before it is a catalog.
_OURS = (LOCK, RULES_FILE)
_HALVES = ".*.partial"


def refuse_other_files(target: Path) -> None:
    """Refuse a place that is neither empty nor a catalog."""
    if target.exists() and not target.is_dir():
        raise DataError(f"catalog {str(target)!r} is a file; name a directory")
    found = target.iterdir() if target.is_dir() else ()
    # The half of a first manifest is what a writer leaves that was killed at once.
    foreign = [path for path in found if not (path.name in _OURS or path.match(_HALVES))]
    if foreign and not is_catalog(target):
        raise DataError(
            f"catalog directory {str(target)!r} already holds other files; name a new directory"
        )


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Be the only process that writes into a catalog.

    Raises:
        DataError: another process does. The lock ends with its holder, however that dies.
    """
    path = target / LOCK
    while True:
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DataError(
                f"catalog directory {str(target)!r} cannot be written ({error.strerror}); choose a "
                "directory you may write to"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = " ".join(("process", file.read().strip())).strip()
            file.close()
            raise DataError(
                f"catalog {target.name!r} is being written by another {who}; wait until it ends or "
                "choose another directory"
            ) from None
        if _is_still(path, file.fileno()):
            break
        file.close()  # its holder removed it in between
    try:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def sweep(
    target: Path, keys: Iterable[SeriesKey], held: Mapping[SeriesKey, tuple[Part, ...]]
) -> None:
    """Remove what a writer left that was killed: halves of files, and files never named."""
    for path in target.rglob(_HALVES):
        path.unlink(missing_ok=True)
    drop_unnamed(target, keys, held)


def write_series(target: Path, key: SeriesKey, table: Table) -> tuple[Part, ...]:
    """Write a series year by year and return its manifest rows."""
    times = table.times
    parts = []
    for year, begin, end in years_of(times):
        content = _parquet(_arrow(table, begin, end))
        digest = hashlib.sha256(content).hexdigest()
        path = f"{folder_of(key)}/year={year}/{digest[:16]}.parquet"
        make_directory((target / path).parent)
        replace_bytes(target / path, content)
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


def make_directory(path: Path) -> None:
    """Make a directory and those above it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"catalog directory {str(path)!r} cannot be made ({error.strerror}); choose a "
            "directory you may write to"
        ) from error


def replace_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
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


def drop_unnamed(
    target: Path, touched: Iterable[SeriesKey], held: Mapping[SeriesKey, tuple[Part, ...]]
) -> None:
    """Remove files of the touched series that the manifest does not name."""
    for key in touched:
        named = {target / part.path for part in held.get(key, ())}
        for path in (target / folder_of(key)).glob("year=*/*.parquet"):
            if path not in named:
                path.unlink()


def folder_of(key: SeriesKey) -> str:
    """Return where a series lies below its catalog."""
    folders = key._replace(timeframe=key.timeframe or "none")._asdict()
    return "/".join(f"{name}={value}" for name, value in folders.items())
