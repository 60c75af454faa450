"""What was booked already: a venue may tell of every trade and payment more than once."""

from __future__ import annotations

from aster_ray.engine.latest import Latest
from aster_ray.model.ids import DAY_MS

# The venue is asked for payments since the last one; its stream repeats none that is so old.
_PAYMENT_AGAIN_MS = DAY_MS


class Booked:
    """Ids of trades and of funding payments.

    Trades of orders that are over may be forgotten, as those orders take no more. What the venue
    did by itself belongs to no order of ours and is kept.
    """

    def __init__(self, remember: int | None = None) -> None:
        """Begin empty; ``remember`` so many trades, None = all."""
        self.trades = Latest(remember)
        self.count = 0  # of trades, the forgotten ones too
        self.last_payment_ms = 0
        self._taken: set[str] = set()
        self._payments: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.trades or key in self._payments or key in self._taken

    def trade(self, key: str, *, taken_away: bool) -> None:
        """Note a trade; ``taken_away`` by the venue in a liquidation."""
        self.trades.note(key)
        self.count += 1
        if taken_away:
            self._taken.add(key)

    def payment(self, key: str, ms: int) -> None:
        """Note a payment of funding."""
        self.last_payment_ms = max(self.last_payment_ms, ms)
        self._payments[key] = ms
        since = self.last_payment_ms - _PAYMENT_AGAIN_MS
        self._payments = {known: at for known, at in self._payments.items() if at >= since}
