"""When one venue is left for the other, and when it is taken up again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.data.live.failover import BACKUP, PRIMARY, Failover

NAMES = ("aster", "binanceusdm")
SECOND = 1_000


def a_failover(names: tuple[str, ...] = NAMES) -> Failover:
    return Failover(names, 0)


def test_silence_is_given_fifteen_seconds_and_not_one_more() -> None:
    failover = a_failover()
    failover.heard(PRIMARY, 5 * SECOND)
    failover.heard(BACKUP, 19 * SECOND)
    assert failover.tick(20 * SECOND - 1) is None
    switch = failover.tick(20 * SECOND)
    assert switch is not None
    assert (switch.before, switch.after, switch.why) == (0, 1, "aster silent for 15 s")


def test_a_venue_that_speaks_but_answers_nothing_is_left_too() -> None:
    failover = a_failover()
    for second in range(40):
        failover.heard(PRIMARY, second * SECOND)
        failover.heard(BACKUP, second * SECOND)
        if second >= 10:
            failover.failed(PRIMARY, second * SECOND)
        switch = failover.tick(second * SECOND)
        if switch is not None:
            assert second == 25
            assert "leaves questions unanswered for 15 s" in switch.why
            return
    raise AssertionError("never left")


def test_one_answer_ends_the_doubt() -> None:
    failover = a_failover()
    for second in range(40):
        failover.heard(PRIMARY, second * SECOND)
        failover.heard(BACKUP, second * SECOND)
        failover.failed(PRIMARY, second * SECOND)
        if second % 14 == 0:
            failover.answered(PRIMARY, second * SECOND)
        assert failover.tick(second * SECOND) is None


def test_a_break_within_the_minute_of_health_begins_it_anew() -> None:
    failover = a_failover()
    back = []
    for second in range(200):
        failover.heard(BACKUP, second * SECOND)
        # Silent until 30, healthy to 60, silent to 80, healthy from then on.
        if 30 <= second < 60 or second >= 80:
            failover.heard(PRIMARY, second * SECOND)
        switch = failover.tick(second * SECOND)
        if switch is not None:
            back.append((second, switch.after))
    # Alive at 30 to 74 (silence of 15 s counts from the last word), again from 80 on.
    assert back == [(15, BACKUP), (140, PRIMARY)]


def test_both_dead_changes_nothing_and_the_first_to_speak_is_used() -> None:
    failover = a_failover()
    assert failover.tick(60 * SECOND) is None
    failover.heard(BACKUP, 61 * SECOND)
    switch = failover.tick(61 * SECOND)
    assert switch is not None
    assert switch.after == BACKUP
    failover.heard(PRIMARY, 70 * SECOND)
    assert failover.tick(71 * SECOND) is None
    failover.heard(PRIMARY, 77 * SECOND)
    switch = failover.tick(77 * SECOND)  # the backup died; waiting a minute would help nobody
    assert switch is not None
    assert (switch.after, switch.why) == (PRIMARY, "binanceusdm silent for 16 s")


def test_without_a_backup_there_is_nowhere_to_go() -> None:
    failover = a_failover(("aster",))
    assert failover.tick(3_600 * SECOND) is None
    assert not failover.is_alive(PRIMARY, 3_600 * SECOND)
    assert failover.active == PRIMARY


@pytest.mark.parametrize("names", [(), ("a", "b", "c")])
def test_one_or_two_venues(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one or two"):
        Failover(names, 0)


words = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 20_000)), max_size=120)


@given(words)
def test_it_never_sits_with_the_dead_nor_leaves_the_living(words: list[tuple[int, int]]) -> None:
    failover, now = a_failover(), 0
    heard = [0, 0]
    alive_since = [0, 0]
    for who, pause in words:
        for _ in range(max(1, pause // 250)):
            now += 250
            before = failover.active
            switch = failover.tick(now)
            dead = [now - ms >= 15 * SECOND for ms in heard]
            if switch is not None:
                assert before != failover.active
                if before == PRIMARY:
                    assert dead[PRIMARY]
                    assert not dead[BACKUP]
                else:
                    assert not dead[PRIMARY]
                    assert dead[BACKUP] or now - alive_since[PRIMARY] >= 60 * SECOND
            assert not (dead[failover.active] and not dead[1 - failover.active])
            if failover.active == BACKUP and not dead[PRIMARY]:
                assert now - alive_since[PRIMARY] < 60 * SECOND
        if now - heard[who] >= 15 * SECOND:
            alive_since[who] = now
        heard[who] = now
        failover.heard(who, now)
