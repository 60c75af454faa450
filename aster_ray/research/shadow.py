"""What the paper venue would have done in a real one's place, from what is really held."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from aster_ray._jit import bound
from aster_ray.engine.messages import BarBatch
from aster_ray.kernel.records import FILL, Book, Moment, Setup
from aster_ray.kernel.step import match

_NO_FILLS = np.zeros(0, FILL).view(np.recarray)


class Shadow:
    """The paper venue's answer to one bar from a book that others keep."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._book: Book | None = None
        self._step: Callable[..., int] | None = None

    def remember(self, book: Book) -> None:
        """Take over what is held and rests after a close."""
        self._book = Book(*(np.copy(part, subok=True) for part in book))

    def fills(self, batch: BarBatch, working: Sequence[int]) -> np.ndarray:
        """Return FILL[F], what would be executed within ``batch``.

        Args:
            batch: the bars after the close that was remembered.
            working: symbols whose market order was counted at an earlier close.
        """
        book = self._book
        if book is None:
            return _NO_FILLS
        for n in working:
            mine = slice(n * self._setup.strategies, (n + 1) * self._setup.strategies)
            for part in ("order_lots", "order_close_lots"):
                book.sleeves[part][mine] = 0
        arguments = (book, self._setup, batch.bars, Moment(0, batch.open_ms, batch.close_ms))
        if self._step is None:
            self._step = bound(match, *arguments)
        count = self._step(*arguments)
        self._book = None
        fills: np.ndarray = book.fills[:count].copy()
        return fills
