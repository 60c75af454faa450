from __future__ import annotations

import pytest

from actors.hops import HopMeter, add_up
from aster_ray import clock


def test_messages_of_two_processes_add_up() -> None:
    meters = [HopMeter(), HopMeter()]
    for index in range(100):
        sent_ns = clock.wall_ns() - (50_000_000 if index == 99 else 1_000_000)
        meters[index % 2].arrived("a -> b", sent_ns)
    meters[0].arrived("b -> c", clock.wall_ns())
    found = add_up(meter.counts() for meter in meters)
    assert found["a -> b"].messages == 100
    assert found["a -> b"].p50_ms == pytest.approx(1.0, rel=0.2)
    assert found["a -> b"].p99_ms == pytest.approx(1.0, rel=0.2)
    assert found["b -> c"].messages == 1
    late = add_up([meters[1].counts()])["a -> b"]
    assert late.p99_ms == pytest.approx(50.0, rel=0.1)


def test_a_clock_that_jumps_does_not_break_the_count() -> None:
    meter = HopMeter()
    meter.arrived("a -> b", clock.wall_ns() + 10**9)
    meter.arrived("a -> b", 0)
    assert add_up([meter.counts()])["a -> b"].messages == 2


def test_nothing_has_no_latency() -> None:
    assert add_up([]) == {}
    (empty,) = add_up([{"a -> b": {}}]).values()
    assert empty == (0, None, None)
