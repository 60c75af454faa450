"""What a bar must be like to be believed, and when two sources say the same."""

from __future__ import annotations

import math
from typing import NamedTuple

from aster_ray.model.market import Bar

# Last and mark price of a living market are tenths of a percent apart.
MAX_MARK_GAP = 0.05
_RELATIVE_VOLUME = 1e-9


class Step(NamedTuple):
    """Smallest steps of a contract: price in quote currency, quantity in base asset."""

    tick: float
    lot: float


def fault_of(bar: Bar) -> str:
    """Return why a bar cannot be, in a few words that count it; empty for a sound one."""
    prices = bar[1:5]
    if not all(map(math.isfinite, (*prices, bar.volume))):
        return "not a number"
    if min(prices) <= 0.0:
        return "price not positive"
    if bar.volume < 0.0:
        return "negative volume"
    if bar.low > min(bar.open, bar.close) or bar.high < max(bar.open, bar.close):
        return "impossible range"
    return ""


def is_far_from_mark(bar: Bar, mark: float) -> bool:
    """Return whether a close is further from the mark price than a living market's ever is."""
    return not abs(bar.close / mark - 1.0) <= MAX_MARK_GAP


def agrees(one: Bar, other: Bar, step: Step) -> bool:
    """Return whether two bars are the same within half a step."""
    prices = zip(one[1:5], other[1:5], strict=True)
    slack = 0.5 * step.lot + _RELATIVE_VOLUME * abs(other.volume)
    return (
        one.open_ms == other.open_ms
        and all(abs(a - b) <= 0.5 * step.tick for a, b in prices)
        and abs(one.volume - other.volume) <= slack
    )
