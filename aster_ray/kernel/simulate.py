"""The compiled host: a whole run in one loop.

``simulate`` calls exactly what the engine calls, in the same order, on one book instead of two;
bars on which nothing can happen take the short way of ``calm``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import begin_bar, begin_day
from aster_ray.kernel.calm import DECIDE, EPSILON, MATCH, NOTHING, needs
from aster_ray.kernel.covariance import load_covariance, update_covariance
from aster_ray.kernel.decide import decide, must_halt
from aster_ray.kernel.glide import glide
from aster_ray.kernel.limits import is_drawn_down
from aster_ray.kernel.records import (
    CLOSE,
    LONG,
    MARK_CLOSE,
    MARK_HIGH,
    MARK_LOW,
    SHORT,
    Book,
    Moment,
    Setup,
    SignalColumns,
    Timeline,
)
from aster_ray.kernel.step import mark, match, raise_peak
from aster_ray.model.enums import TradingState

HALTED = int(TradingState.HALTED)
_STRIDE = 64


class Trace(NamedTuple):
    """What a run leaves behind; zero-length arrays record nothing."""

    equity: np.ndarray  # f8[T]
    gross: np.ndarray  # f8[T]
    fills: Any  # FILL[F]
    fill_count: np.ndarray  # i8[1]; above F when the buffer was too small
    moments: np.ndarray  # f8[4]: sum, sum of squares of bar returns, deepest drawdown, last equity


@inlined_kernel
def _record(book: Book, trace: Trace, t: int) -> None:
    account = book.account[0]
    moments = trace.moments
    if account.equity != moments[3]:
        change = account.equity / moments[3] - 1.0
        moments[0] += change
        moments[1] += change * change
        if is_drawn_down(account, moments[2]):
            moments[2] = 1.0 - account.equity / account.peak
        moments[3] = account.equity
    if len(trace.equity) > 0:
        trace.equity[t] = account.equity
        trace.gross[t] = account.gross
    if len(trace.fills) > 0:
        count = trace.fill_count[0]
        for k in range(account.fill_count):
            if count < len(trace.fills):
                trace.fills[count] = book.fills[k]
            count += 1
        trace.fill_count[0] = count


@inlined_kernel
def _needs(
    book: Book, setup: Setup, row: np.ndarray, signals: SignalColumns, moment: Moment
) -> int:
    """Return the most that any sleeve needs at this close."""
    limits = setup.limits[0]
    most = NOTHING
    for i in range(len(book.sleeves)):
        sleeve = book.sleeves[i]
        n = sleeve.symbol
        if np.isnan(row[n, CLOSE]):
            continue
        code = signals.code[moment.at, i]
        if sleeve.lots != 0 and code & (LONG | SHORT):
            units = signals.target_units
            target = units[moment.at if len(units) > 1 else 0, i]
            if abs(target - sleeve.units) > EPSILON:
                most = max(most, DECIDE)
        most = max(most, needs(sleeve, setup.rules[n], limits, row[n], code, moment.close_ms))
        if most == MATCH:
            break
    return most


@inlined_kernel
def _far_from_liquidation(book: Book, setup: Setup, row: np.ndarray) -> bool:
    """Return True only if no mark inside this bar can bring equity near maintenance."""
    equity = book.account[0].equity
    gross = 0.0
    for n in range(len(book.positions)):
        position = book.positions[n]
        if position.lots != 0 and not np.isnan(row[n, CLOSE]):
            qty = position.lots * setup.rules[n].lot
            adverse = row[n, MARK_LOW] if qty > 0.0 else row[n, MARK_HIGH]
            equity += min(qty * (adverse - position.mark), 0.0)
            gross += abs(qty) * max(row[n, MARK_HIGH], position.mark)
        elif position.lots != 0:
            gross += abs(position.lots) * setup.rules[n].lot * position.mark
    return equity > 0.51 * gross


@inlined_kernel
def _pass_calmly(book: Book, row: np.ndarray, code: np.ndarray) -> None:
    """Leave the traces a full decision would leave on a calm bar."""
    for i in range(len(book.sleeves)):
        sleeve = book.sleeves[i]
        if not np.isnan(row[sleeve.symbol, CLOSE]):
            if sleeve.lots != 0:
                sleeve.exposed_bars += 1
            if code[i] & (LONG | SHORT) == 0:
                sleeve.refused_direction = 0


@inlined_kernel
def _is_idle(book: Book) -> bool:
    """Return True if the account holds nothing and no order rests."""
    for i in range(len(book.sleeves)):
        if book.sleeves[i].lots != 0 or book.sleeves[i].order_lots != 0:
            return False
    return True


@lean_kernel
def _next_wish(code: np.ndarray, t: int) -> int:
    """Return the first row after ``t`` at which any strategy wants a position, or the end."""
    rows, count = code.shape
    flat = code.reshape(-1)
    k = (t + 1) * count
    while k + _STRIDE <= rows * count:  # whole strides at once: the compiler vectorizes the union
        union = np.int8(0)
        part = flat[k : k + _STRIDE]
        for j in range(_STRIDE):
            union |= part[j]
        if union & (LONG | SHORT):
            break
        k += _STRIDE
    while k < rows * count:
        if flat[k] & (LONG | SHORT):
            return k // count
        k += 1
    return rows


@lean_kernel
def _skip_idle(
    book: Book, strategies: int, bars: np.ndarray, begin: int, end: int, trace: Trace
) -> None:
    """Pass rows ``begin..end-1`` of an idle account: only marks and the bar counter move."""
    account = book.account[0]
    account.bar += end - begin
    for n in range(len(book.positions)):
        t = end - 1
        while t >= begin and np.isnan(bars[t, n, CLOSE]):
            t -= 1
        if t >= begin:
            book.positions[n].mark = bars[t, n, MARK_CLOSE]
            book.positions[n].last = bars[t, n, CLOSE]
            for i in range(n * strategies, (n + 1) * strategies):
                book.sleeves[i].refused_direction = 0
    if len(trace.equity) > 0:
        for t in range(begin, end):
            trace.equity[t] = account.equity
            trace.gross[t] = 0.0


@inlined_kernel
def _close(
    book: Book,
    setup: Setup,
    row: np.ndarray,
    timeline: Timeline,
    signals: SignalColumns,
    moment: Moment,
) -> None:
    """Do what one close needs, and no more."""
    account = book.account[0]
    need = MATCH
    if book.levels.shape[1] == 1 and _far_from_liquidation(book, setup, row):
        need = _needs(book, setup, row, signals, moment)
    if need == MATCH:
        match(book, setup, row, moment)
    else:
        begin_bar(account, moment.close_ms)
        mark(book, setup, row, moment)
        raise_peak(account)
    if need == NOTHING and account.state != HALTED and not must_halt(account, setup.limits[0]):
        _pass_calmly(book, row, signals.code[moment.at])
    else:
        if len(timeline.covariance) > 0:
            load_covariance(book, timeline.covariance[moment.at])
        decide(book, setup, row, signals, moment)


@inlined_kernel
def _signals_from(signals: SignalColumns, t: int) -> SignalColumns:
    """Return columns whose first code row is row ``t``; a glide reads no other varying one."""
    return SignalColumns(
        signals.code[t:],
        signals.confidence,
        signals.stop_loss,
        signals.take_profit,
        signals.target_units,
        signals.ladder,
    )


@lean_kernel
def simulate(
    book: Book,
    setup: Setup,
    bars: np.ndarray,
    timeline: Timeline,
    signals: SignalColumns,
    trace: Trace,
) -> None:
    """Run the whole market through one account.

    Args:
        book: a fresh book; holds the final state afterwards.
        setup: rules, brackets and limits.
        bars: f8[T, N, 8].
        timeline: open times, bar length, first tradable row; earlier rows only move marks.
        signals: columns for all S sleeves; row ``t`` is acted on at the open of row ``t + 1``.
        trace: filled row by row.
    """
    decay = setup.limits[0].covariance_decay
    ladders = book.levels.shape[1] > 1
    known = len(timeline.covariance) > 0
    account = book.account[0]
    may_glide = known and not ladders and len(book.sleeves) == 1 and len(trace.equity) == 0
    trace.moments[3] = account.equity
    t = 0
    while t < len(bars):
        row = bars[t]
        moment = Moment(t, timeline.open_ms[t], timeline.open_ms[t] + timeline.timeframe_ms)
        if not known:
            update_covariance(book, decay, row[:, MARK_CLOSE])
        if t < timeline.start:
            mark(book, setup, row, moment)
            t += 1
            continue
        _close(book, setup, row, timeline, signals, moment)
        _record(book, trace, t)
        t += 1
        if known and not ladders and _is_idle(book):
            wish = _next_wish(signals.code, t - 1)
            if wish > t:
                _skip_idle(book, setup.strategies, bars, t, wish, trace)
                begin_day(account, timeline.open_ms[wish - 1] + timeline.timeframe_ms)
                t = wish
        elif may_glide and t < len(bars):
            ahead = Timeline(timeline.open_ms[t:], timeline.timeframe_ms, 0, timeline.covariance)
            t += glide(book, setup, bars[t:], ahead, _signals_from(signals, t), trace.moments)
    if known:
        load_covariance(book, timeline.covariance[len(bars) - 1])
