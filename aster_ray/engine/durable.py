"""The two desks with their journals: nothing is said before it is on disk.

A desk that starts and one that starts again take the same way: the fold of the journal, empty or
not. What a crash may have left open is settled with the venue, which is asked and never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from aster_ray.engine.chronicle import (
    Close,
    Sent,
    accepted_record,
    close_record,
    closes_of,
    fold_execution,
    fold_risk,
    orders_record,
    report_record,
    same_orders,
)
from aster_ray.engine.command import (
    Command,
    Instruction,
    command_record,
    commands_of,
    keep_commands,
    next_state,
)
from aster_ray.engine.concluded import REMEDY, Concluded
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.failpoints import (
    AFTER_ACK,
    AFTER_JOURNAL,
    AFTER_SEND,
    BEFORE_JOURNAL,
    EVIDENCE_AFTER_JOURNAL,
    EVIDENCE_BEFORE_JOURNAL,
    VENUE_BEFORE_LOG,
    Reached,
    pass_by,
)
from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.ports import DurableExecutionPort, JournalPort
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.errors import JournalError
from aster_ray.model.order import OrderRequest

# Read once, one at a time: a journal may be longer than memory.
Records = Iterable[dict[str, Any]]


class DurableRisk:
    """A risk desk whose conclusions are on disk before anybody hears of them."""

    def __init__(
        self,
        desk: RiskDesk,
        journal: JournalPort,
        records: Records,
        anchor: Callable[[], dict[str, object]],
        reached: Reached = pass_by,
    ) -> None:
        """Fold ``records``, which ``journal`` holds already; write ``anchor`` if there are none."""
        self.desk = desk
        self._journal = journal
        self._reached = reached
        self.latest: OrderBatch | None = None
        self.concluded = Concluded()
        self.commands: list[Command] = []
        stream = iter(records)
        first = next(stream, None)
        if first is None:
            journal.append(anchor())
            journal.commit()
            return
        told: list[dict[str, Any]] = []
        for close in fold_risk(desk, closes_of(keep_commands(chain([first], stream), told))):
            self.latest = close.orders
            self.concluded = self.concluded.then(close.report, close.orders)
        self.commands = commands_of(told)
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

    def expect(self, report: VenueReport) -> None:
        """Refuse evidence of a close that cannot be the next.

        Raises:
            JournalError: the venue has seen closes that the journal does not hold. No crash leaves
                that: orders left only after their record was on disk.
        """
        if report.seq > self.recorded + 1:
            raise JournalError(
                f"the risk journal ends at close {self.recorded}, but the venue has seen close "
                f"{report.seq}: records that orders came from are missing; {REMEDY}"
            )

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
        self._reached(BEFORE_JOURNAL, batch.seq)
        self._journal.append(close_record(Close(signals, report, orders)))
        self._journal.commit()
        self._reached(AFTER_JOURNAL, batch.seq)
        self.latest = orders
        self.concluded = self.concluded.then(report, orders)
        return orders


class DurableExecution:
    """An execution desk that writes first, then sends, and asks before it sends again."""

    def __init__(
        self,
        desk: ExecutionDesk,
        venue: DurableExecutionPort,
        journal: JournalPort,
        records: Records,
        reached: Reached = pass_by,
    ) -> None:
        """Fold ``records``, which ``journal`` holds already, and settle what they leave open.

        Raises:
            JournalError: journal, code and venue contradict each other.
        """
        self.desk = desk
        self._venue = venue
        self._journal = journal
        self._reached = reached
        sent = fold_execution(desk, records)
        self._refuse_a_loss(sent)
        self.ordered = sent.ordered  # last close whose orders were carried out, of those with any
        self._latest = sent.latest
        self.known = self.resent = 0  # ids in doubt that the venue had, and that it had not
        if sent.pending is not None:
            in_doubt = desk.in_flight()
            self.known = sum(venue.has(one.client_order_id) for one in in_doubt)
            self.resent = len(in_doubt) - self.known
            self._hand_over(sent.pending, in_doubt)
        if sent.reported < venue.report.seq:
            self._book(venue.report)
        journal.commit()

    def _refuse_a_loss(self, sent: Sent) -> None:
        """Go on only from what a crash can leave: at most the last step not written by one side.

        Raises:
            JournalError: this journal or the venue's lacks records that the other acted on.
        """
        venue = self._venue
        orders, evidence = venue.batches - sent.batches, venue.evidence - sent.reports
        in_doubt = int(sent.pending is not None)
        ahead = max(sent.ordered, sent.reported) > venue.report.seq
        if ahead or orders < -in_doubt or evidence < 0:
            raise JournalError(
                f"the venue's log ends at close {venue.report.seq} and lacks what the executor's "
                f"journal says it did; {REMEDY}"
            )
        # The risk desk hands over once more only its last orders, the venue tells only of its last
        # close; both belong to the close under way.
        orders_again = int(venue.accepted == venue.report.seq)
        evidence_again = int(not venue.report.is_empty)
        if orders > orders_again or evidence > evidence_again:
            raise JournalError(
                f"the executor's journal ends at orders of close {sent.ordered}, but the venue has "
                f"taken orders of close {venue.accepted} and seen close {venue.report.seq}: "
                f"records between are missing; {REMEDY}"
            )

    def agree(self, told: Concluded) -> None:
        """Begin only with all that the risk desk's journal says was done; nothing was sent yet.

        Raises:
            JournalError: records are gone.
        """
        told.require(self._venue)

    def observe(self, batch: BarBatch) -> VenueReport:
        """Let the venue see a close; return its evidence once both sides have it on disk."""
        report = self._venue.observe(batch)
        self._venue.commit()
        self._reached(EVIDENCE_BEFORE_JOURNAL, report.seq)
        self._book(report)
        self._reached(EVIDENCE_AFTER_JOURNAL, report.seq)
        return report

    def _book(self, report: VenueReport) -> None:
        """Make evidence durable; a close on which nothing happened leaves none."""
        if not report.is_empty:
            self.desk.on_report(report)
            self._journal.append(report_record(report))
            self._journal.commit()

    def send(self, orders: OrderBatch) -> None:
        """Carry out the orders of one close; a number that was carried out changes nothing.

        Raises:
            JournalError: that number was carried out with other orders, or the venue has not seen
                its close.
        """
        if orders.seq > self._venue.report.seq:
            raise JournalError(
                f"orders of close {orders.seq} came while the venue is at {self._venue.report.seq}"
            )
        if orders.seq <= self.ordered:
            known = self._latest
            if known is not None and known.seq == orders.seq and not same_orders(known, orders):
                raise JournalError(
                    f"the risk desk now decides otherwise on close {orders.seq}, whose orders left "
                    "already: its journal or its code has changed"
                )
            return
        if len(orders.intents):
            requests = self.desk.on_orders(orders)
            self._reached(BEFORE_JOURNAL, orders.seq)
            self._journal.append(orders_record(orders, requests))
            self._journal.commit()
            self._reached(AFTER_JOURNAL, orders.seq)
            self._hand_over(orders, requests)
            self._latest = orders
        self.ordered = orders.seq

    def _hand_over(self, orders: OrderBatch, requests: Sequence[OrderRequest]) -> None:
        """Send what was written unless it arrived before; what did is only acknowledged."""
        venue, seq = self._venue, orders.seq
        known = sum(venue.has(request.client_order_id) for request in requests)
        arrived = venue.accepted >= seq
        if known != len(requests) * arrived:
            raise JournalError(
                f"the venue knows {known} of the {len(requests)} ids of close {seq} and "
                f"has {'' if arrived else 'not '}taken its orders: it and the executor's journal "
                "contradict each other"
            )
        if not arrived:
            venue.submit(orders, requests)
            self._reached(VENUE_BEFORE_LOG, seq)
            venue.commit()
        self._reached(AFTER_SEND, seq)
        # On disk with the next commit: until then the venue is asked, and knows.
        self._journal.append(accepted_record(seq))
        self.desk.acknowledge_close(orders.close_ms)
        self._reached(AFTER_ACK, seq)

    def settle(self) -> None:
        """Put on disk what could wait until a close was done."""
        self._journal.commit()
