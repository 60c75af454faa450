"""Configuration of the market data a run reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from aster_ray.config import not_among, outside
from aster_ray.data.period import parse_period
from aster_ray.data.request import GAP_RULES
from aster_ray.errors import BadInputError
from aster_ray.model.ids import TIMEFRAMES, parse_symbols

MAX_WARMUP = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where bars come from, which ones, and what is tolerated in them.

    Attributes:
        path: folder or catalog; empty = the built-in seeded market.
        symbols: BTC, BTCUSDT or BTC/USDT:USDT; empty = everything there is.
        timeframe: 1m, 3m, 5m, 15m, 30m, 1h or 4h.
        start, end: ISO dates in UTC; an end given as a date includes that day.
        gaps: allow (reported, not traded) or forbid.
        max_gap: longest run of missing bars that is tolerated.
        warmup: least bars before the first tradable one; never fewer than the strategies need.
        venue: needed only where several venues have the same symbol.
    """

    # Where data lies does not change a result; what it holds does, and has a digest of its own.
    path: str = field(default="", metadata={"identity": False})
    symbols: tuple[str, ...] = ()
    timeframe: str = "1h"
    start: str = ""
    end: str = ""
    gaps: str = "allow"
    max_gap: int = 48
    warmup: int = 0
    venue: str = ""

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *not_among(self, "timeframe", TIMEFRAMES),
            *not_among(self, "gaps", GAP_RULES),
            *outside(self, 0, math.inf, "max_gap"),
            *outside(self, 0, MAX_WARMUP, "warmup"),
            *_refused("symbols", lambda: parse_symbols(self.symbols)),
            *_refused("start", lambda: parse_period(self.start, self.end)),
        ]


def _refused(name: str, check: Callable[[], object]) -> list[str]:
    try:
        check()
    except BadInputError as error:
        return [f"{name}: {error}"]
    return []
