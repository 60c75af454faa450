"""The bars on which nothing happens, recognised cheaply.

Most bars neither fill an order nor change a decision: they move the mark and the peak. ``calm``
says so, with the very conditions matching and deciding use, so that the compiled host may skip
both. It may be wrong only in one direction: False merely costs time. The engine never uses it,
so the parity tests compare every calm bar with a full one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel
from aster_ray.kernel.exits import NONE, exit_basis, exit_reason, gain, tier_of
from aster_ray.kernel.fills import limit_fills
from aster_ray.kernel.records import CLOSE, FUNDING, HIGH, LONG, LOW, SHORT

EPSILON = 1e-9


@inlined_kernel
def is_calm(
    sleeve: Any, rules: Any, limits: Any, row: np.ndarray, code: int, close_ms: int
) -> bool:
    """Return True only if this bar leaves a plain sleeve's orders and position alone.

    A held sleeve's peak is advanced here, as ``trail`` would; on False nothing was touched.
    """
    if sleeve.order_lots != 0:
        return False
    if sleeve.lots == 0:
        return code & (LONG | SHORT) == 0
    if row[FUNDING] != 0.0:
        return False
    high, low = row[HIGH], row[LOW]
    long = sleeve.lots > 0
    if long:
        if low <= sleeve.stop or code & SHORT:
            return False
        best = max(sleeve.peak, high)
    else:
        if high >= sleeve.stop or code & LONG:
            return False
        best = min(sleeve.peak, low)
    side = 1 if long else -1
    if limit_fills(sleeve.take_profit, -side, low, high):
        return False
    basis = exit_basis(limits, rules.leverage)
    before = sleeve.peak
    if best != before:
        tier, _ = tier_of(limits, gain(sleeve.entry_price, best, side, basis))
        if tier > sleeve.tier:
            return False
        sleeve.peak = best
    if exit_reason(sleeve, limits, row[CLOSE], close_ms, code, basis) != NONE:
        sleeve.peak = before
        return False
    return True
