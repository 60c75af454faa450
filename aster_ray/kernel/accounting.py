"""Positions, ledgers and equity. Every fill of every host goes through ``apply_fill``."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.fills import round_to_tick
from aster_ray.kernel.records import Book, Setup
from aster_ray.kernel.resting import (
    cancel_symbol,
    count_level,
    count_trip,
    ladder_side_lots,
    stop_ladder,
)
from aster_ray.model.enums import ExitReason, FillKind

MARKET = int(FillKind.MARKET)
LADDER_ENTRY = int(FillKind.LADDER_ENTRY)
LADDER_EXIT = int(FillKind.LADDER_EXIT)
LIQUIDATION = int(FillKind.LIQUIDATION)
FUNDING_PAYMENT = int(FillKind.FUNDING)
LADDER_STOP = int(ExitReason.LADDER_STOP)
DAY_MS = 86_400_000


@inlined_kernel
def next_position(
    lots: int, entry_price: float, fill_lots: int, price: float, lot: float
) -> tuple[int, float, float]:
    """Return (lots, average entry price, realized PnL) after a fill.

    Average cost: adding moves the entry price, reducing realizes against it, crossing zero
    opens the rest at the fill price. A flat position has entry price 0.
    """
    after = lots + fill_lots
    if lots == 0 or (lots > 0) == (fill_lots > 0):
        entry = (entry_price * abs(lots) + price * abs(fill_lots)) / abs(after)
        return after, entry, 0.0
    closed = min(abs(lots), abs(fill_lots))
    sign = 1.0 if lots > 0 else -1.0
    realized = sign * closed * lot * (price - entry_price)
    if after == 0:
        return 0, 0.0, realized
    if (after > 0) == (lots > 0):
        return after, entry_price, realized
    return after, price, realized


@inlined_kernel
def begin_bar(account: Any, close_ms: int) -> None:
    """Open the books for one close time; a new UTC day resets the daily counters.

    The day is that of the bar's last millisecond, so a bar closing at midnight is still yesterday.
    """
    account.fill_count = 0
    account.intent_count = 0
    account.bar += 1
    begin_day(account, close_ms)


@inlined_kernel
def begin_day(account: Any, close_ms: int) -> None:
    """Reset the daily counters if ``close_ms`` ends a bar of a new UTC day."""
    if close_ms > account.day_end_ms:
        account.day_end_ms = ((close_ms - 1) // DAY_MS + 1) * DAY_MS
        account.day_equity = account.equity
        account.day_opens = 0
        account.day_ladder_opens = 0


@inlined_kernel
def _open_trip(sleeve: Any, fill: Any, ledger: float) -> None:
    sleeve.trip_open = ledger
    sleeve.entry_ms = fill.ms
    sleeve.peak = fill.price
    sleeve.tier = 0
    if fill.kind == MARKET:
        sleeve.stop = np.nan
        sleeve.take_profit = np.nan


@inlined_kernel
def _close_trip(sleeve: Any) -> None:
    if np.isnan(sleeve.spacing):  # a ladder counts level by level
        result = sleeve.realized - sleeve.fees - sleeve.funding - sleeve.trip_open
        count_trip(sleeve, result)
        sleeve.stop = np.nan
        sleeve.take_profit = np.nan
    sleeve.units = 0.0
    sleeve.tier = 0
    sleeve.peak = np.nan


@inlined_kernel
def _attach_bracket(sleeve: Any, tick: float, price: float) -> None:
    """Set the resting stop and take profit after an opening fill; a stop never loosens.

    A new average entry begins a new peak: the old one would be a profit never made on it.
    """
    sleeve.peak = price
    side = 1.0 if sleeve.lots > 0 else -1.0
    if not np.isnan(sleeve.order_stop):
        level = round_to_tick(sleeve.entry_price * (1.0 - side * sleeve.order_stop), tick)
        if np.isnan(sleeve.stop) or side * level > side * sleeve.stop:
            sleeve.stop = level
    if not np.isnan(sleeve.order_take_profit):
        goal = sleeve.entry_price * (1.0 + side * sleeve.order_take_profit)
        sleeve.take_profit = round_to_tick(goal, tick)
    sleeve.units = sleeve.order_units


@lean_kernel
def _apply_level(book: Book, setup: Setup, fill: Any) -> None:
    level = book.levels[fill.sleeve, fill.level]
    if fill.kind == LADDER_ENTRY:
        level.state = 2
        level.lots = fill.lots  # less than asked for if it was canceled half filled
        level.filled_ms = fill.ms
        book.account[0].day_ladder_opens += 1
        return
    left = level.lots + fill.lots
    level.lots = -fill.lots
    count_level(book, setup, fill, fill.level, fill.fee)
    if left != 0:  # the rest of the level has not exited yet
        level.lots = left
        return
    level.state = 0


@inlined_kernel
def _book_net(account: Any, position: Any, fill: Any, lot: float) -> None:
    lots, entry, realized = next_position(
        position.lots, position.entry_price, fill.lots, fill.price, lot
    )
    position.lots = lots
    position.entry_price = entry
    account.wallet += realized - fill.fee
    account.realized += realized
    account.fees += fill.fee
    account.slippage += fill.slippage
    account.traded += abs(fill.lots) * lot * fill.price


@inlined_kernel
def new_fill(book: Book, n: int, i: int, kind: int, ms: int) -> Any:
    """Append an empty fill of sleeve ``i`` to the buffer and return its record."""
    account = book.account[0]
    fill = book.fills[account.fill_count]
    account.fill_count += 1
    fill.ms = ms
    fill.symbol = n
    fill.sleeve = i
    fill.level = -1
    fill.kind = kind
    fill.lots = 0
    fill.price = np.nan
    fill.fee = 0.0
    fill.slippage = 0.0
    fill.realized = 0.0
    fill.reason = 0
    fill.stop = np.nan
    fill.stop_high = np.nan
    fill.take_profit = np.nan
    return fill


@lean_kernel
def _book(account: Any, position: Any, sleeve: Any, rules: Any, fill: Any) -> None:
    """Book one fill to its sleeve, its symbol and the account.

    Records travel as one pointer each; a book costs a copy of all its array headers.
    """
    if fill.kind == FUNDING_PAYMENT:
        sleeve.funding += fill.fee
        account.wallet -= fill.fee
        account.funding += fill.fee
        return
    ledger = sleeve.realized - sleeve.fees - sleeve.funding
    was = sleeve.lots
    lots, entry, realized = next_position(was, sleeve.entry_price, fill.lots, fill.price, rules.lot)
    fill.realized = realized
    sleeve.lots = lots
    sleeve.entry_price = entry
    sleeve.realized += realized
    sleeve.fees += fill.fee
    sleeve.slippage += fill.slippage
    if was == 0:
        _open_trip(sleeve, fill, ledger)
    if lots == 0:
        _close_trip(sleeve)
    elif fill.kind == MARKET and abs(lots) > abs(was):
        _attach_bracket(sleeve, rules.tick, fill.price)
        account.day_opens += 1
    elif fill.kind == MARKET:
        sleeve.units = sleeve.order_units
    fill.stop = sleeve.stop
    fill.stop_high = sleeve.stop_high
    fill.take_profit = sleeve.take_profit
    _book_net(account, position, fill, rules.lot)


@lean_kernel
def _book_ladder(book: Book, setup: Setup, fill: Any) -> None:
    """Book what a fill means for the levels of its sleeve's ladder."""
    sleeve = book.sleeves[fill.sleeve]
    if fill.level >= 0:
        _apply_level(book, setup, fill)
    elif fill.reason == LADDER_STOP:
        side = -1 if fill.lots > 0 else 1
        stop_ladder(book, setup, fill, side, fill.fee / abs(fill.lots))
        sleeve.recentre_bar = book.account[0].bar  # cool down before it is placed anew
    elif sleeve.lots == 0:
        held = ladder_side_lots(book, fill.sleeve, 1) - ladder_side_lots(book, fill.sleeve, -1)
        for side in (1, -1):
            stop_ladder(book, setup, fill, side, fill.fee / max(held, 1))


