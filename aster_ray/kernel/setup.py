"""From instruments and configuration to the constant records the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aster_ray.kernel.books import records
from aster_ray.kernel.config import CostsConfig, ExitsConfig, RiskConfig, SizingConfig
from aster_ray.kernel.records import LIMITS, MAX_BRACKETS, RULES, Setup
from aster_ray.model.enums import Sizing
from aster_ray.model.ids import DAY_MS, HOUR_MS
from aster_ray.model.instrument import Instrument


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """The four sections that decide what the kernel does with a signal."""

    risk: RiskConfig
    sizing: SizingConfig
    exits: ExitsConfig
    costs: CostsConfig


def build_rules(
    instruments: Sequence[Instrument], config: KernelConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Return (RULES[N], brackets f8[N, MAX_BRACKETS, 4]) of the instruments, in their order."""
    rules = records(len(instruments), RULES)
    brackets = np.zeros((len(instruments), MAX_BRACKETS, 4))
    assets = list(dict.fromkeys(instrument.base for instrument in instruments))
    costs = config.costs
    for n, instrument in enumerate(instruments):
        own = costs.from_instruments
        rules["lot"][n] = float(instrument.lot)
        rules["tick"][n] = float(instrument.tick)
        rules["min_lots"][n] = instrument.min_lots
        rules["max_lots"][n] = instrument.max_lots
        rules["min_notional"][n] = instrument.min_notional
        rules["leverage"][n] = config.risk.leverage.get(instrument.base, 1.0)
        rules["asset"][n] = assets.index(instrument.base)
        rules["maker_fee"][n] = instrument.maker_fee if own else costs.maker_fee
        rules["taker_fee"][n] = instrument.taker_fee if own else costs.taker_fee
        rules["half_spread"][n] = instrument.half_spread if own else costs.half_spread
        rules["slippage"][n] = costs.slippage
        fee = costs.liquidation_fee
        rules["liquidation_fee"][n] = instrument.liquidation_fee if fee is None else fee
        table = instrument.brackets[:MAX_BRACKETS]
        rules["brackets"][n] = len(table)
        brackets[n, : len(table)] = np.array(table)
    return rules, brackets


def build_limits(config: KernelConfig, timeframe_ms: int) -> np.ndarray:
    """Return LIMITS[1] from the risk, sizing and exits sections."""
    limits = records(1, LIMITS)
    risk, sizing, exits = config.risk, config.sizing, config.exits
    for section in (risk, sizing, exits):
        for name in LIMITS.names or ():
            if hasattr(section, name):
                limits[name] = getattr(section, name)
    limits["sizing"] = Sizing[sizing.mode.upper()]
    limits["bars_per_day"] = DAY_MS / timeframe_ms
    limits["holding_ms"] = round(exits.holding_hours * HOUR_MS)
    limits["margin_basis"] = exits.basis == "margin"
    for k in range(3):
        limits[f"tier_gain_{k + 1}"] = exits.tier_gains[k]
        limits[f"tier_lock_{k + 1}"] = exits.tier_locks[k]
    return limits


def build_setup(
    instruments: Sequence[Instrument], config: KernelConfig, timeframe_ms: int, strategies: int
) -> Setup:
    """Return everything constant of a run of ``strategies`` sleeves per instrument."""
    rules, brackets = build_rules(instruments, config)
    return Setup(rules, brackets, build_limits(config, timeframe_ms), strategies)
