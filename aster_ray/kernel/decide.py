"""The risk desk's side of one close: exits, entries and ladders, sleeve by sleeve."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.exits import exit_basis, exit_reason, trail
from aster_ray.kernel.intents import deny, new_intent
from aster_ray.kernel.ladder import (
    cancel_entries,
    cancel_exits,
    must_recentre,
    place_entries,
    recentre,
)
from aster_ray.kernel.limits import (
    account_denial,
    is_drawn_down,
    is_ruined,
    permitted,
    signal_denial,
)
from aster_ray.kernel.records import (
    CLOSE,
    LONG,
    SHORT,
    Book,
    Moment,
    Setup,
    SignalColumns,
)
from aster_ray.kernel.resting import clear_order
from aster_ray.kernel.sizing import full_fraction, to_lots
from aster_ray.model.enums import Denial, ExitReason, IntentKind, TradingState, Working

NONE = int(Denial.NONE)
NO_MARK_PRICE = int(Denial.NO_MARK_PRICE)
NO_EDGE = int(Denial.NO_EDGE)
BAD_SIGNAL = int(Denial.BAD_SIGNAL)
BELOW_MINIMUM = int(Denial.BELOW_MINIMUM)
MARKET = int(IntentKind.MARKET)
MOVE_STOP = int(IntentKind.MOVE_STOP)
PLACE_LEVEL = int(IntentKind.PLACE_LEVEL)
CANCEL_LEVEL = int(IntentKind.CANCEL_LEVEL)
PLACE_LADDER = int(IntentKind.PLACE_LADDER)
DRAWDOWN_HALT = int(ExitReason.DRAWDOWN_HALT)
SCALE_OUT = int(ExitReason.SCALE_OUT)
HALTED = int(TradingState.HALTED)
IN_DOUBT = int(Working.IN_DOUBT)
EPSILON = 1e-9


@inlined_kernel
def _at(column: np.ndarray, moment: Moment, i: int) -> float:
    """Return sleeve ``i``'s value of a column that has one row per bar, or a single one."""
    return column[moment.at if len(column) > 1 else 0, i]


@inlined_kernel
def _send_order(book: Book, i: int) -> None:
    """Write the intent for the sleeve's market order, if it has one."""
    sleeve = book.sleeves[i]
    if sleeve.order_lots == 0 and sleeve.order_close_lots == 0:
        return
    intent = new_intent(book, i, MARKET)
    intent.lots = sleeve.order_lots
    intent.close_lots = sleeve.order_close_lots
    intent.stop = sleeve.order_stop
    intent.take_profit = sleeve.order_take_profit
    intent.units = sleeve.order_units
    intent.reason = sleeve.order_reason


@inlined_kernel
def _close(book: Book, i: int, lots: int, reason: int) -> None:
    """Order ``lots`` of sleeve ``i`` (signed as held) closed at the next open."""
    sleeve = book.sleeves[i]
    clear_order(sleeve)
    sleeve.order_lots = -lots
    sleeve.order_close_lots = -lots
    sleeve.order_reason = reason


@lean_kernel
def _open(
    book: Book, setup: Setup, i: int, wish: int, signals: SignalColumns, moment: Moment
) -> int:
    """Add an opening order in direction ``wish`` to sleeve ``i``; return the denial or NONE."""
    sleeve = book.sleeves[i]
    confidence = _at(signals.confidence, moment, i)
    stop_loss = _at(signals.stop_loss, moment, i)
    units = _at(signals.target_units, moment, i)
    code = signal_denial(setup, confidence, stop_loss)
    if code == NONE:
        code = account_denial(book, setup, False)
    if code != NONE:
        return code
    n = sleeve.symbol
    if not book.positions[n].mark > 0.0:
        return NO_MARK_PRICE  # before sizing by it
    variance = book.covariance[n, n]
    fraction = full_fraction(setup.limits[0], sleeve, confidence, stop_loss, variance)
    if not fraction > 0.0:
        return NO_EDGE
    held = sleeve.lots + sleeve.order_lots  # zero after the close part of a reversal
    if held == 0:
        mark_price = book.positions[n].mark
        full = to_lots(fraction * book.account[0].equity, mark_price, setup.rules[n].lot)
        lots = int(np.floor(full * units + EPSILON))
    else:
        full = sleeve.unit_lots
        lots = int(np.floor(full * units + EPSILON)) - abs(held)
    if lots < 1:
        return BELOW_MINIMUM
    allowed, code = permitted(book, setup, i, wish * lots, stop_loss)
    if code != NONE:
        return code
    if held == 0 and abs(allowed) < lots:
        full = int(np.floor(abs(allowed) / units + EPSILON))  # steps are steps of what was granted
    sleeve.unit_lots = full
    sleeve.order_lots += allowed
    sleeve.order_stop = stop_loss
    sleeve.order_take_profit = _at(signals.take_profit, moment, i)
    sleeve.order_units = units
    return NONE


@inlined_kernel
def _resize(
    book: Book, setup: Setup, i: int, wish: int, signals: SignalColumns, moment: Moment
) -> int:
    """Step a held position to ``target_units``: add under the limits, or reduce freely."""
    sleeve = book.sleeves[i]
    units = _at(signals.target_units, moment, i)
    if units > sleeve.units + EPSILON:
        return _open(book, setup, i, wish, signals, moment)
    if units < sleeve.units - EPSILON:
        keep = int(np.floor(sleeve.unit_lots * units + EPSILON))
        surplus = abs(sleeve.lots) - keep
        if surplus > 0:
            _close(book, i, wish * surplus, SCALE_OUT)
            sleeve.order_units = units
        else:  # less than a lot too much: nothing to send
            sleeve.units = units
    return NONE


