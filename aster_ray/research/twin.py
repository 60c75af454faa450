"""A session's twin: the same observations through a fresh engine, every conclusion compared.

Nothing but what the session recorded goes in: bars, warm-up, contract rules, commands. Fills are
reproduced by a paper venue of the twin's own; those of a real venue are taken as it reported them,
and held against what the paper venue would have done in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from aster_ray.engine.chronicle import Close, closes_of, fold_execution, read_anchor
from aster_ray.engine.core import Engine, run_close
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.engine.ports import ExecutionPort
from aster_ray.engine.strategy_desk import GrowingSignals
from aster_ray.kernel.market import Market
from aster_ray.model.enums import FillKind
from aster_ray.model.order import Order, OrderKind, OrderRequest
from aster_ray.research.differences import (
    Difference,
    close_differences,
    evidence_differences,
    fill_differences,
    outcome_differences,
    request_differences,
    row,
    signal_differences,
)
from aster_ray.research.drift import DriftMeter, Row, Slot
from aster_ray.research.pairing import Pair, Record
from aster_ray.research.prepare import Prepared
from aster_ray.research.session import Session
from aster_ray.research.shadow import Shadow

_LATE_CLOSES = 1  # a real venue's evidence may come after the close of the bar that it belongs to
_KINDS: Mapping[OrderKind, FillKind] = {
    OrderKind.MARKET: FillKind.MARKET,
    OrderKind.CROSS: FillKind.MARKET,
    OrderKind.STOP: FillKind.STOP,
    OrderKind.LIQUIDATION: FillKind.LIQUIDATION,
    OrderKind.TAKE_PROFIT: FillKind.TAKE_PROFIT,
    OrderKind.LADDER_ENTRY: FillKind.LADDER_ENTRY,
    OrderKind.LADDER_EXIT: FillKind.LADDER_EXIT,
}


class Verdict(NamedTuple):
    """What came of one close.

    Attributes:
        seq: its number.
        close_ms: its time.
        orders: how many were asked for.
        fills: how many were executed.
        differences: one row per field that was recorded otherwise than reproduced; empty = equal.
        drift: one row per executed order, see ``DriftMeter``.
    """

    seq: int
    close_ms: int
    orders: int
    fills: int
    differences: list[Difference]
    drift: list[Row]


class GivenEvidence:
    """Stands for a real venue, which nobody can ask to do it again; satisfies ``ExecutionPort``.

    Its fills are given, so what is held against the record are the decisions made on them.
    """

    def __init__(self) -> None:
        self.report: VenueReport | None = None

    def observe(self, batch: BarBatch) -> VenueReport:
        """Return what the venue had reported at this close."""
        if self.report is None or self.report.seq != batch.seq:
            raise ValueError(f"no evidence was given for close {batch.seq}")
        return self.report

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Take orders, as the venue did."""


def recorded_run(session: Session, records: Iterable[Record]) -> Prepared:
    """Return the run as it was prepared then, with every bar that its risk journal holds so far.

    Raises:
        JournalError: the journal does not begin with its anchor.
    """
    stream = iter(records)
    history, setup = read_anchor(next(stream, {}))
    batches = [close.signals.batch for close in closes_of(stream)]

    def joined(before: np.ndarray, after: list[Any]) -> np.ndarray:
        rows = np.array(after, before.dtype).reshape(-1, *before.shape[1:])
        return np.concatenate([before, rows])

    market = Market(
        symbols=history.symbols,
        timeframe_ms=history.timeframe_ms,
        open_ms=joined(history.open_ms, [batch.open_ms for batch in batches]),
        bars=joined(history.bars, [batch.bars for batch in batches]),
        volume=joined(history.volume, [batch.volume for batch in batches]),
        funding_rate=joined(history.funding_rate, [batch.funding_rate for batch in batches]),
        start=len(history),
    )
    return Prepared(
        session.request, market, (), setup, tuple(session.request.load_strategies()), ()
    )


