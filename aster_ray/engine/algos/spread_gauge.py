"""What a symbol's spread usually is, learned from the quotes that came before."""

from __future__ import annotations

from aster_ray.engine.algos.observe import BookSeen

_MEMORY_MS = 10 * 60_000


class SpreadGauge:
    """An average that weighs each spread by how long it stood and forgets within minutes."""

    def __init__(self, prior: float) -> None:
        """Begin with what the instrument's rules say, as a fraction of the price."""
        self.usual = prior
        self._last: tuple[int, float] | None = None

    def see(self, book: BookSeen) -> None:
        """Take quotes in; the spread that stood until now counts, the new one does not yet."""
        if not book.is_whole:
            return
        if self._last is not None:
            ms, spread = self._last
            stood = max(0, min(book.ms - ms, _MEMORY_MS))
            self.usual += (spread - self.usual) * stood / (stood + _MEMORY_MS)
        self._last = book.ms, 2.0 * book.half_spread / book.mid
