"""Time is an input: the only module of the project that reads the wall clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Whoever decides asks this, never the machine."""

    def now_ms(self) -> int:
        """Return the current time in UTC milliseconds."""
        ...


class LiveClock:
    """The machine's own time."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Return the wall clock in UTC milliseconds."""
        return time.time_ns() // 1_000_000


@dataclass(slots=True)
class ReplayClock:
    """Time is that of the last event seen; the wall clock plays no part."""

    time_ms: int = 0

    def now_ms(self) -> int:
        """Return the time of the last event in UTC milliseconds."""
        return self.time_ms

    def advance(self, to_ms: int) -> None:
        """Move to the time of the next event; time never runs backwards."""
        if to_ms < self.time_ms:
            raise ValueError(f"time ran backwards: {to_ms} < {self.time_ms}")
        self.time_ms = to_ms


def monotonic_ns() -> int:
    """Return a nanosecond stamp for durations inside one process."""
    return time.monotonic_ns()


def boot_ns() -> int:
    """Return a stamp that every process of this machine shares and no change of the clock moves.

    It runs on while the machine sleeps, so that what ran out meanwhile is known to have run out.
    """
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def wall_ns() -> int:
    """Return a nanosecond stamp comparable between processes of one machine (latency per hop)."""
    return time.time_ns()


def wait(seconds: float) -> None:
    """Block this thread; only hosts pace themselves, nothing that decides ever waits."""
    if seconds > 0.0:
        time.sleep(seconds)
