from __future__ import annotations

from actors.hops import HopMeter
from actors.pulse import READY, Pulse
from actors.supervisor import _messages
from aster_ray import clock


def test_an_actor_is_told_the_messages_that_reached_it_over_all_its_lives() -> None:
    pulse, now, seq = Pulse(), clock.wall_ns(), -1
    for pid, count in ((7, 3), (8, 2)):
        meter = HopMeter()
        for _ in range(count):
            seq += 1
            meter.arrived("risk -> executor", seq, now)
            meter.arrived("risk -> executor", seq, now)  # sent again
            meter.arrived("bar close to venue", seq, now)  # a span, not a message
        health = {"pid": pid, "state": READY, "failure": "", "progress": count, "dropped": {}}
        arrived = {"hops": meter.counts(), "crossings": meter.crossings(), "stages": {}}
        pulse.heard(health | arrived, pid)
    assert _messages(pulse) == 5
    assert (len(pulse.recoveries), pulse.progress) == (1, 3)
    assert (pulse.crossed("risk -> executor"), pulse.crossed("feed -> executor")) == (4, -1)
