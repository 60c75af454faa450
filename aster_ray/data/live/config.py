"""How long a live feed waits for what, and what it trusts: ``[feed]`` of the configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from aster_ray.config import not_above, outside
from aster_ray.data.live.confirmation import Waits


def _aside(default: Any) -> Any:
    """Return a field that keeps out of digests: what a live session saw is on its record."""
    return field(default=default, metadata={"identity": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """Where live bars come from when the venue is silent, and how long anything is waited for.

    Attributes:
        backup: ccxt's name of the venue that stands in, e.g. binanceusdm; empty = none.
        backup_rest, backup_stream: its addresses; empty = the venue's own.
        silence_s: without a sign for so long a venue is dead and the backup takes over.
        healthy_s: alive for so long without a break it is used again.
        grace_s: after its close a bar is closed even if nothing follows it.
        empty_s: after its close a bar that is not there, and of which no stream told, is none.
        settled_s: after its close a bar changes no more, and one look at it is enough.
        deadline_s: a symbol whose bar is not confirmed by then is left out of its close.
        again_s: pause before the same question is asked again; it grows to sixteen times that.
        order_notional: size that every book must be able to take; 0 = books are not looked at.
        max_cost: most such an order may cost against the middle price, a fraction.
    """

    backup: str = _aside("")
    backup_rest: str = _aside("")
    backup_stream: str = _aside("")
    silence_s: float = _aside(15.0)
    healthy_s: float = _aside(60.0)
    grace_s: float = _aside(2.0)
    empty_s: float = _aside(5.0)
    settled_s: float = _aside(30.0)
    deadline_s: float = _aside(10.0)
    again_s: float = _aside(0.25)
    order_notional: float = _aside(1_000.0)
    max_cost: float = _aside(0.01)

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *not_above(self, 0.0, "silence_s", "healthy_s", "deadline_s", "again_s"),
            *outside(self, 0.0, math.inf, "grace_s", "empty_s", "settled_s", "order_notional"),
            *outside(self, 0.0, 1.0, "max_cost"),
            *self._half_an_address(),
        ]

    def _half_an_address(self) -> list[str]:
        given = [name for name in ("backup_rest", "backup_stream") if getattr(self, name)]
        if (len(given) == 1) or (given and not self.backup):
            return [f"{given[0]} needs backup, backup_rest and backup_stream together"]
        return []

    @property
    def waits(self) -> Waits:
        """Return the times that run on the venue's clock."""
        seconds = (self.grace_s, self.empty_s, self.settled_s)
        return Waits(*(int(one * 1e3) for one in seconds))
