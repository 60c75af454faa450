"""Many accounts over one market, a decision at a time: what reinforcement learning steps through.

A step is what ``simulate`` does between two decisions: decide at the close of row ``t`` on the
signals an action stands for, then match row ``t + 1`` and mark. The functions are the same, so the
account is, bit for bit, that of a simulation fed with the same signals from the same first row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.covariance import load_covariance
from aster_ray.kernel.decide import decide
from aster_ray.kernel.limits import is_ruined
from aster_ray.kernel.records import (
    CLOSE,
    MARK_CLOSE,
    Book,
    Moment,
    Setup,
    SignalColumns,
)
from aster_ray.kernel.step import match
from aster_ray.model.enums import TradingState

HALTED = int(TradingState.HALTED)
# Columns an account adds to what is seen of the market: per symbol, then once.
SYMBOL_COLUMNS, ACCOUNT_COLUMNS = 3, 3
LARGEST = 5.0  # no observation lies further from zero
_WEEK_MS = 7 * 86_400_000
_RUIN = 1e-6  # a loss of all is the logarithm of this share of equity, not of zero


class World(NamedTuple):
    """The market as all episodes share it; nothing here changes."""

    bars: np.ndarray  # f8[T, N, 8]
    open_ms: np.ndarray  # i8[T]
    timeframe_ms: int
    covariance: np.ndarray  # f8[T, N, N] from ``covariance_path``
    seen: np.ndarray  # i8[T, N], the last row before this one in which the symbol has a bar, or -1
    features: np.ndarray  # f4[T, W], what is seen of the market at the close of each row


class Run(NamedTuple):
    """Where each of E episodes stands, and what its last step brought."""

    row: np.ndarray  # i8[E], the close at which the next action is decided on
    until: np.ndarray  # i8[E], the row whose close ends the episode
    over: np.ndarray  # b1[E], waiting for a new beginning
    reward: np.ndarray  # f8[E], log change of equity, all costs paid
    terminated: np.ndarray  # b1[E], halted by a limit, or nothing left
    truncated: np.ndarray  # b1[E], the window has ended
    observation: np.ndarray  # f4[E, W + 3 N + 3]


@inlined_kernel
def _book_of(books: Book, e: int) -> Book:
    """Return episode ``e``'s part of tables with one more leading axis."""
    return Book(
        books.account[e : e + 1],
        books.positions[e],
        books.sleeves[e],
        books.levels[e],
        books.fills[e],
        books.intents[e],
        books.denials[e],
        books.covariance[e],
        books.covariance_weight[e],
    )


@inlined_kernel
def _moment(world: World, t: int, e: int) -> Moment:
    """Return row ``t`` as a moment whose signals lie in row ``e``."""
    return Moment(e, world.open_ms[t], world.open_ms[t] + world.timeframe_ms)


@lean_kernel
def _arrive(book: Book, setup: Setup, world: World, t: int, e: int) -> None:
    """Let row ``t`` happen to the account."""
    match(book, setup, world.bars[t], _moment(world, t, e))


@lean_kernel
def _leave(book: Book, setup: Setup, world: World, signals: SignalColumns, t: int, e: int) -> None:
    """Decide at the close of row ``t``."""
    load_covariance(book, world.covariance[t])
    decide(book, setup, world.bars[t], signals, _moment(world, t, e))


@inlined_kernel
def _clear(book: Book, fresh: Book) -> None:
    """Make the account one that has not traded yet."""
    book.account[0] = fresh.account[0]
    for n in range(len(book.positions)):
        book.positions[n] = fresh.positions[n]
    for i in range(len(book.sleeves)):
        book.sleeves[i] = fresh.sleeves[i]
        book.levels[i, 0] = fresh.levels[i, 0]
    for k in range(len(book.denials)):
        book.denials[k] = 0


@inlined_kernel
def _recall_marks(book: Book, world: World, t: int) -> None:
    """Give the account the marks that warm-up rows before ``t`` would have left."""
    for n in range(len(book.positions)):
        last = world.seen[t, n]
        if last >= 0:
            book.positions[n].mark = world.bars[last, n, MARK_CLOSE]
            book.positions[n].last = world.bars[last, n, CLOSE]


@inlined_kernel
def _clipped(value: float) -> float:
    return min(max(value, -LARGEST), LARGEST)


@lean_kernel
def _observe(book: Book, setup: Setup, world: World, t: int, out: np.ndarray) -> None:
    """Write what may be known at the close of row ``t``: the market, then the account."""
    width = world.features.shape[1]
    for k in range(width):
        out[k] = world.features[t, k]
    account, limits = book.account[0], setup.limits[0]
    holding_ms = limits.holding_ms if limits.holding_ms > 0 else _WEEK_MS
    close_ms = world.open_ms[t] + world.timeframe_ms
    k = width
    for n in range(len(book.positions)):
        sleeve = book.sleeves[n]
        held, gain, age = 0.0, 0.0, 0.0
        if sleeve.lots != 0:
            side = 1.0 if sleeve.lots > 0 else -1.0
            held = side * sleeve.units
            gain = 100.0 * side * (book.positions[n].mark / sleeve.entry_price - 1.0)
            age = (close_ms - sleeve.entry_ms) / holding_ms
        out[k] = _clipped(held)
        out[k + 1] = _clipped(gain)
        out[k + 2] = _clipped(age)
        k += SYMBOL_COLUMNS
    out[k] = _clipped((1.0 - account.equity / account.peak) / limits.hard_drawdown)
    out[k + 1] = _clipped((account.equity / account.day_equity - 1.0) / limits.daily_loss)
    out[k + 2] = _clipped(account.day_opens / max(limits.max_daily_opens, 1))


@lean_kernel
def begin_episodes(
    books: Book, fresh: Book, setup: Setup, world: World, run: Run, chosen: np.ndarray
) -> None:
    """Begin the episodes ``chosen`` (i8[R]) anew at the rows ``run.row`` names."""
    for k in range(len(chosen)):
        e = chosen[k]
        book = _book_of(books, e)
        t = run.row[e]
        _clear(book, fresh)
        _recall_marks(book, world, t)
        _arrive(book, setup, world, t, e)
        _observe(book, setup, world, t, run.observation[e])
        run.over[e] = False
        run.reward[e] = 0.0
        run.terminated[e] = False
        run.truncated[e] = False


@inlined_kernel
def _log_change(before: float, after: float) -> float:
    return float(np.log(max(after / before, _RUIN)))


@lean_kernel
def step_episodes(
    books: Book, setup: Setup, world: World, signals: SignalColumns, run: Run
) -> None:
    """Advance every episode that is not over by one decision; row ``e`` of ``signals`` is its."""
    for e in range(len(run.row)):
        if run.over[e]:
            continue
        book = _book_of(books, e)
        t = run.row[e]
        before = book.account[0].equity
        _leave(book, setup, world, signals, t, e)
        t += 1
        _arrive(book, setup, world, t, e)
        account: Any = book.account[0]
        run.row[e] = t
        run.reward[e] = _log_change(before, account.equity)
        run.terminated[e] = account.state == HALTED or is_ruined(account)
        run.truncated[e] = t >= run.until[e] and not run.terminated[e]
        run.over[e] = run.terminated[e] or run.truncated[e]
        _observe(book, setup, world, t, run.observation[e])