@inlined_kernel
def _plan_exit(book: Book, setup: Setup, i: int, row: np.ndarray, code: int, moment: Moment) -> int:
    """Trail the stop and return why the position must close, or NONE."""
    sleeve, limits = book.sleeves[i], setup.limits[0]
    rules = setup.rules[sleeve.symbol]
    basis = exit_basis(limits, rules.leverage)
    moved = trail(sleeve, limits, row, basis, rules.tick)
    if book.account[0].state == HALTED:
        return DRAWDOWN_HALT
    reason = exit_reason(sleeve, limits, row[CLOSE], moment.close_ms, code, basis)
    if moved and reason == NONE:
        intent = new_intent(book, i, MOVE_STOP)
        intent.stop = sleeve.stop
    return reason


@inlined_kernel
def decide_sleeve(
    book: Book, setup: Setup, i: int, row: np.ndarray, signals: SignalColumns, moment: Moment
) -> None:
    """Decide for one directional sleeve after its bar was matched and the account marked."""
    sleeve = book.sleeves[i]
    code = int(signals.code[moment.at, i])
    wish = 0
    if code & LONG:
        wish = 1
    elif code & SHORT:
        wish = -1
    denial = NONE
    if sleeve.lots != 0:
        sleeve.exposed_bars += 1
        side = 1 if sleeve.lots > 0 else -1
        reason = _plan_exit(book, setup, i, row, code, moment)
        if reason != NONE:
            _close(book, i, sleeve.lots, reason)
            if wish == -side and reason != DRAWDOWN_HALT:
                denial = _open(book, setup, i, wish, signals, moment)
        elif wish == side:
            denial = _resize(book, setup, i, wish, signals, moment)
    elif wish != 0:
        denial = _open(book, setup, i, wish, signals, moment)
    if denial != NONE:
        deny(book, i, wish, denial)
    elif wish == 0 or sleeve.order_lots != 0:
        sleeve.refused_direction = 0
    _send_order(book, i)


@lean_kernel
def _flatten_ladder(book: Book, i: int) -> None:
    """Close a ladder for good: cancel its entries, drop its exits, close what it holds."""
    cancel_entries(book, i)
    sleeve = book.sleeves[i]
    sleeve.centre = np.nan
    if sleeve.lots != 0:
        _close(book, i, sleeve.lots, DRAWDOWN_HALT)  # its fill takes the exits with it
        _send_order(book, i)
    else:
        cancel_exits(book, i)  # of both sides, even: alone, the next one filled would open


@lean_kernel
def decide_ladder(
    book: Book, setup: Setup, i: int, close: float, signals: SignalColumns, moment: Moment
) -> None:
    """Decide for one ladder sleeve: re-centre it, refill closed levels, or stand aside."""
    sleeve = book.sleeves[i]
    if sleeve.lots != 0:
        sleeve.exposed_bars += 1
    if book.account[0].state == HALTED or is_ruined(book.account[0]):
        _flatten_ladder(book, i)
        return
    grid = signals.ladder[moment.at if len(signals.ladder) > 1 else 0, i]
    confidence = _at(signals.confidence, moment, i)
    denial = account_denial(book, setup, True)
    if np.isnan(grid[0]) or denial != NONE:
        cancel_entries(book, i)
        if not np.isnan(grid[0]):
            deny(book, i, 1, denial)
        return
    levels = int(grid[2])
    if not (grid[0] > 0.0 and 0.0 < grid[1] < 1.0 and 1 <= levels <= book.levels.shape[1] // 2):
        deny(book, i, 1, BAD_SIGNAL)
        return
    if must_recentre(book, setup, i, levels, close):
        stop_loss = min((levels + 1) * grid[1], 0.99)
        fraction = full_fraction(
            setup.limits[0],
            sleeve,
            confidence,
            stop_loss,
            book.covariance[sleeve.symbol, sleeve.symbol],
        )
        denial = recentre(book, setup, i, grid, fraction)
        if denial != NONE:
            deny(book, i, 1, denial)
            return
    denial = place_entries(book, setup, i, levels, close)
    if denial != NONE:
        deny(book, i, 1, denial)
    else:
        sleeve.refused_direction = 0


@inlined_kernel
def must_halt(account: Any, limits: Any) -> bool:
    """Return whether the drawdown has just reached the hard limit."""
    return (
        account.state != HALTED
        and limits.enabled == 1
        and is_drawn_down(account, limits.hard_drawdown)
    )


@inlined_kernel
def decide(
    book: Book, setup: Setup, bars: np.ndarray, signals: SignalColumns, moment: Moment
) -> None:
    """Run the risk desk's side of one close time, in order of symbol, then sleeve.

    Reads the marked book, updates exit plans, and writes what must be done to ``book.intents``
    (and, as resting orders, to the book itself).
    """
    account = book.account[0]
    if must_halt(account, setup.limits[0]):
        account.state = HALTED
        account.halted_ms = moment.close_ms
    for i in range(len(book.sleeves)):
        n = book.sleeves[i].symbol
        if np.isnan(bars[n, CLOSE]) or book.positions[n].working == IN_DOUBT:
            continue
        grid = signals.ladder[moment.at if len(signals.ladder) > 1 else 0, i]
        if np.isnan(grid[0]) and np.isnan(book.sleeves[i].spacing):
            decide_sleeve(book, setup, i, bars[n], signals, moment)
        else:
            decide_ladder(book, setup, i, bars[n, CLOSE], signals, moment)
