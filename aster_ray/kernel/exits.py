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
def profit(entry_price: float, price: float, side: int, basis: float) -> float:
    """Return the gain per unit at ``price`` in quote currency, times ``basis`` (leverage or 1).

    Fractions of entry are compared as ``profit >= fraction * entry_price``: a division per bar
    would cost more than the rest of an exit plan.
    """
    return side * (price - entry_price) * basis


@inlined_kernel
def exit_basis(limits: Any, leverage: float) -> float:
    """Return what multiplies price changes in exit plans: leverage when the basis is margin."""
    return leverage if limits.margin_basis == 1 else 1.0


@inlined_kernel
def tier_of(limits: Any, peak_profit: float, entry_price: float) -> tuple[int, float]:
    """Return (tiers reached, profit fraction they lock)."""
    if peak_profit < limits.tier_gain_1 * entry_price:
        return 0, 0.0
    if peak_profit >= limits.tier_gain_3 * entry_price:
        return 3, limits.tier_lock_3
    if peak_profit >= limits.tier_gain_2 * entry_price:
        return 2, limits.tier_lock_2
    return 1, limits.tier_lock_1


@inlined_kernel
def trail(sleeve: Any, limits: Any, row: np.ndarray, basis: float, tick: float) -> bool:
    """Update peak and tier from one observation; return whether the stop moved.

    Runs after the observation was matched against the stop as it stood, so a new tier counts
    from the next one. The stop only ever tightens.
    """
    side = 1 if sleeve.lots > 0 else -1
    best = row[HIGH] if side > 0 else row[LOW]
    if side * best > side * sleeve.peak:
        sleeve.peak = best
    entry = sleeve.entry_price
    tier, lock = tier_of(limits, profit(entry, sleeve.peak, side, basis), entry)
    if tier <= sleeve.tier:
        return False
    level = round_to_tick(entry * (1.0 + side * lock / basis), tick)
    if np.isnan(sleeve.stop) or side * level > side * sleeve.stop:
        # A tier that moves nothing is not reached: the venue, told of moves only, could not know.
        sleeve.tier = tier
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
        entry = sleeve.entry_price
        best = profit(entry, sleeve.peak, side, basis)
        if best >= limits.give_back_armed * entry:
            now = profit(entry, close, side, basis)
            if now <= best * (1.0 - limits.give_back):
                return GIVE_BACK
    if limits.holding_ms > 0 and close_ms - sleeve.entry_ms >= limits.holding_ms:
        return HOLDING_LIMIT
    if code & (EXIT_LONG if side > 0 else EXIT_SHORT):
        return INVALIDATION
    if code & (SHORT if side > 0 else LONG):
        return REVERSAL
    return NONE
