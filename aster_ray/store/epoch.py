"""A number on disk that only rises: the floor below which no epoch is ever given again."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from aster_ray.errors import JournalError


def write_durably(path: Path, text: str) -> None:
    """Put ``text`` in the place of what ``path`` holds, in one step that survives a crash."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class EpochFile:
    """The highest epoch that this machine knows of one account."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """Return the highest epoch so far, 0 for none.

        Raises:
            JournalError: the file was damaged by hand or by the disk.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return 0
        if not text.strip().isdecimal():
            raise JournalError(
                f"{self._path} holds no epoch but {text[:20]!r}: write into it a number above "
                "every epoch the account had (its executor's log names them)"
            )
        return int(text)

    def raise_to(self, epoch: int) -> None:
        """Put ``epoch`` on disk unless a higher one is there."""
        if epoch > self.read():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, f"{epoch}\n")
