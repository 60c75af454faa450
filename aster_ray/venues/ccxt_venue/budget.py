"""How much may be asked of a venue, and who goes first.

A bucket per address and one per account's orders. A minute can never hold more than the limit: the
bucket holds a quarter of it and fills at three quarters a minute. The lower a request's priority,
the more must be left after it, so that polls stop first and protection never waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

MINUTE_MS = 60_000.0
_BURST = 0.25  # of a minute's limit, all at once
# While a venue refuses us, one protective request in so many milliseconds may try.
PROBE_MS = 5_000.0


class Priority(IntEnum):
    """Who may still ask when little is left."""

    PROTECT = 0  # cancels and orders that reduce
    CREATE = 1  # orders that open, and what became of them
    POLL = 2


# What must be left of a full bucket after a request.
RESERVE: Mapping[Priority, float] = MappingProxyType(
    {Priority.PROTECT: 0.0, Priority.CREATE: 0.15, Priority.POLL: 0.5}
)


class _Bucket:
    """Tokens that come back with time."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._most = limit * _BURST
        self._rate = limit * (1.0 - _BURST) / MINUTE_MS
        self._tokens = self._most
        self._filled_ms: float | None = None

    def fill(self, now_ms: float) -> None:
        if self._filled_ms is not None:
            grown = self._tokens + max(0.0, now_ms - self._filled_ms) * self._rate
            self._tokens = min(self._most, grown)
        self._filled_ms = now_ms if self._filled_ms is None else max(now_ms, self._filled_ms)

    def wait_ms(self, amount: float, priority: Priority) -> float:
        """Return when so much may be taken, 0 for now."""
        room = self._most * (1.0 - RESERVE[priority])
        # What is larger than the bucket takes all there is; it would wait for ever.
        needed = self._most - room + min(amount, room)
        return max(0.0, needed - self._tokens) / self._rate

    def take(self, amount: float) -> None:
        self._tokens -= amount

    def heard(self, used: float) -> None:
        """Learn what the venue counted: others may ask from the same address."""
        self._tokens = min(self._tokens, self._limit - used)


class RateBudget:
    """What one address and one account may still ask; the caller brings the time, in ms.

    Args:
        weight_per_minute: request weight of the address.
        orders_per_minute: new orders of the account.
    """

    def __init__(self, weight_per_minute: float, orders_per_minute: float) -> None:
        self.weight_limit = weight_per_minute
        self._weights = _Bucket(weight_per_minute)
        self._orders = _Bucket(orders_per_minute)
        self._shut_until_ms = 0.0
        self._banned_until_ms = 0.0
        self._probe_ms = 0.0

    def take(self, weight: float, priority: Priority, now_ms: float, orders: int = 0) -> float:
        """Spend and return 0, or spend nothing and return how many ms to wait at least."""
        for bucket in (self._weights, self._orders):
            bucket.fill(now_ms)
        wait = max(self._closed_ms(priority, now_ms), self._weights.wait_ms(weight, priority))
        if orders:
            wait = max(wait, self._orders.wait_ms(orders, priority))
        if wait > 0.0:
            return wait
        self._weights.take(weight)
        if orders:
            self._orders.take(orders)
        if now_ms < self._shut_until_ms:
            self._probe_ms = now_ms + PROBE_MS
        return 0.0

    def _closed_ms(self, priority: Priority, now_ms: float) -> float:
        until = self._banned_until_ms
        if now_ms < self._shut_until_ms:
            probe = self._probe_ms if priority is Priority.PROTECT else self._shut_until_ms
            until = max(until, probe)
        return max(0.0, until - now_ms)

    def heard(self, now_ms: float, weight: float | None, orders: float | None = None) -> None:
        """Learn from an answer's headers what the venue counted in the last minute."""
        for bucket, used in ((self._weights, weight), (self._orders, orders)):
            if used is not None:
                bucket.fill(now_ms)
                bucket.heard(used)

    def refused(self, now_ms: float, retry_after_ms: float, *, banned: bool) -> None:
        """Stop asking: the venue answered 429, or 418 to an address it banned."""
        until = now_ms + retry_after_ms
        self._shut_until_ms = max(self._shut_until_ms, until)
        self._probe_ms = max(self._probe_ms, now_ms + min(PROBE_MS, retry_after_ms))
        if banned:
            self._banned_until_ms = max(self._banned_until_ms, until)

    def pardon(self) -> None:
        """Forget that the venue refused us."""
        self._shut_until_ms = self._banned_until_ms = self._probe_ms = 0.0