class Twin:
    """Put recorded closes through an engine one by one; holds only orders that are not over."""

    def __init__(self, run: Prepared) -> None:
        """Begin before the first close of ``run``, whose market may grow."""
        self._symbols, self._sleeves = run.market.symbols, run.setup.strategies
        self._signals = GrowingSignals(run.strategies, run.market)
        self._engine = Engine(self._signals, run.risk_desk(), run.execution_desk())
        self._recorded: ExecutionDesk | None = run.execution_desk()
        self._given = GivenEvidence() if run.request.trades_at_venue else None
        self._venue: ExecutionPort = self._given or run.paper_venue()
        self._shadow = Shadow(run.setup)
        patience = 0 if self._given is None else _LATE_CLOSES
        self.meter = DriftMeter(run.market.symbols, run.setup.rules["lot"], patience)
        self._over = 0  # orders compared and forgotten
        self._told: set[str] = set()  # orders that only one side asked for

    @property
    def orders(self) -> int:
        """Return how many orders the session has had so far."""
        return self._over + (len(self._recorded.orders) if self._recorded else 0)

    def take(self, pair: Pair) -> Verdict:
        """Put the next close through the engine and compare all that was recorded of it."""
        close, sent = pair
        batch = close.signals.batch
        for command in close.commands:
            self._engine.risk.set_state(command.instruction.state)
        paper = None
        if self._given is not None:
            self._given.report = close.report
            paper = self._shadow.fills(batch, self.meter.working)
        orders, report = run_close(self._engine, self._venue, batch)
        if self._given is not None:
            self._shadow.remember(self._engine.risk.book)
        found = list(signal_differences(close, self._signals.latest))
        found += close_differences(close.orders, orders)
        found += fill_differences(self._symbols, report, close.report.fills)
        found += evidence_differences(self._symbols, report, sent)
        found += self._requests(self._engine.requests, sent)
        drift, impossible = self._book(close, sent, report.fills if paper is None else paper)
        found += [*impossible, *self._outcomes(batch.close_ms)]
        self._engine.execution.denied.clear()
        asked = len(self._engine.requests)
        return Verdict(batch.seq, batch.close_ms, asked, len(report.fills), found, drift)

    def rest(self, left_over: Sequence[Record]) -> Verdict:
        """Compare what is left after the last close.

        Args:
            left_over: what the executor wrote about closes that were never concluded. Evidence is
                what a session that was killed leaves; orders nobody decided are a difference.
        """
        orders = [record for record in left_over if record["kind"] == "orders"]
        found = [*self._requests([], orders), *self._outcomes(None)]
        return Verdict(-1, 0, 0, 0, found, self.meter.rest())

    def _requests(
        self, requests: Sequence[OrderRequest], sent: Sequence[Record]
    ) -> list[Difference]:
        found = list(request_differences(self._symbols, requests, sent))
        self._told |= {one["client_order_id"] for one in found if one["field"] == "order"}
        return found

    def _book(
        self, close: Close, sent: Sequence[Record], paper: np.ndarray
    ) -> tuple[list[Row], list[Difference]]:
        """Rebuild the orders as recorded, and measure how they were executed."""
        desk, impossible = self._recorded, []
        before = {} if desk is None else {k: o.filled_lots for k, o in desk.orders.items()}
        if desk is not None:
            try:
                fold_execution(desk, sent, verify=False)
            except (KeyError, ValueError) as error:
                ms = close.orders.close_ms
                impossible = [row(ms, "", "executor journal", "impossible", str(error))]
                desk = self._recorded = None
            else:
                desk.denied.clear()

        def ids(slot: Slot) -> list[str]:
            mine = (
                {}
                if desk is None
                else {
                    known: order
                    for known, order in desk.orders.items()
                    if self._slot(order) == slot
                }
            )
            moved = [k for k, o in mine.items() if o.filled_lots != before.get(k, 0)]
            older = (
                known
                for known, order in mine.items()
                if not order.is_done and order.request.decided_ms < close.orders.close_ms
            )
            return moved or list(older)

        return self.meter.add(paper, close.report, ids), impossible

    def _slot(self, order: Order) -> Slot:
        request = order.request
        kind = _KINDS[request.kind]
        if kind in (FillKind.MARKET, FillKind.STOP, FillKind.LIQUIDATION):
            return Slot(kind, request.symbol)
        return Slot(kind, request.symbol, request.sleeve, request.level)

    def _outcomes(self, now_ms: int | None) -> Iterator[Difference]:
        """Compare orders to which nothing can happen any more, and forget them; None = all."""
        recorded, again = self._recorded, self._engine.execution
        if recorded is None:
            if now_ms is not None:
                again.forget(now_ms)
            return
        for known in _over(recorded, again, now_ms):
            one, other = recorded.orders.pop(known, None), again.orders.pop(known, None)
            self._over += one is not None
            if known not in self._told or (one and other):
                yield from outcome_differences(self._symbols, one, other)
            self._told.discard(known)


def _over(one: ExecutionDesk, other: ExecutionDesk, now_ms: int | None) -> list[str]:
    """Return the orders that are over in both desks, or in the one that has them; None = all."""
    if now_ms is None:
        return list({**one.orders, **other.orders})
    done = set(one.over_before(now_ms)), set(other.over_before(now_ms))
    return [
        known
        for known in sorted(done[0] | done[1])
        if (known in done[0] or known not in one.orders)
        and (known in done[1] or known not in other.orders)
    ]
