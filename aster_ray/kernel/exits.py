"""Exit plans: trailing tiers, give-back and holding limit, as functions of one observation."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel
from aster_ray.kernel.fills import round_to_tick
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, HIGH, LONG, LOW, SHORT
from aster_ray.model.enums import ExitReason

NONE = int(ExitReason.NONE)
GIVE_BACK = int(ExitReason.GIVE_BACK)
HOLDING_LIMIT = int(ExitReason.HOLDING_LIMIT)
INVALIDATION = int(ExitReason.INVALIDATION)
REVERSAL = int(ExitReason.REVERSAL)


@inlined_kernel
def gain(entry_price: float, price: float, side: int, basis: float) -> float:
    """Return the profit at ``price`` as a fraction of entry, times ``basis`` (leverage or 1)."""
    return side * (price / entry_price - 1.0) * basis


@inlined_kernel
def exit_basis(limits: Any, leverage: float) -> float:
    """Return what multiplies price changes in exit plans: leverage under ``exits.basis = margin``."""
    return leverage if limits.margin_basis == 1 else 1.0


@inlined_kernel
def tier_of(limits: Any, peak_gain: float) -> tuple[int, float]:
    """Return (tiers reached, profit fraction they lock)."""
    if peak_gain >= limits.tier_gain_3:
        return 3, limits.tier_lock_3
    if peak_gain >= limits.tier_gain_2:
        return 2, limits.tier_lock_2
    if peak_gain >= limits.tier_gain_1:
        return 1, limits.tier_lock_1
    return 0, 0.0


@inlined_kernel
def trail(sleeve: Any, limits: Any, row: np.ndarray, basis: float, tick: float) -> bool:
    """Update peak and tier from one observation; return whether the stop moved.

    Runs after the observation was matched against the stop as it stood, so a new tier counts
    from the next one. The stop only ever tightens.
    """
    side = 1 if sleeve.lots > 0 else -1
    best = row[HIGH] if side > 0 else row[LOW]
    if np.isnan(sleeve.peak) or side * best > side * sleeve.peak:
        sleeve.peak = best
    tier, lock = tier_of(limits, gain(sleeve.entry_price, sleeve.peak, side, basis))
    if tier <= sleeve.tier:
        return False
    sleeve.tier = tier
    level = round_to_tick(sleeve.entry_price * (1.0 + side * lock / basis), tick)
    if np.isnan(sleeve.stop) or side * level > side * sleeve.stop:
        sleeve.stop = level
        return True
    return False


@inlined_kernel
def exit_reason(
    sleeve: Any, limits: Any, close: float, close_ms: int, code: int, basis: float
) -> int:
    """Return why the whole position must be closed at the next open, or NONE."""
    side = 1 if sleeve.lots > 0 else -1
    if limits.give_back > 0.0:
        peak_gain = gain(sleeve.entry_price, sleeve.peak, side, basis)
        now = gain(sleeve.entry_price, close, side, basis)
        if peak_gain >= limits.give_back_armed and now <= peak_gain * (1.0 - limits.give_back):
            return GIVE_BACK
    if limits.holding_ms > 0 and close_ms - sleeve.entry_ms >= limits.holding_ms:
        return HOLDING_LIMIT
    if code & (EXIT_LONG if side > 0 else EXIT_SHORT):
        return INVALIDATION
    if code & (SHORT if side > 0 else LONG):
        return REVERSAL
    return NONE
