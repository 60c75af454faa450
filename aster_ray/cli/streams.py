"""Standard output belongs to results: whatever else is printed meanwhile goes to standard error."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO


class _Aside(io.TextIOBase):
    """Standard error in the place of standard output, whose kind (terminal or not) it tells."""

    def __init__(self, results: TextIO) -> None:
        self.results = results

    def write(self, text: str) -> int:
        """Write to standard error."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Return whether results go to a terminal."""
        return not self.results.closed and self.results.isatty()


def results() -> TextIO:
    """Return where results go."""
    return sys.stdout.results if isinstance(sys.stdout, _Aside) else sys.stdout


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Keep for results what is standard output now: a person's strategy may print what it likes.

    One swap for the whole verb: strategies are asked in several threads at once.
    """
    before = sys.stdout
    sys.stdout = _Aside(before)
    try:
        yield
    finally:
        sys.stdout = before
