"""Signals and venue evidence in, permitted orders out: sizing, limits, exits and the ledger.

Everything it knows is the fold of what it was given, so replaying its journal rebuilds it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aster_ray._jit import bound
from aster_ray.engine.adoption import arm_adopted
from aster_ray.engine.command import next_state
from aster_ray.engine.messages import OrderBatch, SignalBatch, VenueReport
from aster_ray.kernel.books import new_book
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Book, Moment, Setup
from aster_ray.kernel.step import on_close, warm
from aster_ray.model.enums import Denial, TradingState, label


class RiskDesk:
    """Own one account's book; turn opinions into orders it may send."""

    def __init__(self, setup: Setup, capital: float, *, ladders: bool = True) -> None:
        self.setup = setup
        self.book: Book = new_book(len(setup.rules), setup.strategies, capital, ladders=ladders)
        self._step: Callable[..., tuple[int, float, float, int]] | None = None
        self._no_intents = self.book.intents[:0]

    def warm_up(self, market: Market) -> None:
        """Let the warm-up rows of ``market`` move marks and covariance."""
        for t in range(market.start):
            open_ms = int(market.open_ms[t])
            moment = Moment(t, open_ms, open_ms + market.timeframe_ms)
            warm(self.book, self.setup, market.bars[t], moment)

    def on_close(self, signals: SignalBatch, report: VenueReport) -> OrderBatch:
        """Book the report, mark, and decide for every sleeve at one close time."""
        batch, columns, index = signals
        moment = Moment(index, batch.open_ms, batch.close_ms)
        self.book.positions["working"] = report.working if len(report.working) else 0
        arm_adopted(self.book, self.setup, report)
        arguments = (self.book, self.setup, report.fills, batch.bars, columns, moment)
        if self._step is None:
            self._step = bound(on_close, *arguments)
        count, equity, gross, state = self._step(*arguments)
        intents = self.book.intents[:count].copy() if count else self._no_intents
        return OrderBatch(batch.seq, batch.close_ms, intents, equity, gross, state)

    @property
    def state(self) -> TradingState:
        """Return what the account may do now."""
        return TradingState(int(self.book.account["state"][0]))

    def set_state(self, wanted: TradingState) -> None:
        """Carry out an operator's command: trade, only reduce, or flatten and halt."""
        account = self.book.account
        if wanted is TradingState.ACTIVE and self.state is TradingState.HALTED:
            # Resuming is a new beginning: measured from the old peak it would halt at once.
            account["peak"] = account["equity"]
        account["state"] = int(next_state(self.state, wanted))

    def denials(self) -> dict[str, int]:
        """Return label -> how often, for every reason that occurred."""
        counts = self.book.denials
        return {label(code): int(counts[code]) for code in Denial if counts[code]}

    def sleeve_equity(self) -> np.ndarray:
        """Return f8[S], each sleeve's virtual result: realized + unrealized - fees - funding."""
        sleeves, positions = self.book.sleeves, self.book.positions
        marks = positions["mark"][sleeves["symbol"]]
        lots = sleeves["lots"] * self.setup.rules["lot"][sleeves["symbol"]]
        unrealized = np.where(lots != 0.0, lots * (marks - sleeves["entry_price"]), 0.0)
        result: np.ndarray = sleeves["realized"] - sleeves["fees"] - sleeves["funding"] + unrealized
        return result
