"""What a venue does with one bar of one symbol: settle funding, fill resting orders, liquidate.

Order inside a bar: funding on what was held into it; liquidation if the open jumped over its
price; market orders at the open; ladder entries (the way towards the adverse extreme); stops;
liquidation on mark; take profits and ladder exits. A stop nearer than the liquidation price
triggers first, one beyond it never does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import apply_fill, new_fill
from aster_ray.kernel.fills import limit_fills, market_price, stop_reference
from aster_ray.kernel.liquidation import liquidate, liquidation_level
from aster_ray.kernel.records import (
    CLOSE,
    FUNDING,
    HIGH,
    LOW,
    OPEN,
    Book,
    Moment,
    Setup,
)
from aster_ray.kernel.resting import ladder_side_lots
from aster_ray.kernel.shares import Deal, share_market
from aster_ray.model.enums import ExitReason, FillKind

STOP = int(FillKind.STOP)
TAKE_PROFIT = int(FillKind.TAKE_PROFIT)
LADDER_ENTRY = int(FillKind.LADDER_ENTRY)
LADDER_EXIT = int(FillKind.LADDER_EXIT)
FUNDING_PAYMENT = int(FillKind.FUNDING)
STOP_LOSS = int(ExitReason.STOP_LOSS)
TRAILING_STOP = int(ExitReason.TRAILING_STOP)
LADDER_STOP = int(ExitReason.LADDER_STOP)
LADDER_PROFIT = int(ExitReason.LADDER_PROFIT)
TOOK_PROFIT = int(ExitReason.TAKE_PROFIT)


@inlined_kernel
def _settle_funding(book: Book, setup: Setup, n: int, per_unit: float, open_ms: int) -> None:
    """Charge every sleeve of ``n`` for what it holds; the sum is what the account's net pays."""
    lot = setup.rules[n].lot
    strategies = setup.strategies
    for i in range(n * strategies, (n + 1) * strategies):
        lots = book.sleeves[i].lots
        if lots != 0:
            fill = new_fill(book, n, i, FUNDING_PAYMENT, open_ms)
            fill.lots = lots
            fill.price = per_unit
            fill.fee = lots * lot * per_unit
            apply_fill(book, setup, fill)


@inlined_kernel
def _fill_market(book: Book, setup: Setup, n: int, open_: float, open_ms: int) -> None:
    """Execute the symbol's netted market order at the open and share it among its sleeves.

    Sleeves that trade against each other cross at the same price; the taker fee is due on the
    net quantity only and is shared by traded lots.
    """
    strategies = setup.strategies
    first = n * strategies
    net, total = 0, 0
    for i in range(first, first + strategies):
        net += book.sleeves[i].order_lots
        total += abs(book.sleeves[i].order_lots)
    if total == 0:
        return
    rules = setup.rules[n]
    price = open_
    if net != 0:
        side = 1 if net > 0 else -1
        price = market_price(open_, side, rules.half_spread + rules.slippage, rules.tick)
    fee = abs(net) * rules.lot * price * rules.taker_fee / total
    slippage = abs(net) * rules.lot * abs(price - open_) / total
    share_market(book, setup, n, Deal(price, fee, slippage, open_ms))


@inlined_kernel
def _fill_stop(book: Book, setup: Setup, i: int, lots: int, reference: float) -> Any:
    """Close ``lots`` of sleeve ``i`` at market from the triggered ``reference`` price."""
    n = book.sleeves[i].symbol
    rules = setup.rules[n]
    side = -1 if lots > 0 else 1
    price = market_price(reference, side, rules.half_spread + rules.slippage, rules.tick)
    fill = new_fill(book, n, i, STOP, 0)
    fill.lots = -lots
    fill.price = price
    fill.fee = abs(lots) * rules.lot * price * rules.taker_fee
    fill.slippage = abs(lots) * rules.lot * abs(price - reference)
    return fill


@lean_kernel
def _limit(book: Book, setup: Setup, i: int, k: int, ms: int) -> None:
    """Fill level ``k`` of sleeve ``i``: its entry when it rests there, else its exit."""
    n = book.sleeves[i].symbol
    level = book.levels[i, k]
    entry = level.state == 1
    fill = new_fill(book, n, i, LADDER_ENTRY if entry else LADDER_EXIT, ms)
    fill.level = k
    fill.lots = level.lots if entry else -level.lots
    fill.price = level.price if entry else level.exit_price
    fill.fee = abs(fill.lots) * setup.rules[n].lot * fill.price * setup.rules[n].maker_fee
    fill.reason = 0 if entry else LADDER_PROFIT
    apply_fill(book, setup, fill)


@lean_kernel
def _ladder_entries(book: Book, setup: Setup, i: int, row: np.ndarray, ms: int) -> None:
    for k in range(book.levels.shape[1]):
        level = book.levels[i, k]
        if level.state == 1:
            side = 1 if level.lots > 0 else -1
            if limit_fills(level.price, side, row[LOW], row[HIGH]):
                _limit(book, setup, i, k, ms)


