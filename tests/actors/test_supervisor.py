from __future__ import annotations

from actors.hops import HopMeter
from actors.supervisor import Pulse, _messages
from aster_ray import clock


def test_an_actor_is_told_the_messages_that_reached_it_over_all_its_lives() -> None:
    pulse, now = Pulse(None), clock.wall_ns()
    for pid, count in ((7, 3), (8, 2)):
        meter = HopMeter()
        for _ in range(count):
            meter.arrived("risk -> executor", now)
            meter.arrived("bar close to venue", now)  # a span, not a message
        health = {"pid": pid, "ready": True, "failure": "", "progress": count}
        pulse.heard(health | {"hops": meter.counts(), "stages": {}}, pid)
    assert _messages(pulse) == 5
    assert (pulse.restarts, pulse.progress) == (1, 3)
