"""Configuration of what the kernel decides: risk, sizing, exits and costs.

Fractions are fractions of equity unless said otherwise, never percents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

from aster_ray.config import not_above, not_among, outside
from aster_ray.model.enums import Sizing, label

_AGGRESSIVE_LEVERAGE = {
    "BTC": 50.0,
    "ETH": 50.0,
    "SOL": 25.0,
    "SUI": 25.0,
    "ASTER": 10.0,
    "PENGU": 5.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskConfig:
    """Limits on what the account may hold and lose; a profile presets them.

    Attributes:
        profile: standard, conservative, aggressive or off; explicit keys override it.
        enabled: false removes every limit (research only).
        max_position_risk: loss of one position at its stop.
        max_symbol, max_asset: notional per symbol, and per base asset over all sleeves.
        max_gross: sum of absolute notional, a multiple of equity.
        max_cluster: notional of symbols that move together, a multiple of equity.
        cluster_correlation: from which correlation on symbols count as moving together.
        max_var: daily 95 % value at risk.
        daily_loss: loss since 00:00 UTC after which nothing opens that day.
        soft_drawdown: from here on nothing opens until it improves.
        hard_drawdown: from here on everything is closed and trading halts.
        max_daily_opens, max_daily_ladder_opens: opening fills per UTC day.
        min_confidence: signals below it are denied, 0..1.
        covariance_decay: weight of yesterday's covariance estimate per bar.
        leverage: base asset -> leverage of its symbol; 1 where not named.
    """

    profile: str = "standard"
    enabled: bool = True
    max_position_risk: float = 0.05
    max_symbol: float = 0.20
    max_asset: float = 0.30
    max_gross: float = 3.0
    max_cluster: float = 1.0
    cluster_correlation: float = 0.7
    max_var: float = 0.05
    daily_loss: float = 0.05
    soft_drawdown: float = 0.15
    hard_drawdown: float = 0.20
    max_daily_opens: int = 20
    max_daily_ladder_opens: int = 100
    min_confidence: float = 0.5
    covariance_decay: float = 0.97
    leverage: Mapping[str, float] = field(default_factory=dict, metadata={"keys": str.upper})

    PRESET_KEY: ClassVar[str] = "profile"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "standard": {},
        "conservative": {"soft_drawdown": 0.10, "hard_drawdown": 0.15},
        "aggressive": {
            "leverage": _AGGRESSIVE_LEVERAGE,
            "max_symbol": 1.0,
            "max_asset": 1.0,
            "max_gross": 10.0,
            "daily_loss": 0.15,
            "max_position_risk": 0.10,
        },
        "off": {"enabled": False},
    }

    def problems(self) -> list[str]:
        """Return what is out of range."""
        limits = ("max_symbol", "max_asset", "max_gross", "max_cluster")
        shares = ("max_position_risk", "max_var", "daily_loss", "soft_drawdown", "hard_drawdown")
        found = [
            *not_among(self, "profile", self.PRESETS),
            *not_above(self, 0.0, *limits, *shares, "covariance_decay"),
            *outside(self, -math.inf, 1.0, *shares),
            *outside(self, 0.0, 1.0, "cluster_correlation", "min_confidence"),
            *outside(self, -math.inf, 0.9999, "covariance_decay"),
            *outside(self, 0, math.inf, "max_daily_opens", "max_daily_ladder_opens"),
        ]
        if self.soft_drawdown > self.hard_drawdown:
            found.append(
                f"soft_drawdown must not exceed hard_drawdown {self.hard_drawdown!r}, "
                f"was {self.soft_drawdown!r}"
            )
        found += [
            f"leverage.{asset} must be between 1 and 125, was {value!r}"
            for asset, value in self.leverage.items()
            if not 1.0 <= value <= 125.0
        ]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingConfig:
    """How a permitted signal becomes a notional.

    Attributes:
        mode: fixed, confidence, volatility or kelly.
        fixed_fraction: notional in mode fixed.
        min_fraction, max_fraction: notional at the least and at full confidence, and the bounds
            of the other modes.
        target_volatility: annual volatility a position should contribute in mode volatility.
        kelly_cap: upper bound of the Kelly fraction.
        kelly_trips: round trips before the Kelly fraction is trusted; until then min_fraction.
    """

    mode: str = "confidence"
    fixed_fraction: float = 0.10
    min_fraction: float = 0.01
    max_fraction: float = 0.20
    target_volatility: float = 0.20
    kelly_cap: float = 0.1
    kelly_trips: int = 30

    def problems(self) -> list[str]:
        """Return what is out of range."""
        positive = ("fixed_fraction", "max_fraction", "target_volatility", "kelly_cap")
        found = [
            *not_among(self, "mode", (label(mode) for mode in Sizing)),
            *not_above(self, 0.0, *positive),
            *outside(self, 0.0, math.inf, "min_fraction"),
            *outside(self, -math.inf, 1.0, "kelly_cap"),
            *outside(self, 1, math.inf, "kelly_trips"),
        ]
        if self.min_fraction > self.max_fraction:
            found.append(
                f"min_fraction must not exceed max_fraction {self.max_fraction!r}, "
                f"was {self.min_fraction!r}"
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsConfig:
    """When a position is closed without being asked to.

    Attributes:
        basis: margin (price change times the symbol's leverage) or price.
        holding_hours: longest time a position is held; 0 = no limit.
        tier_gains, tier_locks: from each gain on, at least the lock is kept (three tiers).
        give_back: fraction of the peak profit whose loss closes the position; 0 = off.
        give_back_armed: peak profit from which on that rule holds.
        recentre_bars: fewest bars between two re-centres of a grid.
    """

    basis: str = "margin"
    holding_hours: float = 36.0
    tier_gains: tuple[float, ...] = (0.08, 0.15, 0.25)
    tier_locks: tuple[float, ...] = (0.03, 0.08, 0.15)
    give_back: float = 0.30
    give_back_armed: float = 0.08
    recentre_bars: int = 24

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = [
            *not_among(self, "basis", ("margin", "price")),
            *outside(self, 0.0, math.inf, "holding_hours", "give_back_armed"),
            *outside(self, 0.0, 1.0, "give_back"),
            *outside(self, 1, math.inf, "recentre_bars"),
        ]
        for name in ("tier_gains", "tier_locks"):
            values = getattr(self, name)
            rising = all(low < high for low, high in pairwise(values))
            if len(values) != 3 or not rising or values[0] < 0.0:
                found.append(f"{name} must be three rising fractions, was {list(values)!r}")
        pairs = zip(self.tier_gains, self.tier_locks, strict=False)
        if any(lock >= gain for gain, lock in pairs):
            found.append(
                f"tier_locks must lie below tier_gains {list(self.tier_gains)!r}, "
                f"was {list(self.tier_locks)!r}"
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsConfig:
    """What trading costs in replay and on the paper venue, as fractions of notional.

    Attributes:
        maker_fee, taker_fee: venue charge per fill; negative is a rebate.
        slippage, half_spread: a market order fills this much worse than the price.
        liquidation_fee: charge on a liquidation; none = the instrument's own.
        from_instruments: take the fees from the packaged instrument rules.
    """

    maker_fee: float = 0.0002
    taker_fee: float = 0.0006
    slippage: float = 0.0005
    half_spread: float = 0.0
    liquidation_fee: float | None = None
    from_instruments: bool = False

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *outside(self, -0.01, 0.05, "maker_fee", "taker_fee"),
            *outside(self, 0.0, 0.05, "slippage", "half_spread", "liquidation_fee"),
        ]
