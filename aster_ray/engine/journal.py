"""An append-only, checksummed record of what was consumed and decided.

One record is one line: eight hex digits of CRC-32, a space, JSON. A torn last line is what a crash
leaves; it is dropped and said so. Damage anywhere else is an error: the record cannot be trusted.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple, cast

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


class Recovered(NamedTuple):
    """What a journal holds, and what had to be dropped from its end."""

    records: list[dict[str, object]]
    valid_bytes: int
    dropped_bytes: int


def _parse(line: bytes) -> dict[str, object] | None:
    if len(line) < 10 or not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
        return cast(dict[str, object], json.loads(body))
    except ValueError:
        return None


def parse_records(data: bytes) -> tuple[list[dict[str, object]], int]:
    """Return the complete records at the front of ``data`` and how many bytes they take."""
    records: list[dict[str, object]] = []
    position = 0
    while end := data.find(b"\n", position) + 1:
        record = _parse(data[position:end])
        if record is None:
            break
        records.append(record)
        position = end
    return records, position


def _holds_record(tail: bytes) -> bool:
    """Return whether a whole record lies behind the damaged one that ``tail`` begins with.

    Its line end may be what was damaged, so a record is looked for anywhere, not only on a line.
    """
    body = tail.find(b" {", 9)
    while body >= 0:
        end = tail.find(b"\n", body) + 1
        if end and _parse(tail[body - 8 : end]) is not None:
            return True
        body = tail.find(b" {", body + 1)
    return False


def read_journal(path: Path) -> Recovered:
    """Read every durable record; a missing file is an empty journal.

    Raises:
        JournalError: a record before the last one is damaged.
    """
    if not path.exists():
        return Recovered([], 0, 0)
    data = path.read_bytes()
    records: list[dict[str, object]] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position) + 1
        line = data[position:end] if end else data[position:]
        record = _parse(line)
        if record is None:
            if _holds_record(data[position:]):
                raise JournalError(
                    f"journal {path.name} is damaged at byte {position} of {len(data)}, with good "
                    "records behind it; restore it from a copy or start a new session"
                )
            break
        records.append(record)
        position = end
    return Recovered(records, position, len(data) - position)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable: without it a crash may lose the whole journal."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FileJournal:
    """The writer of one journal file; satisfies ``JournalPort``. One per file, ever."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending, cutting off a torn last record."""
        recovered = read_journal(path)
        self.records = recovered.records
        self.dropped_bytes = recovered.dropped_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        if recovered.dropped_bytes:
            self._file.truncate(recovered.valid_bytes)
        self._size = recovered.valid_bytes
        _sync_folder(path.parent)
        self._pending: list[bytes] = []

    def take_records(self) -> list[dict[str, Any]]:
        """Return the records that were there when it was opened, and let go of them."""
        records, self.records = self.records, []
        return records

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        self._pending.append(frame(record))

    def commit(self) -> None:
        """Write the group and return only once it is on disk."""
        if not self._pending:
            return
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
        self._file.close()
