"""The rate budget of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aster_ray import clock
from aster_ray.model.enums import Urgency
from aster_ray.store.quota import Quota


class LocalBudget:
    """A bucket in memory; satisfies ``RateBudgetPort``. Threads may share it."""

    def __init__(self, quota: Quota, now_ns: Callable[[], int] = clock.boot_ns) -> None:
        self._quota = quota
        self._now_ns = now_ns
        self._mutex = threading.Lock()
        self._tokens = float(quota.burst)
        self._at_ns = self._free_ns = now_ns()

    def take(self, weight: int, urgency: Urgency) -> float:
        """Spend ``weight`` or say when to ask again; see ``RateBudgetPort``."""
        needed = self._quota.needed(weight, urgency)
        with self._mutex:
            now = self._refill()
            if now < self._free_ns:
                return (self._free_ns - now) / 1e9
            if self._tokens < needed:
                return (needed - self._tokens) / self._quota.rate
            self._tokens -= weight
            return 0.0

    def spent(self, weight: int) -> None:
        """Believe the venue's count where it leaves less than ours; see ``RateBudgetPort``."""
        with self._mutex:
            self._refill()
            self._tokens = min(self._tokens, float(self._quota.limit - weight))

    def pause(self, seconds: float) -> None:
        """Let nobody spend anything for so long; see ``RateBudgetPort``."""
        with self._mutex:
            self._free_ns = max(self._free_ns, self._now_ns() + int(seconds * 1e9))

    def _refill(self) -> int:
        now = self._now_ns()
        earned = (now - self._at_ns) / 1e9 * self._quota.rate
        self._tokens = min(self._tokens + earned, float(self._quota.burst))
        self._at_ns = now
        return now
