"""A market made ready for many runs: one account per parameter set, on every assigned core.

``simulate`` releases the interpreter lock, so plain threads run it in parallel and each set goes
through exactly the code a single run goes through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aster_ray._jit import bound
from aster_ray.kernel.books import new_book, records
from aster_ray.kernel.covariance import covariance_path
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import (
    FILL,
    MARK_CLOSE,
    Book,
    Setup,
    SignalColumns,
    Timeline,
)
from aster_ray.kernel.simulate import Trace, simulate, simulate_block

# Above this many elements the covariance path is computed bar by bar instead of being kept.
_MAX_PATH = 64_000_000
_DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one account came to; fractions of the starting capital unless said otherwise."""

    total_return: float
    sharpe: float | None  # annualized, per-bar returns, zero rate
    max_drawdown: float
    round_trips: int
    win_rate: float | None
    profit_factor: float | None
    exposure: float  # fraction of sleeve-bars with a position
    fees: float  # quote currency
    funding: float
    slippage: float
    denials: int
    liquidations: int
    halted_ms: int | None


def shared(values: np.ndarray) -> np.ndarray:
    """Return a read-only view: the type arrays have in Ray's shared memory.

    A writable array is another type to the compiler. With one type everywhere, a cluster's workers
    need no copy of the market and load the code that any local run has compiled.
    """
    view = values.view()
    view.flags.writeable = False
    return view


class Simulator:
    """Run signal columns through fresh accounts over one market."""

    def __init__(self, market: Market, setup: Setup, capital: float) -> None:
        self.market = market
        self._setup = setup
        self._capital = capital
        count = len(market.symbols)
        known = len(market) * count * count <= _MAX_PATH
        path = np.zeros((len(market) if known else 0, count, count))
        if known:
            marks = np.ascontiguousarray(market.bars[:, :, MARK_CLOSE])
            decay = float(setup.limits["covariance_decay"][0])
            scratch = np.full(count, np.nan), np.zeros((count, count))
            covariance_path(marks, decay, *scratch, path)
        open_ms = shared(np.ascontiguousarray(market.open_ms, np.int64))
        self._timeline = Timeline(open_ms, market.timeframe_ms, market.start, path)
        self._bars = shared(np.ascontiguousarray(market.bars))
        self._nothing = np.zeros(0)
        self._no_fills = records(0, FILL)
        self._bound: dict[bool, Any] = {}
        self._bound_block: Any = None
        self._fresh = {
            ladders: new_book(count, setup.strategies, capital, ladders=ladders)
            for ladders in (False, True)
        }

    def run(self, signals: SignalColumns) -> tuple[Book, Trace]:
        """Run one account and keep only its final book and the moments of its returns."""
        trace = Trace(
            self._nothing, self._nothing, self._no_fills, np.zeros(1, np.int64), np.zeros(4)
        )
        return self._run(signals, trace), trace

    def trace(self, signals: SignalColumns) -> tuple[Book, Trace]:
        """Run one account and keep equity, exposure and every fill."""
        rows, room = len(self.market), 4096
        while True:
            trace = Trace(
                np.zeros(rows),
                np.zeros(rows),
                records(room, FILL),
                np.zeros(1, np.int64),
                np.zeros(4),
            )
            book = self._run(signals, trace)
            count = int(trace.fill_count[0])
            if count <= room:
                return book, trace._replace(fills=trace.fills[:count])
            room = count

    def run_block(self, signals: SignalColumns) -> list[Outcome]:
        """Run B directional accounts at once; every array of ``signals`` has B as its first axis.

        Arrays are laid out as ``simulate_block`` says. The outcomes are those of ``run``.
        """
        count = len(signals.code)
        fresh = self._fresh[False]
        scratch = {"fills", "intents"}  # of one close
        books = Book(
            *(
                table.copy() if name in scratch else np.repeat(table[None], count, axis=0)
                for name, table in zip(Book._fields, fresh, strict=True)
            )
        )
        moments = np.zeros((count, 4))
        arguments = (books, self._setup, self._bars, self._timeline, signals, moments)
        if self._bound_block is None:
            self._bound_block = bound(simulate_block, *arguments)
        self._bound_block(*arguments)
        return self._outcomes(books, moments)

    def _run(self, signals: SignalColumns, trace: Trace) -> Book:
        ladders = not bool(np.isnan(signals.ladder[:, :, 0]).all())
        book = Book(*(table.copy() for table in self._fresh[ladders]))
        arguments = (book, self._setup, self._bars, self._timeline, signals, trace)
        step = self._bound.get(ladders)
        if step is None:
            step = self._bound[ladders] = bound(simulate, *arguments)
        step(*arguments)
        return book

    def outcome(self, book: Book, trace: Trace) -> Outcome:
        """Measure a finished account."""
        return self._outcomes(Book(*(table[None] for table in book)), trace.moments[None])[0]

    def _outcomes(self, books: Book, moments: np.ndarray) -> list[Outcome]:
        """Measure finished accounts, B of them along the first axis of every table."""
        # Plain arrays: looking a field up in a record array costs ten times as much.
        account = books.account.view(np.ndarray)[:, 0]
        sleeves = books.sleeves.view(np.ndarray)

        def total(field: str) -> list[Any]:
            # One after the other, not pairwise: the order of a sum is part of the result.
            return [sum(row) for row in sleeves[field].tolist()]

        names = ("equity", "fees", "funding", "slippage", "liquidations", "halted_ms")
        cash = {name: account[name].tolist() for name in names}
        traded = {name: total(name) for name in ("trips", "wins", "gain", "loss", "exposed_bars")}
        denials = books.denials.sum(axis=1).tolist()
        bars = len(self.market) - self.market.start
        room = max(1, bars * sleeves.shape[1])
        return [
            Outcome(
                total_return=cash["equity"][b] / self._capital - 1.0,
                sharpe=self._sharpe(own, bars),
                max_drawdown=own[2],
                round_trips=(trips := traded["trips"][b]),
                win_rate=traded["wins"][b] / trips if trips else None,
                profit_factor=traded["gain"][b] / loss if (loss := traded["loss"][b]) > 0 else None,
                exposure=traded["exposed_bars"][b] / room,
                fees=cash["fees"][b],
                funding=cash["funding"][b],
                slippage=cash["slippage"][b],
                denials=denials[b],
                liquidations=cash["liquidations"][b],
                halted_ms=cash["halted_ms"][b] or None,
            )
            for b, own in enumerate(moments.tolist())
        ]

    def _sharpe(self, moments: list[float], bars: int) -> float | None:
        if bars < 2:
            return None
        mean = moments[0] / bars
        variance = (moments[1] - bars * mean * mean) / (bars - 1)
        if not variance > 0.0:
            return None
        per_year = _DAYS_PER_YEAR * 86_400_000 / self.market.timeframe_ms
        return float(mean / math.sqrt(variance) * math.sqrt(per_year))
