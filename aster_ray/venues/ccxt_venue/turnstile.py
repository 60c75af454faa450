"""Where requests wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aster_ray.clock import monotonic_ns
from aster_ray.errors import RetryableError
from aster_ray.venues.ccxt_venue.budget import Priority, RateBudget

# An order that waited longer was decided on another market: whoever decided must look again.
MOST_ORDER_WAIT_MS = 2_000.0


def monotonic_ms() -> float:
    """Return a stamp for durations in milliseconds."""
    return monotonic_ns() / 1e6


class Turnstile:
    """Lets requests through as the budget allows; of one priority first come, first served.

    Args:
        budget: what may be asked.
        max_wait_ms: who would wait longer is turned away at once.
        now_ms: monotonic milliseconds.
    """

    def __init__(
        self,
        budget: RateBudget,
        max_wait_ms: float,
        now_ms: Callable[[], float] = monotonic_ms,
    ) -> None:
        self.budget = budget
        self.now_ms = now_ms
        self._max_wait_ms = max_wait_ms
        self._queues = {priority: asyncio.Lock() for priority in Priority}

    async def enter(self, weight: float, priority: Priority, orders: int = 0) -> None:
        """Return once a request of this weight may be sent; it is counted then.

        Raises:
            RetryableError: its turn comes too late; nothing was sent.
        """
        patience = min(self._max_wait_ms, MOST_ORDER_WAIT_MS) if orders else self._max_wait_ms
        until = self.now_ms() + patience
        async with self._queues[priority]:
            while True:
                now = self.now_ms()
                wait = self.budget.take(weight, priority, now, orders)
                if wait <= 0.0:
                    return
                if now + wait > until:
                    raise RetryableError(
                        f"the request budget is spent: {priority.name.lower()} requests may go "
                        f"on in {wait / 1000.0:.1f} s",
                        retry_after_ms=int(wait) + 1,
                    )
                await asyncio.sleep(wait / 1000.0)
