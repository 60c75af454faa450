"""One contract, two implementations: the bucket of a process, and the one in Redis."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.model.enums import Urgency
from aster_ray.store.local_budget import LocalBudget
from aster_ray.store.quota import Quota
from aster_ray.store.redis.budget import RedisBudget
from aster_ray.store.redis.connection import Connection

SLOW = Quota(limit=1_000, window_s=1e6, burst=100)  # nothing to speak of comes back
Maker = Callable[[Quota], RateBudgetPort]


@pytest.fixture(params=["local", "redis"])
def budget(request: pytest.FixtureRequest, account: str) -> Maker:
    """Return how to get at the bucket; every call is another process, as it were."""
    if request.param == "redis":
        connection: Connection = request.getfixturevalue("redis_connection")
        return lambda quota: RedisBudget(connection, account, quota)
    made: list[LocalBudget] = []

    def one(quota: Quota) -> RateBudgetPort:
        made.extend([LocalBudget(quota)] * (not made))
        return made[0]

    return one


def test_a_burst_may_be_spent_at_once_and_no_more(budget: Maker) -> None:
    here, there = budget(SLOW), budget(SLOW)
    assert here.take(60, Urgency.PROTECT) == 0.0
    assert there.take(40, Urgency.PROTECT) == 0.0
    wait = here.take(8, Urgency.PROTECT)
    assert wait == pytest.approx(8 / SLOW.rate, rel=0.01)


def test_what_is_less_urgent_leaves_something_for_what_is_more(budget: Maker) -> None:
    one = budget(SLOW)
    assert one.take(50, Urgency.POLL) == 0.0
    assert one.take(1, Urgency.POLL) > 0.0
    assert one.take(30, Urgency.CREATE) == 0.0
    assert one.take(1, Urgency.CREATE) > 0.0
    assert one.take(20, Urgency.PROTECT) == 0.0
    assert one.take(1, Urgency.PROTECT) > 0.0


def test_what_was_refused_cost_nothing(budget: Maker) -> None:
    one = budget(SLOW)
    assert one.take(90, Urgency.PROTECT) == 0.0
    for _ in range(50):
        assert one.take(11, Urgency.PROTECT) > 0.0
    assert one.take(10, Urgency.PROTECT) == 0.0


def test_it_comes_back_with_time(budget: Maker) -> None:
    quick = Quota(limit=1_000, window_s=0.1, burst=100)  # 8,000 a second
    one = budget(quick)
    assert one.take(100, Urgency.PROTECT) == 0.0
    wait = one.take(100, Urgency.PROTECT)
    assert 0.0 < wait <= 100 / quick.rate
    time.sleep(wait + 0.01)
    assert one.take(100, Urgency.PROTECT) == 0.0


def test_the_venues_own_count_is_believed_where_it_is_higher(budget: Maker) -> None:
    one = budget(SLOW)
    one.spent(10)  # 990 would be left: more than ours
    assert one.take(20, Urgency.PROTECT) == 0.0
    one.spent(SLOW.limit - 5)
    assert one.take(6, Urgency.PROTECT) > 0.0
    assert one.take(5, Urgency.PROTECT) == 0.0


def test_when_the_venue_says_go_away_everybody_goes(budget: Maker) -> None:
    here, there = budget(SLOW), budget(SLOW)
    here.pause(40.0)
    here.pause(1.0)  # never shortens
    for one in (here, there):
        assert one.take(1, Urgency.PROTECT) == pytest.approx(40.0, abs=5.0)


@pytest.mark.parametrize(
    ("weight", "urgency"), [(101, Urgency.PROTECT), (81, Urgency.CREATE), (51, Urgency.POLL)]
)
def test_what_can_never_be_spent_is_a_defect(budget: Maker, weight: int, urgency: Urgency) -> None:
    with pytest.raises(ValueError, match=f"weight {weight} cannot be spent as"):
        budget(SLOW).take(weight, urgency)


@pytest.mark.parametrize("burst", [0, -1, 500, 1_000])
def test_a_burst_must_leave_room_for_another(burst: int) -> None:
    with pytest.raises(ValueError, match="burst must be below half of limit"):
        Quota(limit=1_000, burst=burst)


def test_reserves_must_rise() -> None:
    with pytest.raises(ValueError, match="reserves must rise"):
        Quota(create_reserve=0.6)


@given(
    st.lists(
        st.tuples(st.floats(0.0, 40.0), st.integers(1, 150), st.sampled_from(Urgency)),
        max_size=200,
    ),
    st.integers(0, 199),
)
def test_no_window_of_the_venue_overflows_whatever_is_asked_and_if_the_count_is_lost_once(
    asked: list[tuple[float, int, Urgency]], lost_at: int
) -> None:
    quota = Quota(limit=2_400, window_s=60.0, burst=300)
    now = [0.0]
    one = LocalBudget(quota, lambda: int(now[0] * 1e9))
    recent: deque[tuple[float, int]] = deque()
    for place, (later, weight, urgency) in enumerate(asked):
        now[0] += later
        if place == lost_at:
            one = LocalBudget(quota, lambda: int(now[0] * 1e9))
        wait = one.take(weight, urgency)
        assert wait >= 0.0
        assert math.isfinite(wait)
        if wait == 0.0:
            recent.append((now[0], weight))
        while recent and recent[0][0] <= now[0] - quota.window_s:
            recent.popleft()
        assert sum(weight for _, weight in recent) <= quota.limit
