"""What a real venue executed, booked to the sleeves it was done for.

``matching`` decides what a bar does to resting orders; here the venue has decided, and says at
which price and for what fee. Everything after that is the same: shares, ledgers, brackets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray._jit import lean_kernel
from aster_ray.kernel.accounting import apply_fill, new_fill
from aster_ray.kernel.records import Book, Setup
from aster_ray.kernel.resting import clear_order
from aster_ray.kernel.shares import Deal, share_market
from aster_ray.model.enums import ExitReason, FillKind

STOP = int(FillKind.STOP)
TAKE_PROFIT = int(FillKind.TAKE_PROFIT)
LADDER_ENTRY = int(FillKind.LADDER_ENTRY)
LADDER_EXIT = int(FillKind.LADDER_EXIT)
LIQUIDATION = int(FillKind.LIQUIDATION)
FUNDING_PAYMENT = int(FillKind.FUNDING)
STOP_LOSS = int(ExitReason.STOP_LOSS)
TRAILING_STOP = int(ExitReason.TRAILING_STOP)
LADDER_PROFIT = int(ExitReason.LADDER_PROFIT)
TOOK_PROFIT = int(ExitReason.TAKE_PROFIT)
LIQUIDATED = int(ExitReason.LIQUIDATION)


class Execution(NamedTuple):
    """What came of one order: all its trades together.

    ``reference`` is the price slippage is measured from: the last one before the order left, or
    the level a stop should have filled at.
    """

    lots: int  # signed
    price: float  # mean, weighted by lots
    fee: float  # quote currency; negative = a rebate
    reference: float
    ms: int
    reason: int = 0  # ExitReason where it is none of the desk's own; 0 = what the order stands for


@lean_kernel
def trim_orders(book: Book, setup: Setup, n: int, missing: int) -> None:
    """Take ``missing`` lots (signed like the net) off the market orders of ``n``'s sleeves.

    What opens gives way before what closes, and the last sleeve before the first.
    """
    first = n * setup.strategies
    side = 1 if missing > 0 else -1
    left = abs(missing)
    for opening in (True, False):
        for back in range(setup.strategies):
            sleeve = book.sleeves[first + setup.strategies - 1 - back]
            part = sleeve.order_close_lots
            if opening:
                part = sleeve.order_lots - sleeve.order_close_lots
            cut = min(left, max(side * part, 0))
            sleeve.order_lots -= side * cut
            if not opening:
                sleeve.order_close_lots -= side * cut
            left -= cut


@lean_kernel
def settle_market(book: Book, setup: Setup, n: int, done: Execution) -> None:
    """Book the end of symbol ``n``'s netted market order; what was not executed is forgotten.

    Sleeves that trade against each other cross at the same price.
    """
    first = n * setup.strategies
    net = 0
    for i in range(first, first + setup.strategies):
        net += book.sleeves[i].order_lots
    if net != done.lots:
        trim_orders(book, setup, n, net - done.lots)
    total = 0
    for i in range(first, first + setup.strategies):
        sleeve = book.sleeves[i]
        total += abs(sleeve.order_close_lots) + abs(sleeve.order_lots - sleeve.order_close_lots)
    if total == 0:
        for i in range(first, first + setup.strategies):
            clear_order(book.sleeves[i])
        return
    slippage = done.lots * setup.rules[n].lot * (done.price - done.reference) / total
    share_market(book, setup, n, Deal(done.price, done.fee / total, slippage, done.ms))


@lean_kernel
def _fill_stop_part(
    book: Book, setup: Setup, i: int, lots: int, shared: int, done: Execution
) -> None:
    """Book sleeve ``i``'s ``lots`` of a stop's execution that is shared among ``shared`` lots."""
    sleeve = book.sleeves[i]
    n = sleeve.symbol
    fill = new_fill(book, n, i, STOP, done.ms)
    fill.lots = lots
    fill.price = done.price
    fill.fee = done.fee * abs(lots) / shared
    loss = done.lots * setup.rules[n].lot * (done.price - done.reference)
    fill.slippage = loss * abs(lots) / shared
    own = TRAILING_STOP if sleeve.tier > 0 else STOP_LOSS
    fill.reason = done.reason if done.reason != 0 else own
    apply_fill(book, setup, fill)


@lean_kernel
def settle_stop(book: Book, setup: Setup, n: int, done: Execution) -> None:
    """Book an execution of symbol ``n``'s protective stop: it stands for all sleeves of ``n``.

    Fully executed, it leaves every sleeve flat: opposing ones cross at its price. Executed in
    part, the sleeves on the net's side close in their order as far as it goes. What then is left
    was closed already, by an order that crossed it on the way: it is held the other way round now.
    """
    first = n * setup.strategies
    net, total = 0, 0
    for i in range(first, first + setup.strategies):
        net += book.sleeves[i].lots
        total += abs(book.sleeves[i].lots)
    whole = net + done.lots == 0 and total > 0
    left = abs(done.lots)
    shared = total if whole else left
    side = 1 if done.lots < 0 else -1  # of the position that it closes
    heir = first  # of what was closed twice: by the stop and by an order of the sleeve itself
    for i in range(first, first + setup.strategies):
        sleeve = book.sleeves[i]
        lots = sleeve.lots
        if not whole:
            if side * lots < 0 and side * book.sleeves[heir].lots >= 0:
                heir = i
            lots = side * min(max(side * lots, 0), left)
            left -= abs(lots)
        if lots != 0:
            _fill_stop_part(book, setup, i, -lots, shared, done)
    if not whole and left > 0:
        _fill_stop_part(book, setup, heir, -side * left, shared, done)


@lean_kernel
def settle_limit(book: Book, setup: Setup, i: int, k: int, done: Execution) -> None:
    """Book an execution of a resting limit of sleeve ``i``: level ``k``'s entry or exit.

    With ``k`` = -1 it is the sleeve's take profit. A level that was canceled meanwhile is filled
    all the same.
    """
    n = book.sleeves[i].symbol
    kind = TAKE_PROFIT
    if k >= 0:
        opens = (book.levels[i, k].lots > 0) == (done.lots > 0)
        kind = LADDER_ENTRY if opens else LADDER_EXIT
    fill = new_fill(book, n, i, kind, done.ms)
    fill.level = k
    fill.lots = done.lots
    fill.price = done.price
    fill.fee = done.fee
    fill.slippage = done.lots * setup.rules[n].lot * (done.price - done.reference)
    if kind == TAKE_PROFIT:
        fill.reason = TOOK_PROFIT
    elif kind == LADDER_EXIT:
        fill.reason = LADDER_PROFIT
    apply_fill(book, setup, fill)


@lean_kernel
def settle_liquidation(book: Book, setup: Setup, n: int, done: Execution) -> None:
    """Book that the venue took symbol ``n`` away: every sleeve closes, every order is gone."""
    first = n * setup.strategies
    total = 0
    for i in range(first, first + setup.strategies):
        total += abs(book.sleeves[i].lots)
    for i in range(first, first + setup.strategies):
        sleeve = book.sleeves[i]
        if sleeve.lots == 0:
            continue
        fill = new_fill(book, n, i, LIQUIDATION, done.ms)
        fill.lots = -sleeve.lots
        fill.price = done.price
        fill.fee = done.fee * abs(fill.lots) / total
        fill.reason = LIQUIDATED
        apply_fill(book, setup, fill)


@lean_kernel
def settle_funding(book: Book, setup: Setup, n: int, amount: float, ms: int) -> None:
    """Book a funding payment (paid is positive) to the sleeves of ``n`` by what they hold.

    With nothing held net any more it is that sleeve's which was opened last.
    """
    first = n * setup.strategies
    lot = setup.rules[n].lot
    net, last = 0, first
    for i in range(first, first + setup.strategies):
        net += book.sleeves[i].lots
        if book.sleeves[i].entry_ms > book.sleeves[last].entry_ms:
            last = i
    for i in range(first, first + setup.strategies):
        lots = book.sleeves[i].lots
        if (net == 0 and i != last) or (net != 0 and lots == 0):
            continue
        fill = new_fill(book, n, i, FUNDING_PAYMENT, ms)
        fill.lots = 0 if net == 0 else lots
        fill.price = 0.0 if net == 0 else amount / (net * lot)
        fill.fee = amount if net == 0 else amount * lots / net
        apply_fill(book, setup, fill)


@lean_kernel
def protective_level(book: Book, setup: Setup, n: int) -> float:
    """Return where symbol ``n``'s stop belongs: the nearest of the sleeves on the net's side.

    NaN if nothing is held net, or no sleeve on that side has a stop.
    """
    first = n * setup.strategies
    side = 1 if book.positions[n].lots > 0 else -1
    nearest = np.nan
    if book.positions[n].lots == 0:
        return nearest
    for i in range(first, first + setup.strategies):
        sleeve = book.sleeves[i]
        if side * sleeve.lots <= 0:
            continue
        stop = sleeve.stop
        if side < 0 and not np.isnan(sleeve.spacing):
            stop = sleeve.stop_high
        if not np.isnan(stop) and (np.isnan(nearest) or side * stop > side * nearest):
            nearest = stop
    return nearest
