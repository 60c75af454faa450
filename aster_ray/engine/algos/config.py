"""Configuration of how orders are carried out at a venue; ``aster help execution`` explains it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aster_ray.config import not_above, not_among, outside


class Algorithm(StrEnum):
    """In which pieces and when an order is carried out."""

    MARKET = "market"  # all at once
    TWAP = "twap"  # alike pieces over the window
    VWAP = "vwap"  # pieces as large as the hour's usual volume
    POV = "pov"  # a share of what the public trades
    ADAPTIVE = "adaptive"  # twap or Almgren-Chriss, led by spread and depth
    MAKER_FIRST = "maker_first"  # all at once, first at rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionConfig:
    """In which pieces, when and how patiently orders are carried out at a venue.

    Attributes:
        algorithm: market, twap, vwap, pov, adaptive or maker_first.
        algorithms: base asset -> algorithm, where it is another.
        reduce_algorithm: of orders that only shrink a position.
        maker_first: let each piece rest at the best price before it takes, whatever the algorithm.
        window: share of the time until the deadline over which pieces are spread.
        deadline_ms: what has not traded this long before the next close is withdrawn.
        slice_ms: time between pieces.
        rest_ms: how long a piece rests before it takes.
        requote_ms, requote_ticks: a resting piece follows the best price after this time once it
            lies this far behind.
        participation: share of the public volume that pov aims at.
        max_participation: share that no algorithm exceeds; 0 = no bound.
        catch_up: last part of the window in which pov makes up for a lack of volume.
        risk_aversion: per unit of the quote currency; above 0 adaptive follows Almgren-Chriss.
        temporary_impact: trading at this share of the usual volume costs a spread more.
        permanent_impact: this share of a day's volume, once traded, has moved the price by a
            spread. Spread, volume and volatility are the usual ones of the symbol.
        wide_spread, tight_spread: adaptive waits above and hurries below this multiple of the
            usual spread.
        patience: by how much of the window it waits or hurries.
        depth_share: share of the visible lots it takes at once.
        reach: how far from the best price lots count as visible, in usual spreads.
        pause_ms: shortest time between two takes of adaptive, in which the book fills again.
        collar: pieces take no further than this fraction beyond the best price; 0 = no bound.
        retry_ms: wait after a piece that was refused or found nothing; doubles while it goes on.
        stale_ms: quotes older than this do not count.
    """

    algorithm: str = "market"
    algorithms: Mapping[str, str] = field(default_factory=dict, metadata={"keys": str.upper})
    reduce_algorithm: str = "market"
    maker_first: bool = False
    window: float = 0.5
    deadline_ms: int = 5_000
    slice_ms: int = 5_000
    rest_ms: int = 4_000
    requote_ms: int = 1_000
    requote_ticks: int = 1
    participation: float = 0.1
    max_participation: float = 0.0
    catch_up: float = 0.2
    risk_aversion: float = 0.0
    temporary_impact: float = 0.01
    permanent_impact: float = 0.1
    wide_spread: float = 1.5
    tight_spread: float = 0.75
    patience: float = 0.15
    depth_share: float = 0.25
    reach: float = 2.0
    pause_ms: int = 1_000
    collar: float = 0.0
    retry_ms: int = 1_000
    stale_ms: int = 5_000

    def problems(self) -> list[str]:
        """Return what is out of range."""
        known = [str(member) for member in Algorithm]
        impacts = ("temporary_impact", "permanent_impact")
        shares = ("window", "participation", "depth_share", *impacts)
        found = [
            *not_among(self, "algorithm", known),
            *not_among(self, "reduce_algorithm", known),
            *not_above(self, 0.0, *shares, "reach"),
            *outside(self, -math.inf, 1.0, *shares),
            *outside(self, 0.0, 1.0, "max_participation", "catch_up"),
            *outside(self, 0.0, 0.5, "patience", "collar"),
            *outside(self, 0.0, math.inf, "risk_aversion"),
            *outside(self, 0.0, 100.0, "reach"),
            *outside(self, 1.0, 100.0, "wide_spread"),
            *outside(self, 0.0, 1.0, "tight_spread"),
            *outside(self, 1, math.inf, "requote_ticks"),
            *outside(self, 0, 3_600_000, "deadline_ms", "pause_ms"),
            *outside(self, 100, 3_600_000, "slice_ms", "rest_ms", "requote_ms"),
            *outside(self, 100, 3_600_000, "retry_ms", "stale_ms"),
        ]
        if 0.0 < self.max_participation < self.participation:
            found.append(
                f"max_participation must be 0 or at least participation {self.participation!r}, "
                f"was {self.max_participation!r}"
            )
        found += [
            f"algorithms.{asset} must be one of {', '.join(known)}, was {value!r}"
            for asset, value in self.algorithms.items()
            if value not in known
        ]
        return found

    @property
    def is_used(self) -> bool:
        """Return whether any order may be carried out in pieces."""
        chosen = {self.algorithm, self.reduce_algorithm, *self.algorithms.values()}
        return self.maker_first or chosen != {Algorithm.MARKET.value}

    def algorithm_of(self, base: str, *, reduce_only: bool) -> Algorithm:
        """Return what carries out the orders of a symbol with this base asset."""
        if reduce_only:
            return Algorithm(self.reduce_algorithm)
        return Algorithm(self.algorithms.get(base, self.algorithm))

    def deadline(self, decided_ms: int, next_close_ms: int) -> int:
        """Return until when an order may trade: before the next decision, but some time at least.

        Where a close follows before ``deadline_ms`` have passed, half of the time is kept.
        """
        length = next_close_ms - decided_ms
        return decided_ms + max(length - self.deadline_ms, length // 2, 1)
