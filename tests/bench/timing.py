"""Timing in turn: what is compared meets the same machine, and a median forgives one bad run."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spent:
    """Median seconds of one run: by the clock, and of processor time in all its processes."""

    wall: float
    cpu: float


def interleaved(runs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, Spent]:
    """Time every run ``repeats`` times, A B A B; a run returns processor time spent elsewhere.

    The caller has warmed up all of them: compiling is nobody's running time.
    """
    walls: dict[str, list[float]] = {name: [] for name in runs}
    cpus: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            elsewhere = run()
            walls[name].append(time.perf_counter() - wall)
            cpus[name].append(time.process_time() - cpu + elsewhere)
    return {name: Spent(median(walls[name]), median(cpus[name])) for name in runs}


class Part:
    """The time one function took inside a larger run, to be left out of it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def take(self) -> float:
        """Return what has gathered since the last call."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


@contextlib.contextmanager
def timed_part(module: str, name: str) -> Iterator[Part]:
    """Time every call of ``module.name`` while the block runs."""
    owner = importlib.import_module(module)
    original = getattr(owner, name)
    part = Part()

    def timed(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            part.seconds += time.perf_counter() - begin

    setattr(owner, name, timed)
    try:
        yield part
    finally:
        setattr(owner, name, original)


def cores() -> int:
    """Return how many cores this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return what a figure depends on."""
    names = ("numba", "numpy", "pandas", "vectorbt", "vectorbt-rust", "backtesting")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return {
        "cores": cores(),
        "processor": platform.processor() or platform.machine(),
        "system": platform.system(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        **found,
    }
