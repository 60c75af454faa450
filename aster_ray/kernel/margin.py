"""Initial and maintenance margin by bracket, liquidation price, bankruptcy price (cross margin).

Formulas: Aster futures documentation, maintenance margin = |notional| x rate - deduction and
LP = (wallet + other PnL - other maintenance + deduction - qty x entry) / (|qty| x rate - qty).
"""

from __future__ import annotations

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import unrealized
from aster_ray.kernel.records import BRACKET_LEVERAGE, DEDUCTION, FLOOR, RATE, Book, Setup


@inlined_kernel
def bracket_of(brackets: np.ndarray, count: int, notional: float) -> int:
    """Return the row of the bracket that holds ``notional``."""
    row = 0
    for k in range(1, count):
        if notional >= brackets[k, FLOOR]:
            row = k
    return row


@lean_kernel
def maintenance(setup: Setup, n: int, notional: float) -> float:
    """Return the maintenance margin of an absolute notional of symbol ``n``."""
    k = bracket_of(setup.brackets[n], setup.rules[n].brackets, notional)
    return max(0.0, notional * setup.brackets[n, k, RATE] - setup.brackets[n, k, DEDUCTION])


@lean_kernel
def maintenance_of(book: Book, setup: Setup, n: int) -> float:
    """Return the maintenance margin of the position in symbol ``n`` at its mark."""
    position = book.positions[n]
    if position.lots == 0:
        return 0.0
    return maintenance(setup, n, abs(position.lots) * setup.rules[n].lot * position.mark)


@inlined_kernel
def bracket_leverage(setup: Setup, n: int, notional: float) -> float:
    """Return the highest leverage the venue allows for a notional of symbol ``n``."""
    k = bracket_of(setup.brackets[n], setup.rules[n].brackets, notional)
    return setup.brackets[n, k, BRACKET_LEVERAGE]


@lean_kernel
def equity_without(book: Book, setup: Setup, n: int) -> tuple[float, float]:
    """Return (wallet + PnL, maintenance) of the account leaving out the position in ``n``."""
    cash = book.account[0].wallet
    needed = 0.0
    for m in range(len(book.positions)):
        if m != n and book.positions[m].lots != 0:
            cash += unrealized(book, setup, m)
            needed += maintenance_of(book, setup, m)
    return cash, needed


@lean_kernel
def bankruptcy_price(book: Book, setup: Setup, n: int) -> float:
    """Return the price of ``n`` at which the account's equity is zero."""
    cash, _ = equity_without(book, setup, n)
    position = book.positions[n]
    return position.entry_price - cash / (position.lots * setup.rules[n].lot)


@lean_kernel
def liquidation_price(book: Book, setup: Setup, n: int) -> float:
    """Return the mark of ``n`` at which maintenance fails; NaN when flat or out of reach.

    The bracket is the one that holds the notional at the resulting price: brackets are walked
    until price and bracket agree, since a short's notional grows on its way to liquidation.
    """
    position = book.positions[n]
    if position.lots == 0:
        return np.nan
    cash, needed = equity_without(book, setup, n)
    qty = position.lots * setup.rules[n].lot
    count = setup.rules[n].brackets
    for k in range(count):
        rate = setup.brackets[n, k, RATE]
        deduction = setup.brackets[n, k, DEDUCTION]
        price = (cash - needed + deduction - qty * position.entry_price) / (abs(qty) * rate - qty)
        notional = abs(qty) * price
        ceiling = setup.brackets[n, k + 1, FLOOR] if k + 1 < count else np.inf
        if setup.brackets[n, k, FLOOR] <= notional < ceiling:
            return price
    return np.nan


@inlined_kernel
def may_be_liquidated(book: Book, setup: Setup, n: int, mark: float) -> bool:
    """Return False only when no liquidation is possible with ``n`` at ``mark``: a cheap filter.

    Maintenance never exceeds half of notional in any bracket we ship or download.
    """
    position = book.positions[n]
    lot = setup.rules[n].lot
    account = book.account[0]
    worst = account.wallet + position.lots * lot * (mark - position.entry_price)
    gross = abs(position.lots) * lot * mark
    if len(book.positions) > 1:
        for m in range(len(book.positions)):
            if m != n and book.positions[m].lots != 0:
                worst += unrealized(book, setup, m)
                gross += abs(book.positions[m].lots) * setup.rules[m].lot * book.positions[m].mark
    return worst <= 0.5 * gross
