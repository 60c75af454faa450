"""One close time, composed: match every symbol, mark the account, decide for every sleeve.

``match`` is what a venue does, ``decide`` what the risk desk does. The sweep runs both on one
book; the engine runs each on the book of its owner and carries fills and intents between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel, lean_kernel
from aster_ray.kernel.accounting import apply_fill, begin_bar, refresh_equity
from aster_ray.kernel.covariance import update_covariance
from aster_ray.kernel.decide import decide
from aster_ray.kernel.liquidation import margin_call
from aster_ray.kernel.matching import match_bar
from aster_ray.kernel.records import (
    CLOSE,
    MARK_CLOSE,
    Book,
    Moment,
    Setup,
    SignalColumns,
)
from aster_ray.kernel.resting import clear_order
from aster_ray.model.enums import FillKind, IntentKind, Working

MARKET = int(IntentKind.MARKET)
MOVE_STOP = int(IntentKind.MOVE_STOP)
PLACE_LEVEL = int(IntentKind.PLACE_LEVEL)
CANCEL_LEVEL = int(IntentKind.CANCEL_LEVEL)
PLACE_LADDER = int(IntentKind.PLACE_LADDER)
FILLED_AT_MARKET = int(FillKind.MARKET)
ENDED = int(Working.ENDED)


@inlined_kernel
def mark(book: Book, setup: Setup, bars: np.ndarray, moment: Moment) -> None:
    """Move marks to this close and recompute equity.

    ``bars`` is f8[N, 8], one row per symbol; a missing symbol keeps its last mark.
    """
    for n in range(len(book.positions)):
        if not np.isnan(bars[n, CLOSE]):
            position = book.positions[n]
            position.mark = bars[n, MARK_CLOSE]
            position.last = bars[n, CLOSE]
    refresh_equity(book, setup)


@inlined_kernel
def warm(book: Book, setup: Setup, bars: np.ndarray, moment: Moment) -> None:
    """Let one bar before the start of trading move marks and covariance, and nothing else."""
    update_covariance(book, setup.limits[0].covariance_decay, bars[:, MARK_CLOSE])
    mark(book, setup, bars, moment)


@inlined_kernel
def raise_peak(account: Any) -> None:
    """Remember the highest equity at a close; drawdown is measured from it."""
    account.peak = max(account.peak, account.equity)


@inlined_kernel
def match(book: Book, setup: Setup, bars: np.ndarray, moment: Moment) -> int:
    """Run the venue's side of one close over all symbols, mark, and return how many fills."""
    begin_bar(book.account[0], moment.close_ms)
    for n in range(len(book.positions)):
        match_bar(book, setup, n, bars[n], moment)
    mark(book, setup, bars, moment)
    margin_call(book, setup, bars, moment)
    raise_peak(book.account[0])
    return int(book.account[0].fill_count)


@inlined_kernel
def receive(book: Book, setup: Setup, fills: np.ndarray, bars: np.ndarray, moment: Moment) -> None:
    """Book a venue's report of one close time, then mark: the risk desk's side of ``match``."""
    begin_bar(book.account[0], moment.close_ms)
    for k in range(len(fills)):
        apply_fill(book, setup, fills[k])
    for k in range(len(fills)):
        # Only now: the opening part of an order still needs its attached bracket.
        if fills[k].kind == FILLED_AT_MARKET:
            clear_order(book.sleeves[fills[k].sleeve])
    for n in range(len(book.positions)):
        if book.positions[n].working == ENDED:
            for i in range(n * setup.strategies, (n + 1) * setup.strategies):
                clear_order(book.sleeves[i])
    update_covariance(book, setup.limits[0].covariance_decay, bars[:, MARK_CLOSE])
    mark(book, setup, bars, moment)
    raise_peak(book.account[0])


@lean_kernel
def on_close(
    book: Book,
    setup: Setup,
    fills: np.ndarray,
    bars: np.ndarray,
    signals: SignalColumns,
    moment: Moment,
) -> tuple[int, float, float, int]:
    """Run a whole close of the risk desk: book the venue's report, mark, decide.

    Returns (intents written, equity, gross notional, trading state).
    """
    receive(book, setup, fills, bars, moment)
    decide(book, setup, bars, signals, moment)
    account = book.account[0]
    return account.intent_count, account.equity, account.gross, account.state


@lean_kernel
def accept(book: Book, intents: np.ndarray) -> None:
    """Let a paper venue take the risk desk's orders: INTENT records into resting orders."""
    for k in range(len(intents)):
        intent = intents[k]
        sleeve = book.sleeves[intent.sleeve]
        if intent.kind == MARKET:
            sleeve.order_lots = intent.lots
            sleeve.order_close_lots = intent.close_lots
            sleeve.order_stop = intent.stop
            sleeve.order_take_profit = intent.take_profit
            sleeve.order_units = intent.units
            sleeve.order_reason = intent.reason
        elif intent.kind == MOVE_STOP:
            sleeve.stop = intent.stop
            sleeve.tier = 1
        elif intent.kind == PLACE_LADDER:
            sleeve.centre = intent.price
            sleeve.spacing = intent.exit_price
            sleeve.stop = intent.stop
            sleeve.stop_high = intent.stop_high
        elif intent.kind == PLACE_LEVEL:
            level = book.levels[intent.sleeve, intent.level]
            level.state = 1
            level.lots = intent.lots
            level.price = intent.price
            level.exit_price = intent.exit_price
            level.filled_ms = 0
        elif intent.kind == CANCEL_LEVEL:
            book.levels[intent.sleeve, intent.level].state = 0
