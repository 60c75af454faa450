"""Configuration of a run: its account, its pace and its strategies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from aster_ray.config import not_above, not_among, outside

REPLAY, LIVE = "replay", "live"
PAPER, SIMULATOR, VENUE = "paper", "simulator", "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """The account and the pace of a run.

    Attributes:
        capital: equity before the first bar, in quote currency.
        seed: of everything that is drawn at random, e.g. the built-in market.
        speed: bars per second of `aster paper`; 0 = as fast as possible.
        lock_step: release a close only once the orders of the last one rest. Off, closes come when
            they are due, as they do live; orders are the same either way.
        feed: where bars come from: replay (recorded or built-in) or live (the venue of ``[venue]``,
            whose closes come when they are due, whatever the pace and lock_step).
        closes: a live session ends after so many; 0 = when it is told to.
        orders: where orders of a session go: paper (matched against the bars themselves), simulator
            (a simulated exchange of its own, which plays the same bars; what `aster paper` takes
            for the built-in market unless this is set) or venue (the account at the venue of
            ``[venue]``). A backtest always trades on paper.
    """

    capital: float = 10_000.0
    seed: int = 7
    speed: float = field(default=0.0, metadata={"identity": False})
    lock_step: bool = field(default=True, metadata={"identity": False})
    feed: str = field(default=REPLAY, metadata={"identity": False})
    closes: int = field(default=0, metadata={"identity": False})
    orders: str = PAPER

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *not_above(self, 0.0, "capital"),
            *(["capital must be at most 1e+12, was " + repr(self.capital)] * (self.capital > 1e12)),
            *outside(self, 0, 2**63 - 1, "seed"),
            *outside(self, 0.0, math.inf, "speed"),
            *not_among(self, "feed", (REPLAY, LIVE)),
            *not_among(self, "orders", (PAPER, SIMULATOR, VENUE)),
            *outside(self, 0, 2**31, "closes"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategiesConfig:
    """Which strategies trade, and their parameters: ``[strategies.momentum] fast = 12``.

    Attributes:
        use: names or FILE.py:Class, in the order of their sleeves.
        parameters: strategy -> parameter -> value, checked against the strategy's own bounds.
    """

    use: tuple[str, ...] = ("momentum", "mean_reversion", "volatility", "grid")
    parameters: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict, metadata={"tables": True}
    )

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = [] if self.use else ["use must name at least one strategy, was empty"]
        twice = sorted({name for name in self.use if self.use.count(name) > 1})
        return found + [f"use names {name!r} more than once" for name in twice]
