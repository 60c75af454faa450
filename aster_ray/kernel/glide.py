"""Holding one position through the bars that ask for nothing: the innermost loop of a sweep.

One symbol, one sleeve, no order resting but its stop and take profit. ``glide`` keeps the account
in registers and returns at the first bar that might need more; that bar is left untouched. Its
conditions are those of ``calm.needs``, its sums those of ``accounting``, operand by operand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.exits import exit_basis, profit
from aster_ray.kernel.fills import limit_fills
from aster_ray.kernel.records import (
    CLOSE,
    EXIT_LONG,
    EXIT_SHORT,
    FUNDING,
    HIGH,
    LONG,
    LOW,
    MARK_CLOSE,
    MARK_HIGH,
    MARK_LOW,
    SHORT,
    Book,
    Setup,
    SignalColumns,
    Timeline,
)
from aster_ray.model.enums import TradingState

EPSILON = 1e-9
HALTED = int(TradingState.HALTED)


class Watch(NamedTuple):
    """What ends a glide, as plain numbers."""

    side: int
    bits: int  # signal bits that ask for a decision
    stop: float
    take_profit: float
    entry: float
    basis: float
    armed: float  # profit per unit from which trailing or give-back begins
    until_ms: int  # first close at which a day or the holding limit ends


@inlined_kernel
def watch_for(book: Book, setup: Setup, signals: SignalColumns) -> Watch:
    """Return what to watch for while the only sleeve holds its position."""
    sleeve, limits = book.sleeves[0], setup.limits[0]
    side = 1 if sleeve.lots > 0 else -1
    bits = (EXIT_LONG | SHORT) if side > 0 else (EXIT_SHORT | LONG)
    units = signals.target_units
    if len(units) > 1 or abs(units[0, 0] - sleeve.units) > EPSILON:
        bits |= LONG | SHORT
    armed = limits.tier_gain_1
    if limits.give_back > 0.0:
        armed = min(armed, limits.give_back_armed)
    until = book.account[0].day_end_ms + 1
    if limits.holding_ms > 0:
        until = min(until, sleeve.entry_ms + limits.holding_ms)
    return Watch(
        side,
        bits,
        sleeve.stop,
        sleeve.take_profit,
        sleeve.entry_price,
        exit_basis(limits, setup.rules[0].leverage),
        armed * sleeve.entry_price,
        until,
    )


@inlined_kernel
def is_quiet(watch: Watch, row: np.ndarray, code: int, best: float) -> bool:
    """Return True only if this bar neither fills an order nor moves an exit plan."""
    low, high = row[LOW], row[HIGH]
    stopped = low <= watch.stop if watch.side > 0 else high >= watch.stop
    return (
        not stopped
        and code & watch.bits == 0
        and row[FUNDING] == 0.0
        and not np.isnan(row[CLOSE])
        and not limit_fills(watch.take_profit, -watch.side, low, high)
        and profit(watch.entry, best, watch.side, watch.basis) < watch.armed
    )


@lean_kernel
def glide(
    book: Book,
    setup: Setup,
    bars: np.ndarray,
    timeline: Timeline,
    signals: SignalColumns,
    moments: np.ndarray,
) -> int:
    """Hold through quiet bars and return how many were passed.

    ``bars`` f8[R, 1, 8] and ``timeline`` are the rows still to come, ``signals.code`` begins at
    the first of them, and ``moments`` are the return statistics of the trace, moved along.
    """
    account, position, sleeve = book.account[0], book.positions[0], book.sleeves[0]
    if sleeve.order_lots != 0 or sleeve.lots == 0 or account.state == HALTED:
        return 0
    watch = watch_for(book, setup, signals)
    qty = position.lots * setup.rules[0].lot
    wallet, entry = account.wallet, position.entry_price
    equity, top, mark, best = account.equity, account.peak, position.mark, sleeve.peak
    floor = 1.0 - setup.limits[0].hard_drawdown if setup.limits[0].enabled == 1 else -1.0
    total, squares, deepest = moments[0], moments[1], moments[2]
    t = 0
    while t < len(bars) and timeline.open_ms[t] + timeline.timeframe_ms < watch.until_ms:
        row = bars[t, 0]
        code = signals.code[t, 0]
        peak = max(best, row[HIGH]) if watch.side > 0 else min(best, row[LOW])
        if not is_quiet(watch, row, code, peak):
            break
        adverse = row[MARK_LOW] if qty > 0.0 else row[MARK_HIGH]
        worst = equity + min(qty * (adverse - mark), 0.0)
        if not worst > 0.51 * (abs(qty) * max(row[MARK_HIGH], mark)):
            break
        worth = wallet + qty * (row[MARK_CLOSE] - entry)
        higher = max(top, worth)
        if worth <= higher * floor:
            break
        if code & (LONG | SHORT) == 0:
            sleeve.refused_direction = 0
        if worth != equity:
            change = worth / equity - 1.0
            total += change
            squares += change * change
            if worth <= higher * (1.0 - deepest):
                deepest = 1.0 - worth / higher
        equity, top, mark, best = worth, higher, row[MARK_CLOSE], peak
        t += 1
    if t > 0:
        account.equity, account.peak = equity, top
        account.gross = abs(position.lots) * setup.rules[0].lot * mark
        account.bar += t
        position.mark, position.last = mark, bars[t - 1, 0, CLOSE]
        sleeve.peak = best
        sleeve.exposed_bars += t
        moments[0], moments[1], moments[2], moments[3] = total, squares, deepest, equity
    return t