@lean_kernel
def _ladder_exits(book: Book, setup: Setup, i: int, row: np.ndarray, ms: int) -> None:
    for k in range(book.levels.shape[1]):
        level = book.levels[i, k]
        # A level filled in this bar exits in a later one: the path after its fill is unknown.
        if level.state == 2 and level.filled_ms != ms:
            side = -1 if level.lots > 0 else 1
            if limit_fills(level.exit_price, side, row[LOW], row[HIGH]):
                _limit(book, setup, i, k, ms)


@inlined_kernel
def _comes_too_late(book: Book, n: int, side: int, stop: float, liquidation: float) -> bool:
    """Return whether this bar liquidates the net position of ``n`` before it reaches ``stop``.

    Liquidation threatens only the net position's side; the other side is stopped by the other
    extreme.
    """
    if np.isnan(liquidation) or side * book.positions[n].lots <= 0:
        return False
    return side * stop <= side * liquidation


@lean_kernel
def _ladder_stops(
    book: Book, setup: Setup, i: int, row: np.ndarray, ms: int, liquidation: float
) -> None:
    sleeve = book.sleeves[i]
    for side in (1, -1):
        stop = sleeve.stop if side > 0 else sleeve.stop_high
        if np.isnan(stop) or _comes_too_late(book, sleeve.symbol, side, stop, liquidation):
            continue
        reference = stop_reference(stop, side, row[OPEN], row[LOW], row[HIGH])
        if np.isnan(reference):
            continue
        lots = ladder_side_lots(book, i, side)
        if lots != 0:
            fill = _fill_stop(book, setup, i, lots, reference)
            fill.ms = ms
            fill.reason = LADDER_STOP
            apply_fill(book, setup, fill)


@inlined_kernel
def _plain_stop(book: Book, setup: Setup, i: int, row: np.ndarray, liquidation: float) -> bool:
    """Trigger the sleeve's protective stop if this bar reaches it before liquidation."""
    sleeve = book.sleeves[i]
    if sleeve.lots == 0 or np.isnan(sleeve.stop):
        return False
    side = 1 if sleeve.lots > 0 else -1
    if _comes_too_late(book, sleeve.symbol, side, sleeve.stop, liquidation):
        return False
    reference = stop_reference(sleeve.stop, side, row[OPEN], row[LOW], row[HIGH])
    if np.isnan(reference):
        return False
    reason = TRAILING_STOP if sleeve.tier > 0 else STOP_LOSS
    fill = _fill_stop(book, setup, i, sleeve.lots, reference)
    fill.reason = reason
    return True


@inlined_kernel
def _take_profit(book: Book, setup: Setup, i: int, row: np.ndarray, ms: int) -> None:
    sleeve = book.sleeves[i]
    if sleeve.lots == 0 or np.isnan(sleeve.take_profit):
        return
    side = -1 if sleeve.lots > 0 else 1
    if not limit_fills(sleeve.take_profit, side, row[LOW], row[HIGH]):
        return
    n = sleeve.symbol
    fill = new_fill(book, n, i, TAKE_PROFIT, ms)
    fill.lots = -sleeve.lots
    fill.price = sleeve.take_profit
    fill.fee = abs(fill.lots) * setup.rules[n].lot * fill.price * setup.rules[n].maker_fee
    fill.reason = TOOK_PROFIT
    apply_fill(book, setup, fill)


@inlined_kernel
def match_bar(book: Book, setup: Setup, n: int, row: np.ndarray, moment: Moment) -> None:
    """Do all a venue does with one bar of symbol ``n``.

    Fills are booked and appended to ``book.fills``. A missing bar (NaN) leaves orders resting.
    """
    if np.isnan(row[CLOSE]):
        return
    strategies = setup.strategies
    first = n * strategies
    ms = moment.close_ms
    if row[FUNDING] != 0.0:
        _settle_funding(book, setup, n, row[FUNDING], moment.open_ms)
    liquidation = liquidation_level(book, setup, n, row)
    if not np.isnan(liquidation):
        side = 1 if book.positions[n].lots > 0 else -1
        if side * row[OPEN] <= side * liquidation:
            # The open jumped over it: the venue takes over before any order of ours can trade,
            # or a stop filled beyond bankruptcy would leave a debt.
            liquidate(book, setup, n, row[OPEN], ms)
            return
    _fill_market(book, setup, n, row[OPEN], moment.open_ms)
    liquidation = liquidation_level(book, setup, n, row)
    for i in range(first, first + strategies):
        if not np.isnan(book.sleeves[i].spacing):
            _ladder_entries(book, setup, i, row, ms)
            liquidation = liquidation_level(book, setup, n, row)
            _ladder_stops(book, setup, i, row, ms, liquidation)
            liquidation = liquidation_level(book, setup, n, row)
        elif _plain_stop(book, setup, i, row, liquidation):
            fill = book.fills[book.account[0].fill_count - 1]
            fill.ms = ms
            apply_fill(book, setup, fill)
            liquidation = liquidation_level(book, setup, n, row)
    if not np.isnan(liquidation):
        side = 1 if book.positions[n].lots > 0 else -1
        gap = min(row[OPEN], liquidation) if side > 0 else max(row[OPEN], liquidation)
        liquidate(book, setup, n, gap, ms)
        return
    for i in range(first, first + strategies):
        if not np.isnan(book.sleeves[i].spacing):
            _ladder_exits(book, setup, i, row, ms)
        else:
            _take_profit(book, setup, i, row, ms)
