from __future__ import annotations

import pytest

from aster_ray.venues.simulator.quota import Quota
from aster_ray.venues.simulator.refusals import RefusedError


class Hour:
    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.quota = Quota(lambda: self.now_ms)

    def status(self, weight: int = 1, address: str = "a") -> int:
        try:
            self.quota.spend(address, weight)
        except RefusedError as refused:
            return refused.status
        return 200


def test_weights_of_the_last_minute_add_up_by_address() -> None:
    hour = Hour()
    assert [hour.quota.spend("a", 10), hour.quota.spend("a", 5)] == [10, 15]
    assert hour.quota.spend("b", 1) == 1
    hour.now_ms += 59_999
    assert hour.quota.spend("a", 1) == 16
    hour.now_ms += 1
    assert hour.quota.spend("a", 1) == 2


def test_beyond_the_limit_requests_are_refused_until_the_minute_is_over() -> None:
    hour = Hour()
    hour.quota.weight_limit = 20
    assert hour.status(20) == 200
    assert hour.status() == 429
    assert hour.quota.retry_after("a") == 60
    hour.now_ms += 60_000
    assert hour.status() == 200


def test_who_does_not_stop_is_banned_and_longer_each_time() -> None:
    hour = Hour()
    hour.quota.weight_limit = 0
    assert [hour.status() for _ in range(20)] == [429] * 20
    assert hour.status() == 418
    first = hour.quota.retry_after("a")
    assert first == 120
    hour.now_ms += first * 1000 - 1
    assert hour.status() == 418
    hour.now_ms += 1
    assert [hour.status() for _ in range(21)][-2:] == [429, 418]
    assert hour.quota.retry_after("a") == 2 * first
    assert hour.status(address="b") == 429
    hour.quota.forgive()
    hour.quota.weight_limit = 5
    assert hour.status() == 200


def test_orders_are_counted_by_account() -> None:
    hour = Hour()
    hour.quota.order_limit = 3
    assert [hour.quota.order(1, 2), hour.quota.order(1), hour.quota.order(2)] == [2, 3, 1]
    with pytest.raises(RefusedError, match="current limit is 3 orders"):
        hour.quota.order(1)
