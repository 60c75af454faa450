"""The compiled host: a whole run in one loop.

``simulate`` calls exactly what the engine calls, in the same order, on one book instead of two;
bars on which nothing can happen take the short way of ``calm``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import begin_bar
from aster_ray.kernel.calm import DECIDE, EPSILON, MATCH, NOTHING, needs
from aster_ray.kernel.covariance import load_covariance, update_covariance
from aster_ray.kernel.decide import decide, must_halt
from aster_ray.kernel.glide import glide
from aster_ray.kernel.idle import is_idle, pass_idle
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
    Tape,
    Timeline,
)
from aster_ray.kernel.step import mark, match, raise_peak
from aster_ray.model.enums import TradingState

HALTED = int(TradingState.HALTED)
STRETCH_BYTES = 256 * 1024  # of bars; half of a small second-level cache


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
def _advance(
    book: Book,
    setup: Setup,
    tape: Tape,
    trace: Trace,
    begin: int,
    end: int,
) -> None:
    """Take one account from row ``begin`` to just before row ``end``."""
    bars, timeline, signals = tape.bars, tape.timeline, tape.signals
    decay = setup.limits[0].covariance_decay
    plain = book.levels.shape[1] == 1
    known = len(timeline.covariance) > 0
    may_glide = known and plain and len(book.sleeves) == 1 and len(trace.equity) == 0
    t = begin
    while t < end:
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
        if known and plain and is_idle(book):
            t = pass_idle(book, setup, tape, trace, t, end)
        elif may_glide and t < end:
            ahead = Timeline(timeline.open_ms[t:], timeline.timeframe_ms, 0, timeline.covariance)
            said = _signals_from(signals, t)
            t += glide(book, setup, bars[t:end], ahead, said, trace.moments)


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
    trace.moments[3] = book.account[0].equity
    _advance(book, setup, Tape(bars, timeline, signals), trace, 0, len(bars))
    if len(timeline.covariance) > 0:
        load_covariance(book, timeline.covariance[len(bars) - 1])


@lean_kernel
def simulate_block(
    books: Book,
    setup: Setup,
    bars: np.ndarray,
    timeline: Timeline,
    signals: SignalColumns,
    moments: np.ndarray,
) -> None:
    """Run the market through B accounts, each with signals of its own, a stretch of bars at a time.

    A stretch fits in a core's cache, so that the bars are fetched once for all accounts. The
    accounts share nothing; each ends where ``simulate`` would have taken it.

    Args:
        books: tables with B accounts as their first axis; ``fills`` and ``intents`` hold no state
            between two closes and are used by all of them.
        setup: as in ``simulate``.
        bars: as in ``simulate``.
        timeline: as in ``simulate``.
        signals: ``code`` is i1[B, T, S], the others f8[B, 1, S] or f8[B, 1, S, 4].
        moments: f8[B, 4], the return statistics of each account.
    """
    rows = max(1, STRETCH_BYTES // (8 * bars.shape[1] * bars.shape[2]))
    nothing, no_count = moments[0, :0], books.denials[0, :0]
    for b in range(len(moments)):
        moments[b, 3] = books.account[b, 0].equity
    for begin in range(0, len(bars), rows):
        for b in range(len(moments)):
            book = Book(
                books.account[b],
                books.positions[b],
                books.sleeves[b],
                books.levels[b],
                books.fills,
                books.intents,
                books.denials[b],
                books.covariance[b],
                books.covariance_weight[b],
            )
            said = SignalColumns(
                signals.code[b],
                signals.confidence[b],
                signals.stop_loss[b],
                signals.take_profit[b],
                signals.target_units[b],
                signals.ladder[b],
            )
            trace = Trace(nothing, nothing, books.fills[:0], no_count, moments[b])
            end = min(len(bars), begin + rows)
            _advance(book, setup, Tape(bars, timeline, said), trace, begin, end)
