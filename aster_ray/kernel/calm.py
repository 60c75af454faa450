"""The bars on which nothing happens, recognised cheaply.

Most bars neither fill an order nor change a decision: they move the mark and the peak. ``needs``
says so, with the very conditions matching and deciding use, so that the compiled host may skip
either. It may be wrong only in one direction: asking for too much merely costs time. The engine
never uses it, so the parity tests compare every calm bar with a full one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel
from aster_ray.kernel.exits import NONE, exit_basis, exit_reason, profit, tier_of
from aster_ray.kernel.fills import limit_fills
from aster_ray.kernel.records import CLOSE, FUNDING, HIGH, LONG, LOW, SHORT

EPSILON = 1e-9
NOTHING, DECIDE, MATCH = range(3)


@inlined_kernel
def needs(sleeve: Any, rules: Any, limits: Any, row: np.ndarray, code: int, close_ms: int) -> int:
    """Return what this bar asks of a plain sleeve: NOTHING, DECIDE, or MATCH (then decide).

    The peak of a held sleeve that needs nothing is advanced here, as ``trail`` would.
    """
    if sleeve.order_lots != 0:
        return MATCH
    if sleeve.lots == 0:
        return DECIDE if code & (LONG | SHORT) else NOTHING
    high, low = row[HIGH], row[LOW]
    long = sleeve.lots > 0
    if row[FUNDING] != 0.0 or (low <= sleeve.stop if long else high >= sleeve.stop):
        return MATCH
    side = 1 if long else -1
    if limit_fills(sleeve.take_profit, -side, low, high):
        return MATCH
    basis = exit_basis(limits, rules.leverage)
    entry, before = sleeve.entry_price, sleeve.peak
    best = max(before, high) if long else min(before, low)
    if best != before:
        tier, _ = tier_of(limits, profit(entry, best, side, basis), entry)
        if tier > sleeve.tier:
            return DECIDE
        sleeve.peak = best
    if exit_reason(sleeve, limits, row[CLOSE], close_ms, code, basis) != NONE:
        return DECIDE
    return NOTHING
