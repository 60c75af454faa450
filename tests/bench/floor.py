"""What four processes cost that do nothing: three bare actor calls and one fsync.

The same placement, options and pace as the product's actors, messages and record of the same size,
and no work at all: what an actor of ours takes beyond this is ours.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ray

from actors.options import ACTOR_OPTIONS
from aster_ray import topology


class Load(NamedTuple):
    """What travels and is written, in bytes."""

    messages: tuple[int, int, int]  # bars, signals, orders
    record: int


class Bare:
    """An actor that hands on what it is given; the last one writes a record instead."""

    def __init__(self, path: str, load: Load, place: int) -> None:
        self._load, self._place = load, place
        self._next: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.taken: list[tuple[int, int]] = []
        if place == len(load.messages):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def follow(self, name: str) -> int:
        """Learn who comes next."""
        self._next = ray.get_actor(name)
        return os.getpid()

    async def release(self, closes: int, interval_s: float) -> None:
        """Be the feed: send ``closes`` messages, one each interval, and wait for none."""
        due = time.monotonic()
        for _ in range(closes):
            due = max(due + interval_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            self._hand_on(time.time_ns())

    async def take(self, data: bytes, born_ns: int) -> int:
        """Take a message and hand the next one on, or write the record."""
        if self._place == len(self._load.messages):
            os.write(self._file, data[: self._load.record].ljust(self._load.record, b"."))
            os.fsync(self._file)
            self.taken.append((born_ns, time.time_ns() - born_ns))
        else:
            self._hand_on(born_ns)
        return len(data)

    def _hand_on(self, born_ns: int) -> None:
        async def ask() -> None:
            await self._next.take.remote(bytes(self._load.messages[self._place]), born_ns)

        task = asyncio.get_running_loop().create_task(ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def result(self) -> list[tuple[int, int]]:
        """Return when each close began and how long it took, in nanoseconds."""
        return self.taken


class Chain:
    """Four bare actors in a row.

    Args:
        folder: where the last one writes.
        load: what travels.
    """

    def __init__(self, folder: Path, load: Load) -> None:
        kind: Any = ray.remote(**ACTOR_OPTIONS[topology.FEED])(Bare)
        names = [f"bare-{os.urandom(4).hex()}" for _ in range(4)]
        self._actors = [
            kind.options(name=name).remote(str(folder / "floor"), load, place)
            for place, name in enumerate(names)
        ]
        pairs = zip(self._actors, names[1:], strict=False)
        ray.get([actor.follow.remote(name) for actor, name in pairs])

    def send(self, closes: int, interval_s: float) -> Any:
        """Let the first one send so many closes; return Ray's reference to the end of it."""
        return self._actors[0].release.remote(closes, interval_s)

    def taken(self) -> np.ndarray:
        """Return i8[N, 2] of the closes so far: first send (Unix ns), until the fsync (ns)."""
        return np.array(ray.get(self._actors[-1].result.remote()), np.int64).reshape(-1, 2)

    def end(self) -> None:
        """Kill them, whatever they are at."""
        for actor in self._actors:
            ray.kill(actor)


@contextmanager
def chain(folder: Path, load: Load) -> Iterator[Chain]:
    """Have bare actors that end with the block."""
    mine = Chain(folder, load)
    try:
        yield mine
    finally:
        mine.end()


def measure(folder: Path, load: Load, closes: int, interval_s: float) -> np.ndarray:
    """Return f8[closes]: milliseconds from the first send to the end of the fsync."""
    warm = 20
    with chain(folder, load) as bare:
        ray.get(bare.send(warm + closes, interval_s))
        for _ in range(100):
            taken = bare.taken()
            if len(taken) == warm + closes:
                break
            time.sleep(0.05)
    return taken[warm:, 1] / 1e6


def fsync_alone(folder: Path, record: int, times: int = 200) -> np.ndarray:
    """Return f8[times]: milliseconds of one write and fsync of a record."""
    taken = []
    with (folder / "alone").open("ab", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"." * record)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e3)
    return np.array(taken)