@inlined_kernel
def apply_fill(book: Book, setup: Setup, fill: Any) -> None:
    """Book one FILL record to its sleeve, its symbol and the account; sets ``fill.realized``."""
    account, position = book.account[0], book.positions[fill.symbol]
    sleeve, rules = book.sleeves[fill.sleeve], setup.rules[fill.symbol]
    _book(account, position, sleeve, rules, fill)
    if fill.kind == FUNDING_PAYMENT:
        return
    if not np.isnan(sleeve.spacing):
        _book_ladder(book, setup, fill)
    if fill.kind == LIQUIDATION:
        holding = cancel_symbol(book, fill.symbol, setup.strategies)
        account.liquidations += holding == 0


@inlined_kernel
def unrealized(book: Book, setup: Setup, n: int) -> float:
    """Return the open PnL of symbol ``n`` at its mark price; flat is exactly zero."""
    position = book.positions[n]
    if position.lots == 0:
        return 0.0
    return position.lots * setup.rules[n].lot * (position.mark - position.entry_price)


@inlined_kernel
def refresh_equity(book: Book, setup: Setup) -> None:
    """Recompute equity and gross exposure from wallet, positions and marks."""
    account = book.account[0]
    total = account.wallet
    gross = 0.0
    for n in range(len(book.positions)):
        position = book.positions[n]
        if position.lots != 0:
            total += unrealized(book, setup, n)
            gross += abs(position.lots) * setup.rules[n].lot * position.mark
    account.equity = total
    account.gross = gross
