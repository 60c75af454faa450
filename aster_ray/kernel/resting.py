"""Orders that rest on a book, what ends with them, and the round trips that are counted then."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.records import Book, Setup


@inlined_kernel
def count_trip(sleeve: Any, result: float) -> None:
    """Book one closed round trip with its net result in quote currency."""
    sleeve.trips += 1
    if result > 0.0:
        sleeve.wins += 1
        sleeve.gain += result
    else:
        sleeve.loss -= result


@inlined_kernel
def clear_order(sleeve: Any) -> None:
    """Forget the sleeve's resting market order."""
    sleeve.order_lots = 0
    sleeve.order_close_lots = 0
    sleeve.order_stop = np.nan
    sleeve.order_take_profit = np.nan
    sleeve.order_units = 0.0
    sleeve.order_reason = 0


@lean_kernel
def ladder_side_lots(book: Book, i: int, side: int) -> int:
    """Return the signed lots filled on one side of sleeve ``i``'s ladder."""
    lots = 0
    half = book.levels.shape[1] // 2
    first = 0 if side > 0 else half
    for k in range(first, first + half):
        if book.levels[i, k].state == 2:
            lots += book.levels[i, k].lots
    return lots


@lean_kernel
def stop_ladder(book: Book, setup: Setup, fill: Any, side: int, fee_per_lot: float) -> None:
    """Close what one side holds at the fill's price and drop its orders.

    Every filled level is a round trip of its own; the ladder rests until it may re-centre.
    """
    half = book.levels.shape[1] // 2
    first = 0 if side > 0 else half
    for k in range(first, first + half):
        level = book.levels[fill.sleeve, k]
        if level.state == 2:
            fee = fee_per_lot * abs(level.lots)
            count_level(book, setup, fill, k, fee)
        level.state = 0
    book.sleeves[fill.sleeve].centre = np.nan


@lean_kernel
def count_level(book: Book, setup: Setup, fill: Any, k: int, exit_fee: float) -> None:
    """Book level ``k``'s own result: its entry was a maker fill at its own price."""
    level, rules = book.levels[fill.sleeve, k], setup.rules[fill.symbol]
    gross = level.lots * rules.lot * (fill.price - level.price)
    entry_fee = abs(level.lots) * rules.lot * level.price * rules.maker_fee
    count_trip(book.sleeves[fill.sleeve], gross - entry_fee - exit_fee)


@lean_kernel
def cancel_symbol(book: Book, n: int, strategies: int) -> int:
    """Drop every resting order of ``n``, as a liquidation does; return how many sleeves hold it."""
    holding = 0
    for i in range(n * strategies, (n + 1) * strategies):
        holding += book.sleeves[i].lots != 0
        clear_order(book.sleeves[i])
        book.sleeves[i].centre = np.nan
        if book.sleeves[i].lots == 0:  # a sleeve that holds closes its levels with its own fill
            for k in range(book.levels.shape[1]):
                book.levels[i, k].state = 0
    return holding
