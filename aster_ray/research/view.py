"""How a session stands, read from its journals by whoever wants to know, living session or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aster_ray.engine.chronicle import fold_execution, read_anchor
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.errors import AsterError
from aster_ray.model.order import Order
from aster_ray.research.ledger import Ledger
from aster_ray.research.session import EXECUTOR_JOURNAL, RISK_JOURNAL, Session


class SessionView:
    """Equity, positions, orders and denials of one session, a moment behind its journals."""

    def __init__(
        self, session: Session, symbols: Sequence[str], strategies: Sequence[str], lots: np.ndarray
    ) -> None:
        """Begin before the first record; ``strategies`` as sleeves are numbered, ``lots`` f8[N]."""
        sleeves = [(name, n) for n in range(len(symbols)) for name in strategies]
        self._names = [(symbols[n], name) for name, n in sleeves]
        self._symbols, self._lots = tuple(symbols), lots
        self._closes = session.journals.tail(RISK_JOURNAL)
        self._sent = session.journals.tail(EXECUTOR_JOURNAL)
        capital = session.request.settings.session.capital
        self._ledger = Ledger(self._symbols, sleeves, lots, capital)
        at_venue = session.request.trades_at_venue
        self._desk = ExecutionDesk(self._symbols, len(strategies), at_venue=at_venue)

    def catch_up(self) -> None:
        """Read what was written since the last time."""
        for record in self._closes.new_records():
            self._ledger.add_close(record)
        for record in self._sent.new_records():
            self._ledger.add_sent(record)
            self._follow(record)

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain values; fractions and quote currency."""
        orders = [self._order(order) for order in self._desk.open_orders()]
        return {**self._ledger.snapshot(), "open_orders": orders}

    def _follow(self, record: Mapping[str, Any]) -> None:
        """Keep the orders that rest; a view of a long session must not grow with it."""
        fold_execution(self._desk, [record], verify=False)
        if record["kind"] != "orders":
            return
        now_ms = int(record["close_ms"])
        self._desk.acknowledge_close(now_ms)
        self._desk.forget(now_ms)

    def _order(self, order: Order) -> dict[str, Any]:
        request = order.request
        n = request.symbol
        # The net of a symbol belongs to all its sleeves.
        strategy = self._names[request.sleeve][1] if request.sleeve >= 0 else ""
        return {
            "client_order_id": request.client_order_id,
            "symbol": self._symbols[n],
            "strategy": strategy,
            "kind": request.kind.value,
            "qty": float(request.lots * self._lots[n]),
            "price": None if np.isnan(request.price) else request.price,
            "decided_ms": request.decided_ms,
        }


def view_from_files(session: Session) -> SessionView | None:
    """Return the view of a session from its folder alone; None before its first record.

    The market is not loaded: symbols and contract rules stand at the head of the risk journal.
    """
    tail = session.journals.tail(RISK_JOURNAL)
    first = tail.first_record()
    if first is None:
        return None
    history, setup = read_anchor(first)
    return SessionView(session, history.symbols, strategy_names(session), setup.rules["lot"])


def strategy_names(session: Session) -> list[str]:
    """Return the strategies' names, or how they were asked for where a file is gone or broken."""
    try:
        return [strategy.name for strategy, _ in session.request.load_strategies()]
    except AsterError:
        return [spec for spec, _ in session.request.strategies]
