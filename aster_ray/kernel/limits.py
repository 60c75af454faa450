"""Pre-trade limits: how many lots may open, or the coded reason why none may.

A limit shrinks an order to what still fits; an order that shrinks to nothing is denied with the
code of the limit that left no room. What cannot be checked is denied. Equity includes unrealized
PnL. Exposures count resting orders as if they were filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.margin import bracket_leverage
from aster_ray.kernel.records import BRACKET_LEVERAGE, Book, Setup
from aster_ray.model.enums import Denial, TradingState

NONE = int(Denial.NONE)
NO_MARK_PRICE = int(Denial.NO_MARK_PRICE)
LOW_CONFIDENCE = int(Denial.LOW_CONFIDENCE)
NO_STOP = int(Denial.NO_STOP)
DENIED_HALTED = int(Denial.HALTED)
DENIED_REDUCING = int(Denial.REDUCING)
DRAWDOWN = int(Denial.DRAWDOWN)
DAILY_LOSS = int(Denial.DAILY_LOSS)
DAILY_OPENS = int(Denial.DAILY_OPENS)
POSITION_RISK = int(Denial.POSITION_RISK)
SYMBOL_NOTIONAL = int(Denial.SYMBOL_NOTIONAL)
ASSET_NOTIONAL = int(Denial.ASSET_NOTIONAL)
GROSS_LEVERAGE = int(Denial.GROSS_LEVERAGE)
CLUSTER_EXPOSURE = int(Denial.CLUSTER_EXPOSURE)
VALUE_AT_RISK = int(Denial.VALUE_AT_RISK)
MARGIN = int(Denial.MARGIN)
BRACKET = int(Denial.BRACKET_LEVERAGE)
BELOW_MINIMUM = int(Denial.BELOW_MINIMUM)
BAD_SIGNAL = int(Denial.BAD_SIGNAL)
ACTIVE = int(TradingState.ACTIVE)
HALTED = int(TradingState.HALTED)

# One-sided 95 % quantile of the normal distribution.
NORMAL_95 = 1.6448536269514722


@inlined_kernel
def is_drawn_down(account: Any, fraction: float) -> bool:
    """Return whether equity has fallen from its peak by at least ``fraction``."""
    return account.equity <= account.peak * (1.0 - fraction)


@inlined_kernel
def is_ruined(account: Any) -> bool:
    """Return whether liquidation has left nothing, or nothing but a rounding error."""
    return not account.equity > 1e-9 * account.peak


@inlined_kernel
def pending_opens(book: Book) -> int:
    """Return how many market orders that open something already rest for the next open."""
    count = 0
    for i in range(len(book.sleeves)):
        if book.sleeves[i].order_lots != book.sleeves[i].order_close_lots:
            count += 1
    return count


@lean_kernel
def ladder_room(book: Book, setup: Setup) -> int:
    """Return how many more ladder entries may rest, so that today's fills stay under their cap.

    Every one that rests may fill today, so it counts as if it had.
    """
    if setup.limits[0].enabled == 0:
        return book.levels.size
    resting = 0
    for i in range(len(book.sleeves)):
        if not np.isnan(book.sleeves[i].spacing):
            for k in range(book.levels.shape[1]):
                if book.levels[i, k].state == 1:
                    resting += 1
    taken = book.account[0].day_ladder_opens + resting
    return max(0, setup.limits[0].max_daily_ladder_opens - taken)


@inlined_kernel
def account_denial(book: Book, setup: Setup, ladder: bool) -> int:
    """Return the account-wide reason why nothing may open now, or NONE."""
    account, limits = book.account[0], setup.limits[0]
    if account.state == HALTED:
        return DENIED_HALTED
    if account.state != ACTIVE:
        return DENIED_REDUCING
    if is_ruined(account):
        return MARGIN
    if limits.enabled == 0:
        return NONE
    if is_drawn_down(account, limits.soft_drawdown):
        return DRAWDOWN
    if account.equity <= account.day_equity * (1.0 - limits.daily_loss):
        return DAILY_LOSS
    if ladder:
        if account.day_ladder_opens >= limits.max_daily_ladder_opens:
            return DAILY_OPENS
    elif account.day_opens + pending_opens(book) >= limits.max_daily_opens:
        return DAILY_OPENS
    return NONE


@inlined_kernel
def signal_denial(setup: Setup, confidence: float, stop_loss: float) -> int:
    """Return why a signal itself cannot be traded, or NONE."""
    limits = setup.limits[0]
    if np.isnan(confidence) or stop_loss <= 0.0 or stop_loss >= 1.0:
        return BAD_SIGNAL
    if limits.enabled == 0:
        return NONE
    if confidence < limits.min_confidence:
        return LOW_CONFIDENCE
    if np.isnan(stop_loss):
        return NO_STOP
    return NONE


@inlined_kernel
def sleeve_reach(book: Book, i: int) -> tuple[int, int]:
    """Return the (lowest, highest) lots sleeve ``i`` can hold if its resting orders fill."""
    lots = book.sleeves[i].lots + book.sleeves[i].order_lots
    low, high = lots, lots
    # Spacing, not centre: entries of the other side stay when a ladder's stop has taken the centre.
    if not np.isnan(book.sleeves[i].spacing):
        for k in range(book.levels.shape[1]):
            level = book.levels[i, k]
            if level.state == 1:
                if level.lots > 0:
                    high += level.lots
                else:
                    low += level.lots
    return low, high


@inlined_kernel
def symbol_reach(book: Book, strategies: int, n: int) -> tuple[int, int]:
    """Return the (lowest, highest) net lots symbol ``n`` can hold if resting orders fill."""
    low, high = 0, 0
    for i in range(n * strategies, (n + 1) * strategies):
        a, b = sleeve_reach(book, i)
        low += a
        high += b
    return low, high


@inlined_kernel
def symbol_notional(book: Book, setup: Setup, m: int) -> float:
    """Return the largest absolute net notional symbol ``m`` can reach, at its mark."""
    low, high = symbol_reach(book, setup.strategies, m)
    if low == 0 and high == 0:
        return 0.0
    return max(high, -low) * setup.rules[m].lot * book.positions[m].mark


@inlined_kernel
def asset_notional(book: Book, setup: Setup, asset: int) -> float:
    """Return the notional of one base asset summed over all sleeves, without netting."""
    strategies = setup.strategies
    total = 0.0
    for n in range(len(book.positions)):
        if setup.rules[n].asset != asset:
            continue
        for i in range(n * strategies, (n + 1) * strategies):
            low, high = sleeve_reach(book, i)
            if low != 0 or high != 0:
                total += max(high, -low) * setup.rules[n].lot * book.positions[n].mark
    return total


@inlined_kernel
def gross_and_cluster(book: Book, setup: Setup, n: int, side: int) -> tuple[float, float]:
    """Return notional of all *other* symbols: (all, the correlated ones on the same side).

    "Correlated" means an EWMA correlation with ``n`` of at least the configured threshold in the
    direction that adds risk: same side and positive, or opposite side and negative. A symbol that
    can go both ways, such as one with a ladder, counts with how far it can go in that direction.
    """
    threshold = setup.limits[0].cluster_correlation
    gross, cluster = 0.0, 0.0
    for m in range(len(book.positions)):
        if m == n:
            continue
        notional = symbol_notional(book, setup, m)
        gross += notional
        spread = book.covariance[n, n] * book.covariance[m, m]
        if notional > 0.0 and spread > 0.0:
            low, high = symbol_reach(book, setup.strategies, m)
            correlation = side * book.covariance[n, m] / np.sqrt(spread)
            lots = 0
            if correlation >= threshold:
                lots = max(lots, high)
            if -correlation >= threshold:
                lots = max(lots, -low)
            cluster += lots * setup.rules[m].lot * book.positions[m].mark
    return gross, cluster


@inlined_kernel
def _directed_notional(book: Book, setup: Setup, m: int) -> float:
    """Return the signed notional of the larger of the two net positions ``m`` can reach."""
    low, high = symbol_reach(book, setup.strategies, m)
    lots = high if high >= -low else low
    return 0.0 if lots == 0 else lots * setup.rules[m].lot * book.positions[m].mark


@inlined_kernel
def value_at_risk(book: Book, setup: Setup, n: int, net: int) -> float:
    """Return the daily 95 % parametric VaR in quote currency with symbol ``n`` at ``net`` lots.

    VaR = z sqrt(w' C w) sqrt(bars per day) with the EWMA covariance of bar returns (RiskMetrics).
    Other symbols count with what rests for them, or all that opens at one close would pass alone.
    """
    count = len(book.positions)
    own = net * setup.rules[n].lot * book.positions[n].mark
    total = own * own * book.covariance[n, n]
    for a in range(count):
        wa = 0.0 if a == n else _directed_notional(book, setup, a)
        if wa == 0.0:
            continue
        total += 2.0 * wa * own * book.covariance[a, n]
        for b in range(count):
            wb = 0.0 if b == n else _directed_notional(book, setup, b)
            if wb != 0.0:
                total += wa * wb * book.covariance[a, b]
    return NORMAL_95 * np.sqrt(max(total, 0.0) * setup.limits[0].bars_per_day)


@inlined_kernel
def permitted(book: Book, setup: Setup, i: int, lots: int, stop_loss: float) -> tuple[int, int]:
    """Return (lots that may open, NONE) or (0, denial code) for a signed wish of sleeve ``i``."""
    n = book.sleeves[i].symbol
    limits, rules, position = setup.limits[0], setup.rules[n], book.positions[n]
    if not position.mark > 0.0:
        return 0, NO_MARK_PRICE
    side = 1 if lots > 0 else -1
    worth = rules.lot * position.mark
    equity = book.account[0].equity
    low, high = symbol_reach(book, setup.strategies, n)
    held = side * (high if side > 0 else low)  # what already points our way; negative is room
    gross, cluster = gross_and_cluster(book, setup, n, side)
    # What the venue would lend at most; the bracket of the whole is checked below.
    room_lots = (equity * setup.brackets[n, 0, BRACKET_LEVERAGE] - gross) / worth - held
    code = MARGIN
    if limits.enabled == 1:
        for check in range(5):
            if check == 0:
                own = max(0, side * (book.sleeves[i].lots + book.sleeves[i].order_lots))
                limit = limits.max_position_risk * equity / (stop_loss * worth) - own
                name = POSITION_RISK
            elif check == 1:
                limit, name = limits.max_symbol * equity / worth - held, SYMBOL_NOTIONAL
            elif check == 2:
                used = asset_notional(book, setup, rules.asset)
                limit, name = (limits.max_asset * equity - used) / worth, ASSET_NOTIONAL
            elif check == 3:
                limit, name = (limits.max_gross * equity - gross) / worth - held, GROSS_LEVERAGE
            else:
                limit, name = (
                    (limits.max_cluster * equity - cluster) / worth - held,
                    CLUSTER_EXPOSURE,
                )
            if limit < room_lots:
                room_lots, code = limit, name
    allowed = min(abs(lots), int(np.floor(max(room_lots, 0.0) + 1e-9)), rules.max_lots)
    if allowed < max(1, rules.min_lots) or allowed * worth < rules.min_notional:
        return 0, BELOW_MINIMUM if allowed == abs(lots) else code
    net = side * (held + allowed)
    if abs(net) * worth > equity * bracket_leverage(setup, n, abs(net) * worth):
        return 0, BRACKET
    if limits.enabled == 1:
        if not book.covariance[n, n] > 0.0:
            return 0, VALUE_AT_RISK
        if value_at_risk(book, setup, n, net) > limits.max_var * equity:
            return 0, VALUE_AT_RISK
    return side * allowed, NONE
