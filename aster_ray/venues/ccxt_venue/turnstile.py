"""Where requests wait for their turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from aster_ray.clock import monotonic_ns
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.errors import RetryableError
from aster_ray.model.enums import Urgency
from aster_ray.venues.ccxt_venue.budget import Priority, RateBudget

# An order that waited longer was decided on another market: whoever decided must look again.
MOST_ORDER_WAIT_MS = 2_000.0
_TOLD_MS = 1_000.0  # between two words about the venue's own count


def monotonic_ms() -> float:
    """Return a stamp for durations in milliseconds."""
    return monotonic_ns() / 1e6


class Turnstile:
    """Lets requests through as the budget allows; of one priority first come, first served.

    Args:
        budget: what may be asked.
        max_wait_ms: who would wait longer is turned away at once.
        now_ms: monotonic milliseconds.
        shared: the request weight of everybody behind this address, in the place of the budget's
            own; asked on a thread, for it may be far away.
    """

    def __init__(
        self,
        budget: RateBudget,
        max_wait_ms: float,
        now_ms: Callable[[], float] = monotonic_ms,
        shared: RateBudgetPort | None = None,
    ) -> None:
        self.budget = budget
        self.now_ms = now_ms
        self._max_wait_ms = max_wait_ms
        self._shared = shared
        self._told_ms = -_TOLD_MS
        self.telling: set[asyncio.Future[None]] = set()  # what is on its way to others
        self._queues = {priority: asyncio.Lock() for priority in Priority}

    async def enter(self, weight: float, priority: Priority, orders: int = 0) -> None:
        """Return once a request of this weight may be sent; it is counted then.

        Raises:
            RetryableError: its turn comes too late; nothing was sent.
        """
        patience = min(self._max_wait_ms, MOST_ORDER_WAIT_MS) if orders else self._max_wait_ms
        until = self.now_ms() + patience
        async with self._queues[priority]:
            paid = self._shared is None
            while True:
                now = self.now_ms()
                wait = 0.0 if paid else await self._draw(weight, priority)
                if wait <= 0.0:
                    # Drawn once: whoever then waits for something else need not draw again.
                    mine, paid = weight if self._shared is None else 0.0, True
                    wait = self.budget.take(mine, priority, now, orders)
                if wait <= 0.0:
                    return
                if now + wait > until:
                    raise RetryableError(
                        f"the request budget is spent: {priority.name.lower()} requests may go "
                        f"on in {wait / 1000.0:.1f} s",
                        retry_after_ms=int(wait) + 1,
                    )
                await asyncio.sleep(wait / 1000.0)

    async def _draw(self, weight: float, priority: Priority) -> float:
        """Take from what is shared and return 0, or return how many ms to wait at least."""
        shared = self._shared
        if shared is None:
            return 0.0
        whole = max(1, math.ceil(weight))
        return 1000.0 * await asyncio.to_thread(shared.take, whole, Urgency(int(priority)))

    def heard(self, weight: float | None, orders: float | None) -> None:
        """Learn from an answer what the venue counted in the last minute."""
        now = self.now_ms()
        self.budget.heard(now, weight, orders)
        if self._shared is not None and weight is not None and now - self._told_ms >= _TOLD_MS:
            self._told_ms = now
            self._tell(self._shared.spent, int(weight))

    def refused(self, retry_after_ms: float, *, banned: bool) -> None:
        """Stop asking: the venue answered 429, or 418 to an address it banned.

        A ban is the whole address's. After a 429 what is shared is empty, and comes back to
        cancels and protection first.
        """
        self.budget.refused(self.now_ms(), retry_after_ms, banned=banned)
        if self._shared is None:
            return
        if banned:
            self._tell(self._shared.pause, retry_after_ms / 1000.0)
        else:
            self._tell(self._shared.spent, self.budget.weight_limit)

    def _tell(self, word: Callable[..., None], value: float) -> None:
        """Say something to whoever shares, without waiting for it."""
        told = asyncio.ensure_future(asyncio.to_thread(word, value))
        self.telling.add(told)
        told.add_done_callback(self.telling.discard)
