"""Configuration of the simulated exchange; an option of ``aster simulator`` goes before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aster_ray.config import not_above, not_among, outside

PACES, TIMES = ("wall", "stepped"), ("now", "recorded")


def _aside(default: Any) -> Any:
    return field(default=default, metadata={"identity": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """What the simulated exchange plays, how fast, and where it is served.

    Attributes:
        replay: folder or catalog of 1m bars; empty = the built-in market.
        pace: wall = time runs by itself; stepped = POST /control/advance moves it.
        speed: exchange seconds a second; 0 = stepped.
        time: now = the recording is moved to the present; or recorded.
        deposit: what a new account begins with, in USDT.
        latency: milliseconds from an order's acceptance to its arrival in the book.
        host: address to listen on.
        port: 0 takes a free one.
    """

    replay: str = _aside("")
    pace: str = _aside("wall")
    speed: float = _aside(1.0)
    time: str = _aside("now")
    deposit: float = _aside(10_000.0)
    latency: float = _aside(5.0)
    host: str = _aside("127.0.0.1")
    port: int = _aside(18080)

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *not_among(self, "pace", PACES),
            *not_among(self, "time", TIMES),
            *outside(self, 0.0, 100_000.0, "speed"),
            *outside(self, 0.0, 10_000.0, "latency"),
            *outside(self, 0, 65_535, "port"),
            *not_above(self, 0.0, "deposit"),
        ]
