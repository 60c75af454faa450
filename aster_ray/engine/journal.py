"""An append-only, checksummed record of what was consumed and decided.

One record is one line: eight hex digits of CRC-32, a space, JSON. A torn last line is what a crash
leaves; it is dropped and said so. Damage anywhere else is an error: the record cannot be trusted.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from aster_ray.errors import JournalError


def encode(array: np.ndarray) -> list[object]:
    """Return an array as JSON: its shape and its bytes."""
    plain = np.ascontiguousarray(array)
    return [list(plain.shape), base64.b64encode(plain.tobytes()).decode()]


def decode(value: object, dtype: np.dtype[Any]) -> np.ndarray:
    """Return a writable array from ``encode``'s form."""
    shape, text = cast(tuple[list[int], str], value)
    array = np.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy()
    return array.view(np.recarray) if dtype.names else array


def frame(record: dict[str, object]) -> bytes:
    """Return a record as one checksummed line."""
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


class Loss(NamedTuple):
    """What had to be dropped from the end of a journal; records as far as they can be told."""

    bytes: int = 0
    records: int = 0


class Recovered(NamedTuple):
    """What a journal holds, how much of the file that is, and what had to be dropped."""

    records: list[dict[str, Any]]
    valid_bytes: int
    dropped: Loss


def _parse(line: bytes) -> dict[str, Any] | None:
    if len(line) < 10 or not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
        return cast(dict[str, Any], json.loads(body))
    except ValueError:
        return None


def complete_lines(file: IO[bytes]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each whole record from where ``file`` stands, with its length in bytes.

    Ends before the first line that is no whole record: torn, damaged, or not yet written out.
    """
    for line in file:
        record = _parse(line)
        if record is None:
            return
        yield record, len(line)


class Scan:
    """One pass over a journal: iterate for its records; what its end was like is known after.

    Holds one record at a time, however long the journal. A missing file is an empty journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records = 0  # so far
        self.valid_bytes = 0  # so far
        self.dropped = Loss()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every durable record.

        Raises:
            JournalError: a record before the last one is damaged.
        """
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for record, length in complete_lines(file):
                self.valid_bytes += length
                self.records += 1
                yield record
        self.dropped = loss_at(self._path, self.valid_bytes)


def loss_at(path: Path, end: int) -> Loss:
    """Return what lies behind byte ``end`` of a journal, where its last whole record ends.

    Raises:
        JournalError: it is not the torn end that a crash leaves, for good records are behind it.
    """
    if not path.exists():
        return Loss()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= end:
            return Loss()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # Looked at last: what a writer appends meanwhile is no damage.
            if _holds_record(data, end) and _parse(data[end : data.find(b"\n", end) + 1]) is None:
                raise JournalError(
                    f"journal {path.name} is damaged at byte {end} of {size}, with good records "
                    "behind it; restore it from a copy or start a new session"
                )
            lines = data[end:].split(b"\n")
    return Loss(size - end, sum(map(bool, lines)) or 1)


def _holds_record(data: mmap.mmap, start: int) -> bool:
    """Return whether a whole record lies behind the damaged one that begins at ``start``.

    Its line end may be what was damaged, so a record is looked for anywhere, not only on a line.
    """
    body = data.find(b" {", start + 9)
    while body >= 0:
        end = data.find(b"\n", body) + 1
        if end and _parse(data[body - 8 : end]) is not None:
            return True
        body = data.find(b" {", body + 1)
    return False


def read_journal(path: Path) -> Recovered:
    """Read every durable record at once: for looking at a journal, not for living from it.

    Raises:
        JournalError: a record before the last one is damaged.
    """
    scan = Scan(path)
    return Recovered(list(scan), scan.valid_bytes, scan.dropped)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable: without it a crash may lose the whole journal."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FileJournal:
    """The writer of one journal file; satisfies ``JournalPort``. One per file, ever.

    What is there is recovered before anything is added: see ``recover``.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened or created before ``recover``."""
        self.path = path
        self._scan = Scan(path)
        self._file: FileIO | None = None
        self._size = 0
        self._pending: list[bytes] = []

    def recover(self) -> Iterator[dict[str, Any]]:
        """Yield the records that are there, one at a time; then cut off a torn last one.

        Raises:
            JournalError: a record before the last one is damaged; the file is left as it is.
        """
        yield from self._scan
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = FileIO(self.path, "ab")
        self._size = self._scan.valid_bytes
        if self.dropped.bytes:
            os.ftruncate(self._file.fileno(), self._size)
            os.fsync(self._file.fileno())
        _sync_folder(self.path.parent)

    @property
    def name(self) -> str:
        """Return what it is called in its session."""
        return self.path.name

    def scan(self) -> Scan:
        """Return one more pass over what is on disk."""
        return Scan(self.path)

    @property
    def dropped(self) -> Loss:
        """Return what ``recover`` had to cut off."""
        return self._scan.dropped

    @property
    def recovered(self) -> int:
        """Return how many records ``recover`` has yielded so far."""
        return self._scan.records

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        self._pending.append(frame(record))

    def commit(self) -> None:
        """Write the group and return only once it is on disk."""
        if not self._pending:
            return
        if self._file is None:
            raise JournalError(f"journal {self.path.name} was not recovered to its end")
        group = b"".join(self._pending)
        try:
            rest = memoryview(group)
            while rest:  # a full disk takes a part, and complains about the rest only
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            # Half a group must not stand before the repeated whole one.
            os.ftruncate(self._file.fileno(), self._size)
            raise
        self._size += len(group)
        self._pending.clear()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        if self._file is not None:
            self._file.close()
