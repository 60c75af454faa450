"""The grid: resting limits around a centre, each closed at the next level towards it.

Level ``k`` of the lower half buys at ``centre (1 - (k + 1) spacing)`` and takes its profit at
``centre (1 - k spacing)``; the upper half mirrors it. One stop lies one spacing beyond the last
level of each side. A re-centre cancels entries, keeps the exits of filled levels, and happens
at most once per ``recentre_bars`` bars, when the price has left the ladder.
"""

from __future__ import annotations

import numpy as np

from aster_ray._jit import lean_kernel
from aster_ray.kernel.fills import round_to_tick
from aster_ray.kernel.intents import new_intent
from aster_ray.kernel.limits import ladder_room, permitted
from aster_ray.kernel.records import Book, Setup
from aster_ray.kernel.resting import ladder_side_lots
from aster_ray.model.enums import Denial, IntentKind

NONE = int(Denial.NONE)
BELOW_MINIMUM = int(Denial.BELOW_MINIMUM)
DAILY_OPENS = int(Denial.DAILY_OPENS)
PLACE_LEVEL = int(IntentKind.PLACE_LEVEL)
CANCEL_LEVEL = int(IntentKind.CANCEL_LEVEL)
PLACE_LADDER = int(IntentKind.PLACE_LADDER)


@lean_kernel
def level_price(centre: float, spacing: float, steps: int, side: int, tick: float) -> float:
    """Return the price ``steps`` levels away from the centre: below it for buys (+1)."""
    return round_to_tick(centre * (1.0 - side * steps * spacing), tick)


@lean_kernel
def must_recentre(book: Book, setup: Setup, i: int, levels: int, close: float) -> bool:
    """Return whether the ladder is absent or left behind, and may be placed anew."""
    sleeve = book.sleeves[i]
    if np.isnan(sleeve.spacing):
        return True
    if book.account[0].bar - sleeve.recentre_bar < setup.limits[0].recentre_bars:
        return False
    if np.isnan(sleeve.centre):
        return True
    return abs(close / sleeve.centre - 1.0) > levels * sleeve.spacing


@lean_kernel
def _cancel_levels(book: Book, i: int, state: int) -> None:
    for k in range(book.levels.shape[1]):
        if book.levels[i, k].state == state:
            book.levels[i, k].state = 0
            intent = new_intent(book, i, CANCEL_LEVEL)
            intent.level = k


@lean_kernel
def cancel_entries(book: Book, i: int) -> None:
    """Cancel every resting entry of sleeve ``i``; exits of filled levels stay."""
    _cancel_levels(book, i, 1)


@lean_kernel
def cancel_exits(book: Book, i: int) -> None:
    """Cancel the exits of every filled level of sleeve ``i``: only where they even each other."""
    _cancel_levels(book, i, 2)


@lean_kernel
def _place_level(book: Book, i: int, k: int, lots: int, price: float, exit_price: float) -> None:
    level = book.levels[i, k]
    level.state = 1
    level.lots = lots
    level.price = price
    level.exit_price = exit_price
    level.filled_ms = 0
    intent = new_intent(book, i, PLACE_LEVEL)
    intent.level = k
    intent.lots = lots
    intent.price = price
    intent.exit_price = exit_price


@lean_kernel
def place_entries(book: Book, setup: Setup, i: int, levels: int, close: float) -> int:
    """Rest an entry at every idle level that is on the passive side of ``close``.

    From the centre outwards, both sides alike, and no more than may still open today; returns
    DAILY_OPENS if that kept a level back, else NONE.
    """
    sleeve = book.sleeves[i]
    if np.isnan(sleeve.centre) or sleeve.unit_lots == 0:
        return NONE
    tick = setup.rules[sleeve.symbol].tick
    half = book.levels.shape[1] // 2
    room = -1  # counted once a level wants to rest
    for slot in range(2 * levels):
        step = slot // 2
        side = 1 if slot % 2 == 0 else -1
        k = step if side > 0 else half + step
        if book.levels[i, k].state != 0:
            continue
        price = level_price(sleeve.centre, sleeve.spacing, step + 1, side, tick)
        stop = sleeve.stop if side > 0 else sleeve.stop_high
        # A buy at or above the market would take liquidity; one beyond the stop would be
        # opened and stopped by the same move.
        if side * price >= side * close or side * price <= side * stop:
            continue
        if room < 0:
            room = ladder_room(book, setup)
        if room == 0:
            return DAILY_OPENS
        room -= 1
        exit_price = level_price(sleeve.centre, sleeve.spacing, step, side, tick)
        _place_level(book, i, k, side * sleeve.unit_lots, price, exit_price)
    return NONE


@lean_kernel
def recentre(book: Book, setup: Setup, i: int, grid: np.ndarray, fraction: float) -> int:
    """Move the ladder to ``grid`` = (centre, spacing, levels, size); return a denial or NONE.

    ``fraction`` of equity is what one full side is worth. The limits must permit the *whole* of
    both sides; the smaller permission sizes both.
    """
    sleeve = book.sleeves[i]
    cancel_entries(book, i)
    sleeve.recentre_bar = book.account[0].bar
    sleeve.centre = np.nan
    rules, levels = setup.rules[sleeve.symbol], int(grid[2])
    worth = rules.lot * book.positions[sleeve.symbol].mark
    wish = int(np.floor(fraction * grid[3] * book.account[0].equity / worth + 1e-9))
    stop_loss = min((levels + 1) * grid[1], 0.99)
    for side in (1, -1):
        allowed, code = permitted(book, setup, i, side * wish, stop_loss)
        if code != NONE:
            return code
        wish = min(wish, abs(allowed))
    lots = wish // levels
    # The venue measures an order at its own price, and the lowest buy is the smallest.
    lowest = level_price(grid[0], grid[1], levels, 1, rules.tick)
    if lots < max(1, rules.min_lots) or lots * rules.lot * lowest < rules.min_notional:
        return BELOW_MINIMUM
    low = level_price(grid[0], grid[1], levels + 1, 1, rules.tick)
    high = level_price(grid[0], grid[1], levels + 1, -1, rules.tick)
    # Filled levels keep the tighter of both stops: a re-centre never adds to their risk.
    if ladder_side_lots(book, i, 1) != 0:
        low = max(low, sleeve.stop)
    if ladder_side_lots(book, i, -1) != 0:
        high = min(high, sleeve.stop_high)
    sleeve.stop = low
    sleeve.stop_high = high
    sleeve.centre = grid[0]
    sleeve.spacing = grid[1]
    sleeve.unit_lots = lots
    intent = new_intent(book, i, PLACE_LADDER)
    intent.price = grid[0]
    intent.exit_price = grid[1]
    intent.stop = low
    intent.stop_high = high
    return NONE
