from __future__ import annotations

import pytest

from aster_ray.venues.simulator.listen_keys import LIFE_MS, ListenKeys
from aster_ray.venues.simulator.refusals import RefusedError


class Hour:
    def __init__(self) -> None:
        self.now_ms = 0
        self.keys = ListenKeys(lambda: self.now_ms)


def test_a_key_is_the_same_as_long_as_it_lives() -> None:
    hour = Hour()
    key = hour.keys.issue(1)
    hour.now_ms = LIFE_MS - 1
    assert hour.keys.issue(1) == key
    assert hour.keys.issue(2) != key
    hour.now_ms += LIFE_MS - 1
    assert hour.keys.expire() == []
    hour.now_ms += 1
    assert key in hour.keys.expire()
    assert not hour.keys.is_alive(key)
    assert hour.keys.issue(1) != key


def test_a_key_is_extended_or_given_back_by_its_account() -> None:
    hour = Hour()
    key = hour.keys.issue(1)
    hour.now_ms = LIFE_MS - 1
    hour.keys.extend(1)
    hour.now_ms = LIFE_MS + 1
    assert hour.keys.expire() == []
    assert hour.keys.of(1) == key
    hour.keys.close(1)
    assert hour.keys.of(1) is None
    with pytest.raises(RefusedError, match="listenKey does not exist"):
        hour.keys.extend(1)


def test_all_keys_can_be_made_to_end() -> None:
    hour = Hour()
    keys = {hour.keys.issue(1), hour.keys.issue(2)}
    hour.keys.expire_all()
    assert set(hour.keys.expire()) == keys
