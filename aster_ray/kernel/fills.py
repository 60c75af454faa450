"""Fill prices on one observation (open, high, low, close); a quote has all four equal.

Market orders pay half the spread and slippage. Limits fill only when the price trades *through*
them, at their own price. A stop whose level was jumped over fills at the open.
"""

from __future__ import annotations

import numpy as np

from aster_ray._jit import inlined_kernel


@inlined_kernel
def price_of_ticks(ticks: float, tick: float) -> float:
    """Return whole ``ticks`` as a price: the float nearest to the decimal the venue would print."""
    if tick < 1.0:
        per_unit = np.floor(1.0 / tick + 0.5)
        if abs(per_unit * tick - 1.0) < 1e-12:
            return ticks / per_unit
    return ticks * tick


@inlined_kernel
def round_to_tick(price: float, tick: float) -> float:
    """Return the nearest multiple of ``tick``; a tick of zero leaves the price alone."""
    if tick <= 0.0:
        return price
    return price_of_ticks(np.floor(price / tick + 0.5), tick)


@inlined_kernel
def round_adverse(price: float, side: int, tick: float) -> float:
    """Return the next tick against us: up for a buy (+1), down for a sell (-1)."""
    if tick <= 0.0:
        return price
    steps = price / tick
    # The tolerance keeps a price that is already on the grid where it is.
    if side > 0:
        return price_of_ticks(np.ceil(steps - 1e-9), tick)
    return price_of_ticks(np.floor(steps + 1e-9), tick)


@inlined_kernel
def market_price(reference: float, side: int, cost: float, tick: float) -> float:
    """Return the execution price of a market order; ``cost`` is half spread + slippage."""
    return round_adverse(reference * (1.0 + side * cost), side, tick)


@inlined_kernel
def stop_reference(stop: float, side: int, open_: float, low: float, high: float) -> float:
    """Return where a protective stop of a position of ``side`` triggers; NaN when it does not."""
    if side > 0:
        if low <= stop:
            return min(open_, stop)
    elif high >= stop:
        return max(open_, stop)
    return np.nan


@inlined_kernel
def limit_fills(limit: float, side: int, low: float, high: float) -> bool:
    """Return whether a resting limit of ``side`` is traded through."""
    return low < limit if side > 0 else high > limit
