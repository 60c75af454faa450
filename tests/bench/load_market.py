"""Fifty contracts as a recording, a simulated exchange that plays it, and a session beside it."""

from __future__ import annotations

import dataclasses
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aster_ray import settings
from aster_ray.config import read_assignments
from aster_ray.engine.config import VENUE
from aster_ray.model.ids import MINUTE_MS
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import RunRequest, build_request
from tests.aster_ray.venues.simulator.processes import Process, simulator
from tests.bench.latency import write_bars

SPEED = 30.0  # a one-minute bar closes every two seconds of ours
BOOK_MS = 100
_EPOCH_MS = 1_735_689_600_000
_WARMUP = 400  # bars; more than the strategy wants
_DAY = 1_440  # minutes
_CAPITAL = 100_000  # what a contract of no name lets one hold
_PLENTY = 1_000_000
# The first minute that may be played.
FROM = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(_EPOCH_MS / 1e3 + (_WARMUP + 10) * 60))


def names(contracts: int) -> list[str]:
    """Return what the contracts are called."""
    return [f"L{n:02d}USDT" for n in range(contracts)]


def write_minutes(folder: Path, contracts: int, minutes: int) -> None:
    """Write one-minute bars of a seeded walk for each contract."""
    folder.mkdir()
    random = np.random.default_rng(11)
    times = _EPOCH_MS + MINUTE_MS * np.arange(minutes)
    for n, name in enumerate(names(contracts)):
        close = (10.0 + n) * np.exp(np.cumsum(random.standard_t(4, minutes) * 0.002))
        wick = np.abs(random.normal(0.0, 0.001, (2, minutes)))
        write_bars(folder / f"bench_um_{name}_1m.parquet", times, close, wick, decimals=3)


def minutes_for(seconds: float) -> int:
    """Return how long a recording must be for an exchange to play so many seconds of it at speed.

    The exchange moves it to the present and keeps its time of day: of the first day it may skip
    all but a minute.
    """
    return _WARMUP + 60 + _DAY + int(seconds * SPEED / 60.0)


@contextmanager
def an_exchange(folder: Path, contracts: int, seconds: float) -> Iterator[Process]:
    """Serve seeded minutes at speed for at least so long.

    Thirty times the bars of the wall's clock ask thirty times the questions: quotas are lifted.
    """
    write_minutes(folder, contracts, minutes_for(seconds))
    arguments = ("--replay", str(folder), "--speed", str(SPEED), "--from", FROM)
    with simulator(*arguments, "--deposit", str(_CAPITAL)) as process:
        _control(process, "quota", {"weight_limit": _PLENTY, "order_limit": _PLENTY})
        yield process


def exchange_ms(process: Process) -> int:
    """Return the exchange's time, up to a pulse of it old."""
    return int(_control(process, "clock")["now_ms"])


def as_it_moves(
    exchange_ms: Callable[[], int], wall_ns: Callable[[], int] = time.time_ns
) -> tuple[int, int]:
    """Return the wall's time and the exchange's of the same moment.

    The exchange's time stands between its pulses, so what it says is late by as much as a pulse,
    at speed 30 by seconds of its own. Just after it moved it is late by nothing, and the wall's
    time is of the last question before that, at most two answers earlier.
    """
    before_ns = wall_ns()
    stood_ms = exchange_ms()
    while True:
        asked_ns = wall_ns()
        moved_ms = exchange_ms()
        if moved_ms != stood_ms:
            return before_ns, moved_ms
        before_ns = asked_ns


def _control(process: Process, what: str, told: dict[str, int] | None = None) -> dict[str, Any]:
    data = None if told is None else json.dumps(told).encode()
    request = urllib.request.Request(f"{process.http}/control/{what}", data)
    with urllib.request.urlopen(request, timeout=10.0) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def a_request(process: Process, contracts: int) -> RunRequest:
    """Return a session of momentum on live minutes, whose orders go to the exchange.

    What a bar needs to settle is counted by the exchange's clock, which is fast here.
    """
    options = (
        f"data.symbols={','.join(names(contracts))}",
        "data.timeframe=1m",
        f"session.capital={_CAPITAL}",
        "session.feed=live",
        f"venue.rest={process.http}",
        f"venue.stream={process.socket}",
        f"venue.book_ms={BOOK_MS}",
        f"venue.weight_per_minute={_PLENTY}",
        f"venue.orders_per_minute={_PLENTY}",
        f"feed.settled_s={30 * SPEED}",
    )
    request = build_request(settings.load(None, {}, read_assignments(options)), ["momentum"])
    session = dataclasses.replace(request.settings.session, orders=VENUE)
    changed: Any = dataclasses.replace(request.settings, session=session)
    return RunRequest(changed, request.strategies)


def recorded(folder: Path, contracts: int) -> Prepared:
    """Return the same contracts as a replay, whose messages and records are as large."""
    start = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(_EPOCH_MS / 1e3 + _WARMUP * 60))
    options = (
        f"data.path={folder}",
        f"data.symbols={','.join(names(contracts))}",
        "data.timeframe=1m",
        f"data.start={start}",
    )
    return prepare(build_request(settings.load(None, {}, read_assignments(options)), ["momentum"]))
