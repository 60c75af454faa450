"""How much one address may ask and one account may order, and what happens beyond that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aster_ray.venues.simulator.refusals import Reason, RefusedError

WEIGHT_LIMIT, ORDER_LIMIT = 2400, 1200
_WINDOW_MS = 60_000
# So many refused requests within the window are taken for an attack.
_PATIENCE = 20
_FIRST_BAN_MS, _LONGEST_BAN_MS = 120_000, 3 * 86_400_000
TOO_MANY, BANNED = 429, 418


@dataclass(slots=True)
class _Meter:
    """Weights of the last minute."""

    spent: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, now_ms: int, weight: int) -> int:
        self.spent.append((now_ms, weight))
        self.total += weight
        while self.spent[0][0] <= now_ms - _WINDOW_MS:
            self.total -= self.spent.popleft()[1]
        return self.total


@dataclass(slots=True)
class _Address:
    meter: _Meter = field(default_factory=_Meter)
    refused: _Meter = field(default_factory=_Meter)
    banned_until_ms: int = 0
    bans: int = 0


class Quota:
    """Counts weights by address and orders by account, on the wall clock.

    Attributes:
        weight_limit, order_limit: a minute; tests and the control endpoint lower them.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._addresses: dict[str, _Address] = {}
        self._orders: dict[int, _Meter] = {}
        self.weight_limit = WEIGHT_LIMIT
        self.order_limit = ORDER_LIMIT

    def spend(self, address: str, weight: int) -> int:
        """Count a request and return the weight of the last minute.

        Raises:
            RefusedError: 429 beyond the limit; 418 for an address that does not stop.
        """
        now = self._now_ms()
        state = self._addresses.setdefault(address, _Address())
        if now < state.banned_until_ms:
            raise RefusedError(Reason.BANNED, state.banned_until_ms, status=BANNED)
        used = state.meter.add(now, weight)
        if used <= self.weight_limit:
            return used
        if state.refused.add(now, 1) > _PATIENCE:
            length = min(_FIRST_BAN_MS * 2**state.bans, _LONGEST_BAN_MS)
            state.bans += 1
            state.banned_until_ms = now + length
            state.refused = _Meter()
            raise RefusedError(Reason.BANNED, state.banned_until_ms, status=BANNED)
        raise RefusedError(Reason.TOO_MANY_REQUESTS, self.weight_limit, status=TOO_MANY)

    def retry_after(self, address: str) -> int:
        """Return the seconds after which a refused address may come back."""
        now = self._now_ms()
        state = self._addresses.get(address)
        if state is None:
            return 0
        if now < state.banned_until_ms:
            return -(-(state.banned_until_ms - now) // 1000)
        oldest = state.meter.spent[0][0] if state.meter.spent else now
        return max(1, -(-(oldest + _WINDOW_MS - now) // 1000))

    def used(self, address: str) -> int:
        """Return the weight of the last minute."""
        state = self._addresses.get(address)
        return state.meter.total if state is not None else 0

    def order(self, account: int, count: int = 1) -> int:
        """Count new orders of an account and return those of the last minute.

        Raises:
            RefusedError: too many.
        """
        used = self._orders.setdefault(account, _Meter()).add(self._now_ms(), count)
        if used > self.order_limit:
            raise RefusedError(Reason.TOO_MANY_ORDERS, self.order_limit, status=TOO_MANY)
        return used

    def ordered(self, account: int) -> int:
        """Return the new orders of an account in the last minute."""
        meter = self._orders.get(account)
        return meter.total if meter is not None else 0

    def size(self) -> int:
        """Return how many weights are remembered."""
        meters = [
            meter for state in self._addresses.values() for meter in (state.meter, state.refused)
        ]
        return sum(len(meter.spent) for meter in (*meters, *self._orders.values()))

    def forgive(self) -> None:
        """Forget everything that was counted."""
        self._addresses.clear()
        self._orders.clear()
