"""Time that stands still until it is told to move: how far, and what is said on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aster_ray.errors import BadInputError
from aster_ray.model.ids import DAY_MS, HOUR_MS
from aster_ray.venues.simulator.candles import INTERVALS
from aster_ray.venues.simulator.desk import Desk
from aster_ray.venues.simulator.streams import Publisher

# Streams of minutes say at most 500 bars at once; between the parts others get their turn.
_PART_MS = 8 * HOUR_MS
_FURTHEST_MS = 366 * DAY_MS
_FLUSH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Advance:
    """How far time is told to move, in the exchange's milliseconds.

    Attributes:
        until_ms: where it stops.
        every_ms: how often streams speak on the way; 0 for only at the end (and every 8 hours).
    """

    until_ms: int
    every_ms: int = 0


def read_advance(state: dict[str, object], now_ms: int) -> Advance:
    """Return what ``{"until_ms": T}`` or ``{"bars": n, "timeframe": "1h"}`` asks for.

    Bars count from the last open: one bar of 1 h moves to the next full hour. ``every`` names a
    timeframe at whose closes streams speak, too.

    Raises:
        BadInputError: neither or both are given, or a value is impossible.
    """
    unknown = state.keys() - {"until_ms", "bars", "timeframe", "every"}
    if unknown:
        raise BadInputError(f"unknown field {', '.join(sorted(unknown))}")
    if ("until_ms" in state) == ("bars" in state):
        raise BadInputError('give either {"until_ms": T} or {"bars": 1, "timeframe": "1h"}')
    until = state.get("until_ms")
    if "bars" in state:
        bars = _whole("bars", state["bars"], 1)
        length = _length("timeframe", state.get("timeframe", "1m"))
        until = (now_ms // length + bars) * length
    until_ms = _whole("until_ms", until, 0)
    if not now_ms <= until_ms <= now_ms + _FURTHEST_MS:
        raise BadInputError(
            f"until_ms must be within {now_ms}, which is now, and a year from it, was {until_ms}"
        )
    every = _length("every", state["every"]) if "every" in state else 0
    return Advance(until_ms, every)


def _whole(name: str, value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadInputError(f"{name} must be a whole number from {least} on, was {value!r}")
    return value


def _length(name: str, value: object) -> int:
    found = INTERVALS.get(value) if isinstance(value, str) else None
    if found is None:
        raise BadInputError(f"{name} {value!r} is none of {', '.join(INTERVALS)}")
    return found


class Stepper:
    """Moves the time of an exchange that stands still, and lets the streams speak.

    Args:
        desk: the exchange; its pace must be stepped.
        publisher: its streams.

    Attributes:
        turn: held while time moves; requests wait for it, so that they are answered at a moment
            their sender can know.
    """

    def __init__(self, desk: Desk, publisher: Publisher) -> None:
        self._desk = desk
        self._publisher = publisher
        self.turn = asyncio.Lock()

    async def advance(self, wanted: Advance) -> None:
        """Move; everything that was said is with the sockets when this returns."""
        pace = self._desk.pace
        async with self.turn:
            while True:
                pace.exchange_ms = min(wanted.until_ms, self._stop(wanted.every_ms))
                self._publisher.pulse(whole=True)
                if pace.exchange_ms >= wanted.until_ms:
                    break
                await asyncio.sleep(0)
        await self._publisher.hub.flush(_FLUSH_SECONDS)

    def _stop(self, every_ms: int) -> int:
        """Return where the next part ends."""
        part = min(every_ms or _PART_MS, _PART_MS)
        return (self._desk.pace.exchange_ms // part + 1) * part
