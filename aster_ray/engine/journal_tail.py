"""A journal that somebody else is writing, read as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aster_ray.engine.journal import Loss, complete_lines, loss_at

_BLOCK = 1 << 20


class JournalTail:
    """Read what was appended to a journal since the last look; a torn end waits for its rest.

    Takes no lock and writes nothing. A writer that starts again cuts a torn end off and goes on
    behind the last whole record, which is where this reader stands.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def first_record(self) -> dict[str, Any] | None:
        """Return the record at the head of the journal, or None while there is none."""
        if not self._path.exists():
            return None
        with self._path.open("rb") as file:
            return next((record for record, _ in complete_lines(file)), None)

    def new_records(self) -> Iterator[dict[str, Any]]:
        """Yield the complete records that appeared since the last call, one at a time."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for record, length in complete_lines(file):
                self._position += length
                yield record

    def behind(self) -> int:
        """Return how many lines are there that were not read yet."""
        if not self._path.exists():
            return 0
        count = 0
        with self._path.open("rb") as file:
            file.seek(self._position)
            while block := file.read(_BLOCK):
                count += block.count(b"\n")
        return count

    def torn(self) -> Loss:
        """Return what lies behind the last whole record.

        Raises:
            JournalError: it is no torn end: good records follow it.
        """
        return loss_at(self._path, self._position)
