from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.errors import RetryableError
from aster_ray.model.enums import Urgency
from aster_ray.venues.ccxt_venue.budget import MINUTE_MS, PROBE_MS, Priority, RateBudget
from aster_ray.venues.ccxt_venue.turnstile import Turnstile

LIMIT, ORDERS = 2400, 1200
asks = st.lists(
    st.tuples(
        st.floats(0.0, 5_000.0), st.integers(1, 40), st.sampled_from(Priority), st.integers(0, 1)
    ),
    max_size=400,
)


@given(asks)
def test_no_minute_ever_holds_more_than_the_limit(
    sent: list[tuple[float, int, Priority, int]],
) -> None:
    budget, now = RateBudget(LIMIT, 60), 0.0
    spent: list[tuple[float, int, int]] = []
    for pause, weight, priority, orders in sent:
        now += pause
        if budget.take(weight, priority, now, orders) == 0.0:
            spent.append((now, weight, orders))
    for first, _, _ in spent:
        minute = [row for row in spent if first <= row[0] < first + MINUTE_MS]
        assert sum(weight for _, weight, _ in minute) <= LIMIT
        assert sum(orders for _, _, orders in minute) <= 60


@given(asks, st.integers(1, 40))
def test_who_waits_as_long_as_told_goes_through(
    sent: list[tuple[float, int, Priority, int]], weight: int
) -> None:
    for priority in Priority:
        budget, now = RateBudget(LIMIT, ORDERS), 0.0
        for pause, other, rank, orders in sent:
            now += pause / 100.0
            budget.take(other, rank, now, orders)
        wait = budget.take(weight, priority, now, 1)
        if wait > 0.0:
            assert budget.take(weight, priority, now + wait + 1e-6, 1) == 0.0


@given(asks)
def test_polls_stop_first_and_protection_last(sent: list[tuple[float, int, Priority, int]]) -> None:
    budget, now = RateBudget(LIMIT, ORDERS), 0.0
    for pause, weight, priority, orders in sent:
        now += pause / 100.0
        budget.take(weight, priority, now, orders)
        probe = [RateBudget.take(_copy(budget), 1, rank, now) for rank in Priority]
        assert probe == sorted(probe)
        # All that polls and openings leave behind is there for protection.
        if priority is not Priority.PROTECT and probe[Priority.POLL] == 0.0:
            assert probe[Priority.PROTECT] == 0.0


def _copy(budget: RateBudget) -> RateBudget:
    from copy import deepcopy

    return deepcopy(budget)


def test_polls_alone_never_touch_what_is_kept_for_the_others() -> None:
    budget = RateBudget(LIMIT, ORDERS)
    while budget.take(10, Priority.POLL, 0.0) == 0.0:
        pass
    for _ in range(20):
        assert budget.take(10, Priority.CREATE, 0.0, 1) == 0.0
    while budget.take(1, Priority.CREATE, 0.0, 1) == 0.0:
        pass
    for _ in range(50):
        assert budget.take(1, Priority.PROTECT, 0.0, 1) == 0.0


def test_what_others_spent_from_the_same_address_counts() -> None:
    budget = RateBudget(LIMIT, ORDERS)
    assert budget.take(1, Priority.POLL, 0.0) == 0.0
    budget.heard(0.0, 2390)
    assert budget.take(1, Priority.POLL, 0.0) > 0.0
    assert budget.take(1, Priority.PROTECT, 0.0) == 0.0
    assert budget.take(40, Priority.PROTECT, 0.0) > 0.0
    budget.heard(0.0, None, orders=1200)
    assert budget.take(1, Priority.PROTECT, 0.0, 1) > 0.0


def test_a_refusal_closes_the_door_to_all_but_a_protective_probe() -> None:
    budget = RateBudget(LIMIT, ORDERS)
    assert budget.take(1, Priority.POLL, 0.0) == 0.0
    budget.refused(0.0, 60_000.0, banned=False)
    assert budget.take(1, Priority.POLL, 0.0) == 60_000.0
    assert budget.take(1, Priority.CREATE, 0.0) == 60_000.0
    assert budget.take(1, Priority.PROTECT, 0.0) == PROBE_MS
    assert budget.take(1, Priority.PROTECT, PROBE_MS) == 0.0
    assert budget.take(1, Priority.PROTECT, PROBE_MS) == PROBE_MS
    assert budget.take(1, Priority.POLL, 60_000.0) == 0.0


