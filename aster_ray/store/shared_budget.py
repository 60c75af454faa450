"""The rate budget of everybody behind one address, and what is left of it while Redis is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import structlog

from aster_ray import clock
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.errors import BadInputError, RetryableError
from aster_ray.model.enums import Urgency
from aster_ray.store.config import Places
from aster_ray.store.local_budget import LocalBudget
from aster_ray.store.quota import Quota

_AGAIN_NS = 5_000_000_000  # after a failure: nobody waits for a dead server's patience each time
_BURST = 0.25  # of a minute's limit, all at once


class Bucket(NamedTuple):
    """A budget and what it allows."""

    budget: RateBudgetPort
    quota: Quota

    def take(self, weight: int, urgency: Urgency) -> float:
        """Spend ``weight``; one that is larger than the bucket takes all there is."""
        return self.budget.take(self.quota.within(weight, urgency), urgency)


class SharedBudget:
    """Draw from ``shared``; while it does not answer, from a safe part of it of one's own.

    Satisfies ``RateBudgetPort``, and never raises for a store that is away.
    """

    def __init__(
        self, shared: Bucket, alone: Bucket, now_ns: Callable[[], int] = clock.boot_ns
    ) -> None:
        self._shared, self._alone, self._now_ns = shared, alone, now_ns
        self._again_ns = 0
        self._is_away = False

    def take(self, weight: int, urgency: Urgency) -> float:
        """Spend ``weight`` or say when to ask again; see ``RateBudgetPort``."""
        if self._now_ns() >= self._again_ns:
            try:
                wait = self._shared.take(weight, urgency)
            except (RetryableError, BadInputError) as error:
                self._lost(error)
            else:
                self._found()
                return wait
        return self._alone.take(weight, urgency)

    def spent(self, weight: int) -> None:
        """Believe the venue's count where it leaves less than ours; see ``RateBudgetPort``."""
        part = self._alone.quota.limit / self._shared.quota.limit
        self._alone.budget.spent(int(weight * part))  # the venue counts everybody's
        self._tell(lambda: self._shared.budget.spent(weight))

    def pause(self, seconds: float) -> None:
        """Let nobody spend anything for so long; see ``RateBudgetPort``."""
        self._alone.budget.pause(seconds)
        self._tell(lambda: self._shared.budget.pause(seconds))

    def _tell(self, word: Callable[[], None]) -> None:
        if self._now_ns() < self._again_ns:
            return
        try:
            word()
        except (RetryableError, BadInputError) as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        self._again_ns = self._now_ns() + _AGAIN_NS
        if not self._is_away:
            self._is_away = True
            structlog.get_logger().warning("rate_budget_alone", reason=str(error))

    def _found(self) -> None:
        if self._is_away:
            self._is_away = False
            structlog.get_logger().info("rate_budget_shared")


def shared_budget(places: Places, venue: str, weight_per_minute: int) -> RateBudgetPort | None:
    """Return the budget of this address at ``venue``; None where nothing is shared.

    Args:
        places: where things are shared.
        venue: name of the venue; its address too, where it is not the venue's own.
        weight_per_minute: what the venue allows one address.
    """
    if not places.redis.url.value:
        return None
    from aster_ray.store.redis.budget import RedisBudget
    from aster_ray.store.redis.connection import Connection

    name = "-".join(filter(None, (venue, places.redis.address)))
    whole, part = weight_per_minute, int(weight_per_minute * places.redis.budget_share)
    quota, own = _quota(whole), _quota(max(10, part))
    shared = RedisBudget(Connection(places.redis.url), name, quota)
    return SharedBudget(Bucket(shared, quota), Bucket(LocalBudget(own), own))


def _quota(limit: int) -> Quota:
    return Quota(limit=limit, burst=max(1, int(limit * _BURST)), create_reserve=0.15)
