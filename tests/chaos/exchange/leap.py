"""An event loop whose time leaps over every wait, sockets and all.

Nobody here waits for anything but timers and sockets of this very process, whose other end is here
too. So when no socket has anything to say, nothing will happen before the next timer, and time may
stand there at once. Heartbeats, time-outs, bans and outages keep the length they really have, and
an hour takes what the work in it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from aster_ray import clock

T = TypeVar("T")
# What one end of a loopback connection was given the other end has within this time.
_CROSSING_S = 0.0002
_DEADLOCK_S = 20.0
# Time that stands still between two readings would keep a waiter busy that is early by a rounding.
_SHORTEST_S = 1e-5


class _Sockets(selectors.DefaultSelector):
    """Waits for sockets by moving its own time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0.0):
            return found
        time.sleep(_CROSSING_S)
        found = super().select(0)
        if found:
            return found
        if timeout is None:  # no timer at all: somebody else must speak
            found = super().select(_DEADLOCK_S)
            if not found:
                raise RuntimeError("everybody waits for everybody")
            return found
        self.now += max(timeout, _SHORTEST_S)
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at zero."""

    def __init__(self) -> None:
        self._sockets = _Sockets()
        super().__init__(self._sockets)

    def time(self) -> float:
        return self._sockets.now


class _Time:
    """Stands where ``aster_ray.clock`` has the module ``time``."""

    CLOCK_MONOTONIC = CLOCK_BOOTTIME = 0

    def __init__(self, loop: LeapingLoop, start_ms: int) -> None:
        self._loop, self._start_ns = loop, start_ms * 1_000_000

    def monotonic_ns(self) -> int:
        return int(self._loop.time() * 1e9)

    def time_ns(self) -> int:
        return self._start_ns + self.monotonic_ns()

    def clock_gettime_ns(self, _which: int) -> int:
        return self.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a thread would sleep for {seconds} s of a time that stands still")


@contextlib.contextmanager
def _at(loop: LeapingLoop, start_ms: int) -> Iterator[None]:
    """Let everything that asks ``aster_ray.clock`` hear the loop's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "time", _Time(loop, start_ms))
        yield


def leap(work: Coroutine[Any, Any, T], start_ms: int) -> T:
    """Run ``work`` in leaping time that begins at ``start_ms``."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, LeapingLoop)
        with _at(loop, start_ms):
            return runner.run(work)
