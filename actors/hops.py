"""Messages and latency of each hop, and where the time goes inside an actor, counted there.

Durations fall into bins 1 % wide, so that the counts of several processes, and of a process and
its successor, simply add up.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aster_ray import clock, topology
from aster_ray.engine.ports import JournalPort

# The last word on a close; the other hops are named where they arrive.
EXECUTOR_TO_FEED = f"{topology.EXECUTOR} -> {topology.FEED}"
_FLOOR_NS = 1_000.0
_WIDTH = math.log(1.01)
_LAST = 1_950  # about 5 minutes
Counts = dict[str, dict[int, int]]  # name -> bin -> how many


class Crossing(NamedTuple):
    """Which messages of a hop a process saw: numbers only rise, so first and last say which."""

    first: int
    last: int
    again: int  # arrivals of a number that had arrived before

    def add(self, other: Crossing) -> Crossing:
        """Join what two processes saw, e.g. one and its successor."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Crossing(first, last, self.again + other.again)


Crossings = dict[str, Crossing]  # by hop


class HopMeter:
    """Count durations by name: of messages that arrive in one process, or of its own work."""

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._crossings: Crossings = {}

    def arrived(self, hop: str, seq: int, sent_ns: int) -> bool:
        """Note message number ``seq`` of ``hop``, sent at ``sent_ns`` (wall clock).

        Returns:
            Whether it is new; one that was sent again is counted as that, and nowhere else.
        """
        known = self._crossings.get(hop) or Crossing(seq, seq - 1, 0)
        is_new = seq > known.last
        if is_new:
            self.took(hop, clock.wall_ns() - sent_ns)
        last, again = max(seq, known.last), known.again + (not is_new)
        self._crossings[hop] = Crossing(known.first, last, again)
        return is_new

    def took(self, name: str, duration_ns: int) -> None:
        """Note a duration."""
        bins, place = self._counts.setdefault(name, {}), _bin(duration_ns)
        bins[place] = bins.get(place, 0) + 1

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how long the block took, unless it fails."""
        began_ns = clock.monotonic_ns()
        yield
        self.took(name, clock.monotonic_ns() - began_ns)

    def counts(self) -> Counts:
        """Return name -> how many by bin."""
        return {name: dict(bins) for name, bins in list(self._counts.items())}

    def crossings(self) -> Crossings:
        """Return hop -> which messages arrived."""
        return dict(self._crossings)


class TimedJournal:
    """A journal whose encoding and syncing are noted; satisfies ``JournalPort``."""

    def __init__(self, journal: JournalPort, meter: HopMeter, owner: str) -> None:
        self._journal = journal
        self._meter = meter
        self._append, self._commit = f"{owner}: encode record", f"{owner}: write and fsync"
        self._dirty = False

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        with self._meter.timed(self._append):
            self._journal.append(record)
        self._dirty = True

    def commit(self) -> None:
        """Return only once every appended record is on disk; what had nothing to do is no time."""
        if not self._dirty:
            self._journal.commit()
            return
        with self._meter.timed(self._commit):
            self._journal.commit()
        self._dirty = False


class StampedVenue:
    """A venue port that notes the moment orders are handed to it; all else is the venue's."""

    def __init__(self, venue: Any, handed_over: Callable[[], None]) -> None:
        self._venue = venue
        self._handed_over = handed_over

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def submit(self, *arguments: Any) -> None:
        """Hand orders over."""
        self._handed_over()
        self._venue.submit(*arguments)


class HopStatistics(NamedTuple):
    """What a report says about a hop or a piece of work.

    The messages of a hop are the numbers that crossed it: what a process counted in the half second
    before it was killed is known from its successor's numbers, though how long it took is not.
    """

    messages: int
    p50_ms: float | None
    p99_ms: float | None
    again: int = 0  # messages that arrived once more


def add_up(
    parts: Iterable[Mapping[str, Mapping[int, int]]], crossings: Iterable[Crossings] = ()
) -> dict[str, HopStatistics]:
    """Join the counts of several processes, and the numbers of the messages they saw."""
    total: Counts = {}
    for part in parts:
        for name, bins in part.items():
            known = total.setdefault(name, {})
            for place, count in bins.items():
                known[place] = known.get(place, 0) + count
    found = {
        name: HopStatistics(sum(bins.values()), _quantile(bins, 0.50), _quantile(bins, 0.99))
        for name, bins in total.items()
    }
    crossed: Crossings = {}
    for one in crossings:
        for hop, crossing in one.items():
            crossed[hop] = crossed[hop].add(crossing) if hop in crossed else crossing
    for hop, (first, last, again) in crossed.items():
        if hop in found:
            found[hop] = found[hop]._replace(messages=last - first + 1, again=again)
    return found


def read_counts(plain: Mapping[str, Mapping[str, int]]) -> Counts:
    """Return counts that went through JSON."""
    return {name: {int(place): n for place, n in bins.items()} for name, bins in plain.items()}


def _bin(nanoseconds: int) -> int:
    if nanoseconds <= _FLOOR_NS:
        return 0
    return min(_LAST, 1 + int(math.log(nanoseconds / _FLOOR_NS) / _WIDTH))


def _quantile(bins: Mapping[int, int], share: float) -> float | None:
    """Return the middle of the bin below which ``share`` of all lie, in milliseconds."""
    total, seen = sum(bins.values()), 0
    for place in sorted(bins):
        seen += bins[place]
        if seen >= share * total:
            return _FLOOR_NS * math.exp((place - 0.5) * _WIDTH) / 1e6
    return None
