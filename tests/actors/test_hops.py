from __future__ import annotations

import json

import pytest

from actors.hops import HopMeter, StampedVenue, TimedJournal, add_up, read_counts
from aster_ray import clock


def test_messages_of_two_processes_add_up() -> None:
    meters = [HopMeter(), HopMeter()]
    for index in range(100):
        sent_ns = clock.wall_ns() - (50_000_000 if index == 99 else 1_000_000)
        assert meters[index % 2].arrived("a -> b", index, sent_ns)
    meters[0].arrived("b -> c", 7, clock.wall_ns())
    found = add_up(meter.counts() for meter in meters)
    assert found["a -> b"].messages == 100
    assert found["a -> b"].p50_ms == pytest.approx(1.0, rel=0.2)
    assert found["a -> b"].p99_ms == pytest.approx(1.0, rel=0.2)
    assert found["b -> c"].messages == 1
    late = add_up([meters[1].counts()])["a -> b"]
    assert late.p99_ms == pytest.approx(50.0, rel=0.1)


def test_a_clock_that_jumps_does_not_break_the_count() -> None:
    meter = HopMeter()
    meter.arrived("a -> b", 0, clock.wall_ns() + 10**9)
    meter.arrived("a -> b", 1, 0)
    assert add_up([meter.counts()])["a -> b"].messages == 2


def test_nothing_has_no_latency() -> None:
    assert add_up([]) == {}
    (empty,) = add_up([{"a -> b": {}}]).values()
    assert empty == (0, None, None, 0)


class Disk:
    """A journal that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def append(self, record: dict[str, object]) -> None:
        self.asked.append(record)

    def commit(self) -> None:
        self.asked.append("commit")


def test_a_timed_journal_passes_everything_on_and_counts_what_reached_the_disk() -> None:
    disk, meter = Disk(), HopMeter()
    journal = TimedJournal(disk, meter, "risk")
    journal.commit()
    journal.append({"seq": 1})
    journal.append({"seq": 2})
    journal.commit()
    journal.commit()
    assert disk.asked == ["commit", {"seq": 1}, {"seq": 2}, "commit", "commit"]
    found = add_up([meter.counts()])
    assert {name: row.messages for name, row in found.items()} == {
        "risk: encode record": 2,
        "risk: write and fsync": 1,
    }


def test_orders_are_stamped_before_the_venue_has_them() -> None:
    told: list[object] = []

    class Venue:
        accepted = 7

        def submit(self, *orders: object) -> None:
            told.append(orders)

    port = StampedVenue(Venue(), lambda: told.append("handed over"))
    port.submit("orders", ["id"])
    assert told == ["handed over", ("orders", ["id"])]
    assert port.accepted == 7


def test_work_that_fails_is_no_duration() -> None:
    meter = HopMeter()

    def fail() -> None:
        with meter.timed("risk: conclude"):
            raise OSError("disk full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert meter.counts() == {}


def test_a_message_sent_again_is_counted_once() -> None:
    """Also where the first and the second arrive at a process and at its successor."""
    one, successor, now = HopMeter(), HopMeter(), clock.wall_ns()
    news = [one.arrived("a -> b", seq, now) for seq in (0, 1, 1, 2, 1)]
    assert news == [True, True, False, True, False]
    for seq in (2, 3, 4):
        successor.arrived("a -> b", seq, now)
    meters = (one, successor)
    found = add_up([x.counts() for x in meters], [x.crossings() for x in meters])["a -> b"]
    assert (found.messages, found.again) == (5, 2)


def test_counts_survive_being_written_down() -> None:
    meter = HopMeter()
    for seq in range(5):
        meter.arrived("a -> b", seq, 0)
    assert read_counts(json.loads(json.dumps(meter.counts()))) == meter.counts()
