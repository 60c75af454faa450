"""RiskActor: signals and venue evidence of one close in, its orders out, durable in between."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog
from ray.exceptions import ActorDiedError

from actors.hops import TimedJournal
from actors.link import Watermark
from actors.shell import Shell
from actors.warm import warm_risk
from aster_ray import clock, topology
from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.command import Instruction
from aster_ray.engine.concluded import Concluded
from aster_ray.engine.durable import DurableRisk
from aster_ray.engine.failpoints import AFTER_ACK, AFTER_SEND
from aster_ray.engine.messages import OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.wire import pack_orders, unpack_report, unpack_signals
from aster_ray.model.enums import TradingState, label
from aster_ray.research.session import RISK_JOURNAL

STRATEGY_TO_RISK = f"{topology.STRATEGY} -> {topology.RISK}"
EXECUTOR_TO_RISK = f"{topology.EXECUTOR} -> {topology.RISK}"


class RiskActor(Shell):
    """Join what strategies said with what the venue did, close by close; the journal's one writer.

    Both senders are acknowledged once the close is on disk, and send again until they are.
    """

    role = topology.RISK

    def open(self) -> None:
        """Rebuild the desk from the journal; an empty one is a start."""
        self._signals: dict[int, SignalBatch] = {}
        self._reports: dict[int, VenueReport] = {}
        self._arrived = asyncio.Event()
        self._heard_ns = clock.monotonic_ns()  # when the latest signals came
        self._outbox: asyncio.Queue[OrderBatch] = asyncio.Queue()
        prepared = self.session.prepare()
        warm_risk(prepared)
        journal, market = self.journal(RISK_JOURNAL), prepared.market
        self._risk = DurableRisk(
            prepared.risk_desk(),
            TimedJournal(journal, self.stages, "risk"),
            journal.recover(),
            lambda: anchor_record(market.rows(0, market.start), prepared.setup),
            self.reached,
        )
        self.progress = self._risk.recorded
        self.durable = Watermark(self.progress)

    async def work(self) -> None:
        """Conclude every close whose two halves are here, in order."""
        self.attend(self._send())
        self._resend()
        while True:
            seq = self.durable.value + 1
            if seq in self._signals and seq in self._reports:
                signals, report = self._signals.pop(seq), self._reports.pop(seq)
                self.stages.took(
                    "risk: wait for the venue's evidence", clock.monotonic_ns() - self._heard_ns
                )
                with self.stages.timed("risk: conclude, all of it"):
                    orders = self._risk.conclude(signals, report)
                self.progress = orders.seq
                self._outbox.put_nowait(orders)  # first: nobody waits for the answers below
                self.durable.raise_to(orders.seq)
                continue
            self._arrived.clear()
            await self._arrived.wait()

    async def _send(self) -> None:
        executor = self.peer(topology.EXECUTOR)
        while True:
            orders = await self._outbox.get()
            data = pack_orders(orders)
            await executor.ask("on_orders", data, number=orders.seq, sent=AFTER_SEND)
            self.reached(AFTER_ACK, orders.seq)

    async def _hold(self) -> None:
        """Have what algorithms are about to open stopped at once, not only at the next close."""
        with contextlib.suppress(ActorDiedError):
            await self.peer(topology.EXECUTOR).ask("hold")

    def _resend(self) -> None:
        """Hand over the last orders again: whether they arrived is not known."""
        if self._risk.latest is not None:
            self._outbox.put_nowait(self._risk.latest)

    async def concluded(self, _sent_ns: int) -> Concluded:
        """Return what the journal holds; an executor that comes back must know of all of it."""
        await self.ready.wait()
        return self._risk.concluded

    async def recorded(self, _sent_ns: int) -> int:
        """Return the last close that is durable; -1 for none."""
        await self.ready.wait()
        return self.durable.value

    async def on_signals(self, data: bytes, sent_ns: int) -> int:
        """Take the strategies' word on one close; return once it is durable."""
        await self.ready.wait()
        with self.stages.timed("risk: read signals"):
            signals = unpack_signals(data)
        seq = signals.batch.seq
        self.arrived(STRATEGY_TO_RISK, seq, sent_ns)
        if seq > self.durable.value:
            self._signals.setdefault(seq, signals)
            self._heard_ns = clock.monotonic_ns()
            self._arrived.set()
        await self.durable.reach(seq)
        return self.durable.value

    async def on_report(self, data: bytes, sent_ns: int) -> int:
        """Take the venue's evidence on one close; return once it is durable."""
        await self.ready.wait()
        report = unpack_report(data)
        self.arrived(EXECUTOR_TO_RISK, report.seq, sent_ns)
        self._risk.expect(report)
        if report.seq > self.durable.value:
            self._reports.setdefault(report.seq, report)
            self._arrived.set()
        else:
            # The executor would not ask again if it had the orders that followed.
            self._resend()
        await self.durable.reach(report.seq)
        return self.durable.value

    async def on_command(self, key: str, state: int, who: str, reason: str) -> dict[str, Any]:
        """Take an operator's word; it is on disk and in force from the next close on.

        Not among the control methods: those have a thread of their own, and this one must come
        between two closes.
        """
        await self.ready.wait()
        instruction = Instruction(key, TradingState(state), who, reason)
        before = label(self._risk.desk.state)
        command = self._risk.obey(instruction, clock.LiveClock().now_ms())
        if command is not None:
            if self._risk.desk.state != TradingState.ACTIVE:
                self.attend(self._hold())
            structlog.get_logger().info(
                "command", number=command.number, state=label(TradingState(state)), who=who
            )
        return {
            "state": label(self._risk.desk.state),
            "before": before,
            "number": None if command is None else command.number,
            "seq": None if command is None else command.seq,
        }