def test_a_ban_closes_it_to_everybody() -> None:
    budget = RateBudget(LIMIT, ORDERS)
    budget.refused(0.0, 120_000.0, banned=True)
    for priority in Priority:
        assert budget.take(1, priority, 10_000.0) == 110_000.0
        assert budget.take(1, priority, 120_000.0) == 0.0


def test_a_request_larger_than_the_bucket_still_goes() -> None:
    budget = RateBudget(20, 20)
    assert budget.take(40, Priority.POLL, 0.0) == 0.0
    assert budget.take(1, Priority.POLL, 0.0) > 0.0


def test_who_would_wait_too_long_is_turned_away_at_once() -> None:
    async def run() -> None:
        now = 0.0
        gate = Turnstile(RateBudget(60, 60), 1_000.0, lambda: now)
        await gate.enter(15, Priority.PROTECT)
        with pytest.raises(RetryableError) as raised:
            await gate.enter(15, Priority.PROTECT)
        assert raised.value.retry_after_ms == 20_001
        assert "protect requests may go on in 20.0 s" in str(raised.value)

    asyncio.run(run())


def test_an_order_never_waits_until_it_is_old() -> None:
    async def run() -> None:
        gate = Turnstile(RateBudget(600, 600), 60_000.0, lambda: 0.0)
        await gate.enter(150, Priority.PROTECT)
        with pytest.raises(RetryableError) as raised:
            await gate.enter(20, Priority.PROTECT, orders=1)
        assert raised.value.retry_after_ms == 2_667

    asyncio.run(run())


def test_requests_of_one_priority_keep_their_order() -> None:
    async def run() -> None:
        gate = Turnstile(RateBudget(60_000, 60_000), 60_000.0)
        await gate.enter(14_990, Priority.PROTECT)
        done: list[int] = []

        async def one(number: int) -> None:
            await gate.enter(30, Priority.PROTECT)
            done.append(number)

        await asyncio.gather(*(one(number) for number in range(6)))
        assert done == list(range(6))

    asyncio.run(run())


class Common:
    """A budget others share: gives out what it was told to, and remembers what it hears."""

    def __init__(self, *waits_s: float) -> None:
        self._waits = list(waits_s)
        self.taken: list[tuple[int, Urgency]] = []
        self.told: list[tuple[str, float]] = []

    def take(self, weight: int, urgency: Urgency) -> float:
        self.taken.append((weight, urgency))
        return self._waits.pop(0) if self._waits else 0.0

    def spent(self, weight: int) -> None:
        self.told.append(("spent", weight))

    def pause(self, seconds: float) -> None:
        self.told.append(("pause", seconds))


def test_a_shared_budget_stands_for_the_weight_and_not_for_the_orders() -> None:
    async def run() -> None:
        common = Common(0.0, 0.01)
        gate = Turnstile(RateBudget(60, 60), 1_000.0, lambda: 0.0, common)
        await gate.enter(1_000, Priority.POLL)  # more than its own bucket holds
        await gate.enter(2.5, Priority.PROTECT, orders=15)  # told to wait, then let through
        assert common.taken == [(1_000, Urgency.POLL), (3, Urgency.PROTECT), (3, Urgency.PROTECT)]
        with pytest.raises(RetryableError, match="the request budget is spent"):
            await gate.enter(1, Priority.CREATE, orders=1)  # of which there are no more
        assert common.taken[3:] == [(1, Urgency.CREATE)]

    asyncio.run(run())


def test_who_would_wait_too_long_for_what_is_shared_is_turned_away() -> None:
    async def run() -> None:
        gate = Turnstile(RateBudget(60, 60), 1_000.0, lambda: 0.0, Common(20.0))
        with pytest.raises(RetryableError) as raised:
            await gate.enter(1, Priority.POLL)
        assert raised.value.retry_after_ms == 20_001

    asyncio.run(run())


def test_what_the_venue_says_reaches_whoever_shares_now_and_then() -> None:
    async def run() -> None:
        now, common = 0.0, Common()
        gate = Turnstile(RateBudget(60, 60), 1_000.0, lambda: now, common)
        gate.heard(None, 5)
        for _ in range(3):
            gate.heard(7.0, None)
        now = 1_500.0
        gate.heard(9.0, None)
        gate.refused(3_000.0, banned=False)
        gate.refused(60_000.0, banned=True)
        await asyncio.gather(*gate.telling)
        expected = [("pause", 60.0), ("spent", 7), ("spent", 9), ("spent", 60)]
        assert sorted(common.told) == expected

    asyncio.run(run())
