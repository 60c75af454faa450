from __future__ import annotations

import time

import pytest

from aster_ray.clock import LiveClock, ReplayClock, boot_ns, monotonic_ns, wait, wall_ns


def test_replay_time_is_the_last_event_and_never_runs_back() -> None:
    clock = ReplayClock()
    assert clock.now_ms() == 0
    clock.advance(5_000)
    clock.advance(5_000)
    assert clock.now_ms() == 5_000
    with pytest.raises(ValueError, match="backwards: 4999 < 5000"):
        clock.advance(4_999)


def test_live_time_is_the_wall_clock_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= LiveClock().now_ms() <= time.time_ns() // 1_000_000
    assert abs(wall_ns() - time.time_ns()) < 1_000_000_000


def test_waiting_takes_time_and_nothing_waits_for_nothing() -> None:
    start = monotonic_ns()
    wait(0.0)
    wait(-1.0)
    wait(0.01)
    assert monotonic_ns() - start >= 10_000_000


def test_time_since_boot_runs_forward_and_is_above_that_of_the_process() -> None:
    before = boot_ns()
    assert before > 0
    assert boot_ns() >= before
