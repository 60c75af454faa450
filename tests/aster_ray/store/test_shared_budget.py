"""One address, several processes, one budget; and what each keeps to while Redis is away."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from aster_ray.config import Secret
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.model.enums import Urgency
from aster_ray.store import shared_budget as module
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.store.shared_budget import shared_budget
from tests.aster_ray.store.servers import RedisServer

WEIGHT = 2_400
BURST = WEIGHT // 4
# Spends what it may at once, as one of several processes, and says how much that was.
SPENDER = """
import sys
from aster_ray.config import Secret
from aster_ray.model.enums import Urgency
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.store.shared_budget import shared_budget
places = Places(StoreConfig(), RedisConfig(url=Secret(sys.argv[1]), address=sys.argv[2]))
budget = shared_budget(places, "aster", 2_400)
print("ready", flush=True)
sys.stdin.readline()
spent = 0
while budget.take(5, Urgency.PROTECT) == 0.0:
    spent += 5
print(spent, flush=True)
"""


def at(url: str, address: str, **fields: Any) -> RateBudgetPort:
    redis = RedisConfig(url=Secret(url), address=address, **fields)
    found = shared_budget(Places(StoreConfig(), redis), "aster", WEIGHT)
    assert found is not None
    return found


def spent_at_once(budget: RateBudgetPort, urgency: Urgency = Urgency.PROTECT) -> int:
    spent = 0
    while budget.take(5, urgency) == 0.0:
        spent += 5
    return spent


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []

    class Logger:
        def warning(self, event: str, **_values: Any) -> None:
            words.append(event)

        info = warning

    monkeypatch.setattr(module.structlog, "get_logger", Logger)
    return words


def test_nothing_is_shared_where_there_is_no_redis() -> None:
    assert shared_budget(Places(StoreConfig(), RedisConfig()), "aster", WEIGHT) is None


def test_two_processes_behind_one_address_share_its_weight(
    redis_server: RedisServer, account: str
) -> None:
    command = [sys.executable, "-c", SPENDER, redis_server.url, account]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    spent = []
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in both:
        out, _ = one.communicate(timeout=60)
        spent.append(int(out))
    # While they spend a little comes back; alone each would have had all of it.
    assert BURST <= sum(spent) < 1.5 * BURST
    other = at(redis_server.url, account + "-elsewhere")  # another address has its own
    assert other.take(BURST, Urgency.PROTECT) == 0.0


def test_protection_goes_where_orders_and_polls_wait(
    redis_server: RedisServer, account: str
) -> None:
    here, there = at(redis_server.url, account), at(redis_server.url, account)
    assert spent_at_once(here, Urgency.POLL) >= BURST // 2 - 5
    assert there.take(5, Urgency.POLL) > 0.0
    assert there.take(5, Urgency.CREATE) == 0.0
    spent_at_once(there, Urgency.CREATE)
    assert here.take(5, Urgency.CREATE) > 0.0
    assert here.take(5, Urgency.PROTECT) == 0.0


def test_a_request_larger_than_the_bucket_takes_all_there_is(
    redis_server: RedisServer, account: str
) -> None:
    one = at(redis_server.url, account)
    assert one.take(10 * WEIGHT, Urgency.POLL) == 0.0
    assert one.take(5, Urgency.POLL) > 0.0


def test_a_ban_and_the_venues_own_count_reach_everybody(
    redis_server: RedisServer, account: str
) -> None:
    here, there = at(redis_server.url, account), at(redis_server.url, account)
    here.spent(WEIGHT - 50)
    assert there.take(60, Urgency.PROTECT) > 0.0
    assert there.take(10, Urgency.PROTECT) == 0.0
    here.pause(40.0)
    assert there.take(1, Urgency.PROTECT) == pytest.approx(40.0, abs=5.0)


def test_while_redis_is_away_each_keeps_to_a_part_and_says_so_once(
    own_redis: RedisServer, account: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_NS", 0)
    one = at(own_redis.url, account, budget_share=0.25)
    assert one.take(5, Urgency.PROTECT) == 0.0
    own_redis.end()
    part = spent_at_once(one)
    assert WEIGHT // 4 // 4 <= part <= WEIGHT // 4 // 4 + 20
    assert one.take(1, Urgency.POLL) > 0.0
    one.spent(5)
    one.pause(0.01)
    assert said == ["rate_budget_alone"]
    own_redis.start()
    assert one.take(5, Urgency.PROTECT) == 0.0
    assert said == ["rate_budget_alone", "rate_budget_shared"]


def test_a_dead_redis_is_not_asked_at_every_request(
    own_redis: RedisServer, account: str, said: list[str]
) -> None:
    one = at(own_redis.url, account)
    own_redis.end()
    one.take(5, Urgency.PROTECT)
    own_redis.start()
    one.take(5, Urgency.PROTECT)
    one.spent(5)  # nor told
    assert said == ["rate_budget_alone"]
