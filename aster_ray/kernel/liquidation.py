"""What a venue does to an account that cannot keep its margin."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import apply_fill, new_fill, refresh_equity
from aster_ray.kernel.fills import round_adverse
from aster_ray.kernel.margin import (
    bankruptcy_price,
    liquidation_price,
    maintenance_of,
    may_be_liquidated,
)
from aster_ray.kernel.records import CLOSE, MARK_HIGH, MARK_LOW, Book, Moment, Setup
from aster_ray.model.enums import ExitReason, FillKind

LIQUIDATION = int(FillKind.LIQUIDATION)
LIQUIDATED = int(ExitReason.LIQUIDATION)


@lean_kernel
def liquidate(book: Book, setup: Setup, n: int, reference: float, ms: int) -> None:
    """Take symbol ``n`` away from us at ``reference``, no worse than bankruptcy, fee included.

    All its orders are canceled (in ``apply_fill``). The fee never makes equity negative: the
    insurance fund, not the account, bears what is missing.
    """
    rules = setup.rules[n]
    net = book.positions[n].lots
    side = 1 if net > 0 else -1
    bankrupt = bankruptcy_price(book, setup, n)
    price = side * max(side * round_adverse(reference, -side, rules.tick), side * bankrupt)
    left = abs(net) * rules.lot * side * (price - bankrupt)
    due = min(abs(net) * rules.lot * price * (rules.liquidation_fee + rules.taker_fee), left)
    strategies = setup.strategies
    total = 0
    for i in range(n * strategies, (n + 1) * strategies):
        total += abs(book.sleeves[i].lots)
    for i in range(n * strategies, (n + 1) * strategies):
        sleeve = book.sleeves[i]
        if sleeve.lots != 0:
            fill = new_fill(book, n, i, LIQUIDATION, ms)
            fill.lots = -sleeve.lots
            fill.price = price
            fill.fee = due * abs(sleeve.lots) / total
            fill.reason = LIQUIDATED
            apply_fill(book, setup, fill)


@inlined_kernel
def liquidation_level(book: Book, setup: Setup, n: int, row: np.ndarray) -> float:
    """Return the liquidation price of ``n`` if this bar's mark reaches it, else NaN."""
    lots = book.positions[n].lots
    if lots == 0:
        return np.nan
    adverse = row[MARK_LOW] if lots > 0 else row[MARK_HIGH]
    if not may_be_liquidated(book, setup, n, adverse):
        return np.nan
    price = liquidation_price(book, setup, n)
    return price if (adverse <= price if lots > 0 else adverse >= price) else np.nan


@inlined_kernel
def margin_call(book: Book, setup: Setup, bars: np.ndarray, moment: Moment) -> None:
    """Liquidate, symbol by symbol, an account whose equity at the close is below maintenance."""
    account = book.account[0]
    if account.gross == 0.0 or account.equity > 0.5 * account.gross:
        return
    for n in range(len(book.positions)):
        needed = 0.0
        for m in range(len(book.positions)):
            needed += maintenance_of(book, setup, m)
        if account.equity >= needed:
            return
        if book.positions[n].lots != 0 and not np.isnan(bars[n, CLOSE]):
            liquidate(book, setup, n, bars[n, CLOSE], moment.close_ms)
            refresh_equity(book, setup)
