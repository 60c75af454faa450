"""The event host: strategy, risk and execution desks composed, without a socket, clock or file.

A host hands in what happened (bars and the venue's report) and carries out what comes back.
Backtest, paper in one process, replay of a session and every parity test drive this same class;
the actors drive the same three desks, each in a process of its own.
"""

from __future__ import annotations

from typing import Protocol

from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.ports import ExecutionPort
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.model.order import OrderRequest


class SignalSource(Protocol):
    """Whoever answers bars with signals."""

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Return what the strategies say about one close time."""
        ...


class Engine:
    """Turn one close time into the orders that follow from it."""

    def __init__(self, strategies: SignalSource, risk: RiskDesk, execution: ExecutionDesk) -> None:
        self._strategies = strategies
        self.risk = risk
        self.execution = execution
        self.requests: list[OrderRequest] = []  # of the last close

    def on_close(self, batch: BarBatch, report: VenueReport) -> OrderBatch:
        """Book the venue's report on ``batch``, decide, and return what must be sent."""
        if not report.is_empty:
            self.execution.on_report(report)
        orders = self.risk.on_close(self._strategies.on_bars(batch), report)
        self.requests = self.execution.on_orders(orders) if len(orders.intents) else []
        return orders

    def sent(self, orders: OrderBatch) -> None:
        """Take the venue's word that the orders of one close rest."""
        if len(orders.intents):
            self.execution.acknowledge_close(orders.close_ms)


def run_close(
    engine: Engine, venue: ExecutionPort, batch: BarBatch
) -> tuple[OrderBatch, VenueReport]:
    """Drive one close time through a venue and an engine: the loop body of every host."""
    report = venue.observe(batch)
    orders = engine.on_close(batch, report)
    venue.submit(orders)
    engine.sent(orders)
    return orders, report
