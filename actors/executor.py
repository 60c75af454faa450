"""ExecutorActor: the only one that reaches the venue. Write first, then send, then say so."""

from __future__ import annotations

import structlog

from actors.link import Watermark
from actors.shell import Shell
from aster_ray import topology
from aster_ray.engine.chronicle import (
    Sent,
    accepted_record,
    fold_execution,
    orders_record,
    report_record,
)
from aster_ray.engine.journal import FileJournal
from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.wire import pack_report, unpack_bars, unpack_orders
from aster_ray.errors import JournalError
from aster_ray.research.session import EXECUTOR_JOURNAL, VENUE_JOURNAL

FEED_TO_EXECUTOR = f"{topology.FEED} -> {topology.EXECUTOR}"
RISK_TO_EXECUTOR = f"{topology.RISK} -> {topology.EXECUTOR}"
# Not a message: from the release of a bar to its orders resting at the venue.
CLOSE_TO_VENUE = "bar close to venue"


class ExecutorActor(Shell):
    """Carry bars to the paper venue, its evidence to the risk desk, and orders to the venue."""

    role = topology.EXECUTOR

    def open(self) -> None:
        """Restore the venue from its own log and the desk from the executor's journal."""
        prepared = self.session.prepare()
        log = FileJournal(self.session.journal(VENUE_JOURNAL))
        self._journal = FileJournal(self.session.journal(EXECUTOR_JOURNAL))
        for journal in (log, self._journal):
            if journal.dropped_bytes:
                structlog.get_logger().warning("journal_torn", bytes=journal.dropped_bytes)
        self._venue = prepared.paper_venue(log)
        self._venue.restore(log.records)
        self._desk = prepared.execution_desk()
        sent = fold_execution(self._desk, self._journal.records)
        log.records.clear()
        self._journal.records.clear()
        self.ordered = Watermark(sent.ordered)
        self._born_ns = 0
        self._reconcile(sent)

    def _reconcile(self, sent: Sent) -> None:
        """Settle with the venue what the journal leaves open: orders, then evidence after them."""
        if sent.pending is not None:
            self._reconcile_orders(sent.pending, sent.client_order_ids)
        if sent.reported < self._venue.report.seq:
            self._book(self._venue.report)

    def _reconcile_orders(self, orders: OrderBatch, client_order_ids: tuple[str, ...]) -> None:
        """Send what was written and never arrived; what the venue knows is only acknowledged."""
        known = [one for one in client_order_ids if self._venue.has(one)]
        if self._venue.accepted < orders.seq:
            if known:
                raise JournalError(
                    f"the venue knows {known[0]} but not the orders of close {orders.seq}"
                )
            self._venue.submit(orders, client_order_ids)
            self._venue.commit()
        structlog.get_logger().info(
            "orders_reconciled",
            seq=orders.seq,
            known=len(known),
            sent=len(client_order_ids) - len(known),
        )
        self._accept(orders)

    async def work(self) -> None:
        """Follow the feed, close by close; first finish the close the venue saw last."""
        self._feed, self._risk = self.peer(topology.FEED), self.peer(topology.RISK)
        if self._venue.observed >= 0:
            await self._settle(self._venue.report)
        stream = self._feed.follow(self.role, lambda: (self.progress + 1, self.progress))
        async for data, sent_ns, born_ns in stream:
            self.hops.arrived(FEED_TO_EXECUTOR, sent_ns)
            self._born_ns = born_ns
            report = self._venue.observe(unpack_bars(data))
            self._venue.commit()
            self._book(report)
            await self._settle(report)

    def _book(self, report: VenueReport) -> None:
        """Make evidence durable; a close on which nothing happened leaves none."""
        if len(report.fills):
            self._desk.on_report(report)
            self._journal.append(report_record(report))
            self._journal.commit()

    async def _settle(self, report: VenueReport) -> None:
        """See one close through: evidence to the risk desk, its orders to the venue, then done."""
        await self._risk.ask("on_report", pack_report(report))
        await self.ordered.reach(report.seq)
        self._journal.commit()
        await self._feed.ask("acknowledge", report.seq)
        self.progress = report.seq

    async def on_orders(self, data: bytes, sent_ns: int) -> int:
        """Take the orders of one close; return once they rest at the venue, durably."""
        await self.ready.wait()
        self.hops.arrived(RISK_TO_EXECUTOR, sent_ns)
        orders = unpack_orders(data)
        if orders.seq > self.ordered.value:
            self._send(orders)
            if self._born_ns:
                self.hops.arrived(CLOSE_TO_VENUE, self._born_ns)
            self.ordered.raise_to(orders.seq)
        return self.ordered.value

    def _send(self, orders: OrderBatch) -> None:
        """Journal, then submit, then note the venue's word; no await may come in between."""
        if not len(orders.intents):
            return
        requests = self._desk.on_orders(orders)
        self._journal.append(orders_record(orders, requests))
        self._journal.commit()
        self._venue.submit(orders, [request.client_order_id for request in requests])
        self._venue.commit()
        self._accept(orders)

    def _accept(self, orders: OrderBatch) -> None:
        # Durable with the end of this close: without it the venue is asked, and knows.
        self._journal.append(accepted_record(orders.seq))
        self._desk.acknowledge_close(orders.close_ms)
