"""Open an exchange on recorded bars: choose its clock, then serve it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from aster_ray.clock import Clock
from aster_ray.errors import BadInputError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import DAY_MS, HOUR_MS
from aster_ray.model.instrument import Instrument
from aster_ray.venues.simulator.config import TIMES
from aster_ray.venues.simulator.desk import Desk, Pace
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.server import PULSE_SECONDS, Server
from aster_ray.venues.simulator.tape import Tape, tape_of

_FINEST_STEP_MS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an exchange is run.

    Attributes:
        speed: exchange seconds a second of the wall clock; 0 for time that stands still until
            ``POST /control/advance`` moves it.
        time: ``now`` moves the recording to the present, keeping its time of day; ``recorded``
            lets the exchange live in the past.
        seed: of everything random.
        deposit: what a new account begins with, in units.
        latency_ms: how long an accepted order travels to the book.
    """

    speed: float
    time: str
    seed: int
    deposit: int
    latency_ms: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.speed <= 100_000.0:
            raise BadInputError(
                f"speed must be within 0 (time is stepped) and 100000, was {self.speed}"
            )
        if self.time not in TIMES:
            raise BadInputError(f"time {self.time!r} is unknown: use {' or '.join(TIMES)}")
        if self.deposit <= 0:
            raise BadInputError("deposit must be above 0")
        if not 0.0 <= self.latency_ms <= 10_000.0:
            raise BadInputError(f"latency must be within 0 and 10000 ms, was {self.latency_ms}")


def open_desk(
    market: Market, instruments: Sequence[Instrument], terms: Terms, clock: Clock
) -> Desk:
    """Return an exchange that plays a market from its first tradable row on.

    Raises:
        BadInputError: the recording cannot be played.
    """
    wall_ms = clock.now_ms()
    return desk_on(record(market, instruments, terms, wall_ms), terms, clock, wall_ms)


def record(market: Market, instruments: Sequence[Instrument], terms: Terms, wall_ms: int) -> Tape:
    """Return a market as a tape whose time is what the terms say.

    Raises:
        BadInputError: the recording cannot be played.
    """
    row, offset_ms = market.start, 0
    if terms.time == "now" and 0 < row < len(market):
        row, offset_ms = place_in_time(market, wall_ms)
    return tape_of(market, instruments, row, offset_ms)


def desk_on(tape: Tape, terms: Terms, clock: Clock, wall_ms: int) -> Desk:
    """Return an exchange that plays a tape which was recorded for this wall time."""
    # No finer than the pulse can show, and a bar still has its steps; stepped time has only those.
    pulse_ms = int(PULSE_SECONDS * 1000 * terms.speed) if terms.speed else tape.bar_ms
    step_ms = max(_FINEST_STEP_MS, pulse_ms)
    exchange = Exchange(tape, seed=terms.seed, step_ms=step_ms, deposit=terms.deposit)
    begin_ms = wall_ms if terms.time == "now" else exchange.start_ms
    return Desk(exchange, Pace(clock, wall_ms, begin_ms, terms.speed))


def place_in_time(market: Market, now_ms: int) -> tuple[int, int]:
    """Return the row to start at and what to add to its times so that it is now.

    The time of day is kept where that leaves at least half of the recording to play, else at least
    the hours at which funding settles, else only the bar.
    """
    bar_ms, first = market.timeframe_ms, int(market.open_ms[market.start])
    bars = len(market) - market.start
    for cycle_ms in (DAY_MS, 8 * HOUR_MS, bar_ms):
        skipped = (now_ms - first) % cycle_ms // bar_ms
        if skipped <= bars // 2 and skipped < bars:
            row = market.start + skipped
            return row, now_ms - now_ms % bar_ms - int(market.open_ms[row])
    raise BadInputError(f"the recording has only {len(market)} bars, none of them to play")


async def serve(
    desk: Desk, terms: Terms, place: tuple[str, int], ready: Callable[[int], None]
) -> None:
    """Serve an exchange until it is interrupted.

    Args:
        desk: the exchange.
        terms: for the latency.
        place: host and port; port 0 takes a free one.
        ready: called with the port once clients may come.
    """
    server = Server(desk, terms.latency_ms / 1000.0)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, *place).start()
        ready(int(runner.addresses[0][1]))
        if server.heart is not None:
            await asyncio.shield(server.heart)  # an exchange that stopped must not look alive
    finally:
        await runner.cleanup()
