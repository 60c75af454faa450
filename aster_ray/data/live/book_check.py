"""Whether a symbol's order book could take an order of the size we trade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aster_ray.model.venue import BookUpdate

Levels = Sequence[tuple[float, float]]


def cost_of(levels: Levels, notional: float, middle: float) -> float | None:
    """Return how far from ``middle`` an order of ``notional`` trades, as a fraction of it.

    Args:
        levels: (price, qty) of one side, best first.
        notional: in quote currency.
        middle: price between the two sides.

    Returns:
        None where the levels do not hold so much.
    """
    if notional <= 0.0:
        return 0.0
    left, qty = notional, 0.0
    for price, size in levels:
        if not (price > 0.0 and size > 0.0):
            continue
        taken = min(left, price * size)
        qty += taken / price
        left -= taken
        if left <= 0.0:
            return abs(notional / qty / middle - 1.0)
    return None


class BookCheck:
    """Remember when a symbol's book last was good enough, and what was wrong since.

    A single thin moment is nothing; a symbol is refused once no good book came for ``patience_ms``.

    Args:
        notional: of the largest order, quote currency; 0 = nothing is ever refused.
        max_cost: most an order may cost against the middle price, a fraction.
        now_ms: our own clock.
        counts: where books that are no use are counted, by reason.
        patience_ms: see above.
    """

    def __init__(
        self,
        notional: float,
        max_cost: float,
        now_ms: int,
        counts: Counter[str],
        patience_ms: int = 15_000,
    ) -> None:
        self._notional, self._max_cost = notional, max_cost
        self._patience_ms = patience_ms
        self._counts = counts
        self._good_ms = now_ms
        self._heard_ms = now_ms
        self._stamp_ms = 0
        self._flaw = ""

    def hear(self, book: BookUpdate, now_ms: int) -> None:
        """Take the best levels of the book."""
        if book.ts_ms < self._stamp_ms:
            self._counts["book: out of order"] += 1
            return
        self._stamp_ms, self._heard_ms = book.ts_ms, now_ms
        self._flaw = self._flaw_of(book)
        if self._flaw:
            self._counts[f"book: {self._flaw}"] += 1
        else:
            self._good_ms = now_ms

    def refusal(self, now_ms: int) -> str:
        """Return why the symbol is not to be traded now; empty if it may be."""
        if not self._notional or now_ms - self._good_ms < self._patience_ms:
            return ""
        if now_ms - self._heard_ms >= self._patience_ms:
            return "stale book"
        return f"{self._flaw} book"

    def _flaw_of(self, book: BookUpdate) -> str:
        if not book.bids or not book.asks:
            return "one-sided"
        bid, ask = book.bids[0][0], book.asks[0][0]
        if not 0.0 < bid < ask:
            return "crossed"
        middle = 0.5 * (bid + ask)
        costs = [cost_of(side, self._notional, middle) for side in (book.bids, book.asks)]
        fits = all(cost is not None and cost <= self._max_cost for cost in costs)
        return "" if fits else "thin"
