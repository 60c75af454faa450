"""The two desks with their journals: nothing is said before it is on disk.

A desk that starts and one that starts again take the same way: the fold of the journal, empty or
not. What a crash may have left open is settled with the venue, which is asked and never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aster_ray.engine.chronicle import (
    Close,
    accepted_record,
    close_record,
    closes_of,
    fold_execution,
    fold_risk,
    orders_record,
    report_record,
)
from aster_ray.engine.command import (
    Command,
    Instruction,
    command_record,
    commands_of,
    next_state,
)
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.ports import DurableExecutionPort, JournalPort
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.errors import JournalError

Records = Sequence[dict[str, Any]]


class DurableRisk:
    """A risk desk whose conclusions are on disk before anybody hears of them."""

    def __init__(
        self,
        desk: RiskDesk,
        journal: JournalPort,
        records: Records,
        anchor: Callable[[], dict[str, object]],
    ) -> None:
        """Fold ``records``, which ``journal`` holds already; write ``anchor`` if there are none."""
        self.desk = desk
        self._journal = journal
        self.latest: OrderBatch | None = None
        if not records:
            journal.append(anchor())
            journal.commit()
        for close in fold_risk(desk, closes_of(records)):
            self.latest = close.orders
        self.commands = commands_of(records)
        for command in self.commands:
            if command.seq > self.recorded:  # came after the last close
                desk.set_state(command.instruction.state)

    @property
    def recorded(self) -> int:
        """Return the last close that is on disk; -1 for none."""
        return -1 if self.latest is None else self.latest.seq

    def obey(self, instruction: Instruction, now_ms: int) -> Command | None:
        """Carry out an operator's word from the next close on, once it is on disk.

        Returns:
            The command; the earlier one for a key that was given before; None where the account
            is in that state already.
        """
        for known in self.commands:
            if known.instruction.key == instruction.key:
                self._journal.commit()  # asked again because the disk refused it
                return known
        if next_state(self.desk.state, instruction.state) is self.desk.state:
            return None
        command = Command(len(self.commands) + 1, self.recorded + 1, now_ms, instruction)
        # Desk and journal move together: should the commit fail, the next one carries both.
        self._journal.append(command_record(command))
        self.commands.append(command)
        self.desk.set_state(instruction.state)
        self._journal.commit()
        return command

    def conclude(self, signals: SignalBatch, report: VenueReport) -> OrderBatch:
        """Decide on the next close and return its orders once they are on disk."""
        batch = signals.batch
        if not batch.seq == report.seq == self.recorded + 1:
            raise JournalError(
                f"after close {self.recorded} came signals of {batch.seq} and a report of "
                f"{report.seq}"
            )
        if batch.close_ms != report.close_ms:
            raise JournalError(
                f"close {report.seq} is {batch.close_ms} ms to the strategies and "
                f"{report.close_ms} ms to the venue"
            )
        orders = self.desk.on_close(signals, report)
        self._journal.append(close_record(Close(signals, report, orders)))
        self._journal.commit()
        self.latest = orders
        return orders


class DurableExecution:
    """An execution desk that writes first, then sends, and asks before it sends again."""

    def __init__(
        self,
        desk: ExecutionDesk,
        venue: DurableExecutionPort,
        journal: JournalPort,
        records: Records,
    ) -> None:
        """Fold ``records``, which ``journal`` holds already, and settle what they leave open.

        Raises:
            JournalError: journal, code and venue contradict each other.
        """
        self.desk = desk
        self._venue = venue
        self._journal = journal
        sent = fold_execution(desk, records)
        self.ordered = sent.ordered  # last close whose orders were carried out, of those with any
        self.known = self.resent = 0  # ids in doubt that the venue had, and that it had not
        if sent.pending is not None:
            self._reconcile(sent.pending, sent.client_order_ids)
        if sent.reported < venue.report.seq:
            self._book(venue.report)
        journal.commit()

    def _reconcile(self, orders: OrderBatch, client_order_ids: Sequence[str]) -> None:
        """Send what was written and never arrived; what the venue knows is only acknowledged."""
        self.known = sum(self._venue.has(one) for one in client_order_ids)
        if self._venue.accepted < orders.seq:
            if self.known:
                raise JournalError(
                    f"the venue knows {self.known} ids of close {orders.seq}, but not its orders"
                )
            self._venue.submit(orders, client_order_ids)
            self._venue.commit()
            self.resent = len(client_order_ids)
        self._accept(orders)

    def observe(self, batch: BarBatch) -> VenueReport:
        """Let the venue see a close; return its evidence once both sides have it on disk."""
        report = self._venue.observe(batch)
        self._venue.commit()
        self._book(report)
        return report

    def _book(self, report: VenueReport) -> None:
        """Make evidence durable; a close on which nothing happened leaves none."""
        if len(report.fills):
            self.desk.on_report(report)
            self._journal.append(report_record(report))
            self._journal.commit()

    def send(self, orders: OrderBatch) -> None:
        """Carry out the orders of one close; a number that was carried out changes nothing."""
        if orders.seq <= self.ordered:
            return
        if len(orders.intents):
            requests = self.desk.on_orders(orders)
            self._journal.append(orders_record(orders, requests))
            self._journal.commit()
            self._venue.submit(orders, [request.client_order_id for request in requests])
            self._venue.commit()
            self._accept(orders)
        self.ordered = orders.seq

    def _accept(self, orders: OrderBatch) -> None:
        # On disk with the next commit: until then the venue is asked, and knows.
        self._journal.append(accepted_record(orders.seq))
        self.desk.acknowledge_close(orders.close_ms)

    def settle(self) -> None:
        """Put on disk what could wait until a close was done."""
        self._journal.commit()
