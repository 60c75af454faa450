"""An account that holds nothing and has no order resting: most bars of a sparse strategy.

Only a wish for a position can change it, and while the account itself may not trade (halted, drawn
down, past a daily limit) not even that: the refusal is counted and the search goes on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import begin_day
from aster_ray.kernel.intents import deny
from aster_ray.kernel.limits import account_denial, signal_denial
from aster_ray.kernel.records import (
    CLOSE,
    LONG,
    MARK_CLOSE,
    SHORT,
    Book,
    Setup,
    SignalColumns,
    Tape,
)
from aster_ray.model.enums import Denial

NONE = int(Denial.NONE)


@inlined_kernel
def is_idle(book: Book) -> bool:
    """Return True if the account holds nothing and no order rests."""
    for i in range(len(book.sleeves)):
        if book.sleeves[i].lots != 0 or book.sleeves[i].order_lots != 0:
            return False
    return True


@inlined_kernel
def _first_with(flat: np.ndarray, k: int, end: int, stride: int) -> int:
    """Return the start of the first whole stride from ``k`` that holds a wish, or what is left."""
    while k + stride <= end:  # whole strides at once: the compiler vectorizes the union
        union = np.int8(0)
        part = flat[k : k + stride]
        for j in range(stride):
            union |= part[j]
        if union & (LONG | SHORT):
            break
        k += stride
    return k


@inlined_kernel
def next_wish(code: np.ndarray, t: int, end: int) -> int:
    """Return the first row from ``t`` at which any strategy wants a position, or ``end``."""
    count = code.shape[1]
    flat = code.reshape(-1)
    last = end * count
    k = _first_with(flat, t * count, last, 64)
    k = _first_with(flat, k, last, 8)
    while k < last:
        if flat[k] & (LONG | SHORT):
            return k // count
        k += 1
    return end


@inlined_kernel
def _skip(book: Book, setup: Setup, bars: np.ndarray, begin: int, end: int) -> None:
    """Pass rows ``begin..end-1``, on which nobody wishes anything: a refused wish ends there."""
    book.account[0].bar += end - begin
    for n in range(len(book.positions)):
        t = end - 1
        while t >= begin and np.isnan(bars[t, n, CLOSE]):
            t -= 1
        if t >= begin:
            book.positions[n].mark = bars[t, n, MARK_CLOSE]
            book.positions[n].last = bars[t, n, CLOSE]
            for i in range(n * setup.strategies, (n + 1) * setup.strategies):
                book.sleeves[i].refused_direction = 0


@inlined_kernel
def _refuse(
    book: Book, setup: Setup, row: np.ndarray, signals: SignalColumns, t: int, reason: int
) -> None:
    """Do on an idle account's row what a decision would do that must deny every wish."""
    account = book.account[0]
    account.bar += 1
    account.fill_count = 0
    account.intent_count = 0
    for n in range(len(book.positions)):
        if np.isnan(row[n, CLOSE]):
            continue
        book.positions[n].mark = row[n, MARK_CLOSE]
        book.positions[n].last = row[n, CLOSE]
        for i in range(n * setup.strategies, (n + 1) * setup.strategies):
            code = signals.code[t, i]
            if code & (LONG | SHORT):
                own = signal_denial(setup, signals.confidence[0, i], signals.stop_loss[0, i])
                wish = 1 if code & LONG else -1
                deny(book, i, wish, reason if own == NONE else own)
            else:
                book.sleeves[i].refused_direction = 0


@lean_kernel
def pass_idle(
    book: Book,
    setup: Setup,
    tape: Tape,
    trace: Any,
    t: int,
    end: int,
) -> int:
    """Pass rows from ``t`` of an idle account; return the first that needs a decision, or ``end``.

    Marks, the bar counter, the day and the count of refusals move on as they would bar by bar.
    """
    account, signals = book.account[0], tape.signals
    open_ms, length = tape.timeline.open_ms, tape.timeline.timeframe_ms
    first = t
    constant = len(signals.confidence) == 1 and len(signals.stop_loss) == 1
    while t < end:
        wish = next_wish(signals.code, t, end)
        if wish > t:
            _skip(book, setup, tape.bars, t, wish)
            begin_day(account, open_ms[wish - 1] + length)
            t = wish
        if t == end or not constant:
            break
        begin_day(account, open_ms[t] + length)
        reason = account_denial(book, setup, False)
        if reason == NONE:
            break
        _refuse(book, setup, tape.bars[t], signals, t, reason)
        t += 1
    if len(trace.equity) > 0:
        for k in range(first, t):
            trace.equity[k] = account.equity
            trace.gross[k] = 0.0
    return t
