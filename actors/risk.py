"""RiskActor: signals and venue evidence of one close in, its orders out, durable in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import structlog
from ray.exceptions import ActorDiedError

from actors.hops import TimedJournal
from actors.link import Latest, Watermark
from actors.shell import Shell
from actors.warm import warm_risk
from aster_ray import clock, topology
from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.command import Instruction
from aster_ray.engine.concluded import REMEDY, Concluded
from aster_ray.engine.durable import DurableRisk
from aster_ray.engine.failpoints import AFTER_ACK, AFTER_SEND
from aster_ray.engine.messages import SignalBatch, VenueReport
from aster_ray.engine.wire import pack_orders, unpack_report, unpack_signals
from aster_ray.errors import JournalError
from aster_ray.model.enums import TradingState, label
from aster_ray.research.session import RISK_JOURNAL

STRATEGY_TO_RISK = f"{topology.STRATEGY} -> {topology.RISK}"
EXECUTOR_TO_RISK = f"{topology.EXECUTOR} -> {topology.RISK}"

# To ask keeps the event loop busy for milliseconds: first the answer leaves that was waited for.
_ANSWER_LEAVES_S = 0.002


class RiskActor(Shell):
    """Join what strategies said with what the venue did, close by close; the journal's one writer.

    Both are asked for the close after the last one on disk: that is their acknowledgement, and who
    comes back says the same once more.
    """

    role = topology.RISK

    def open(self) -> None:
        """Rebuild the desk from the journal; an empty one is a start."""
        self._signals: dict[int, SignalBatch] = {}
        self._reports: dict[int, VenueReport] = {}
        self._arrived = asyncio.Event()
        self._heard_ns = clock.monotonic_ns()  # when the latest signals came
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
        self._decided = Latest(self.reached, AFTER_SEND)
        if self._risk.latest is not None:
            self._decided.put(self.progress, pack_orders(self._risk.latest))

    async def work(self) -> None:
        """Conclude every close whose two halves are here, in order."""
        self.attend(self._hear(topology.STRATEGY, self._take_signals))
        self.attend(self._hear(topology.EXECUTOR, self._take_report))
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
                # First: the venue waits for them, and nobody for what follows.
                self._decided.put(orders.seq, pack_orders(orders))
                self.durable.raise_to(orders.seq)
                continue
            self._arrived.clear()
            await self._arrived.wait()

    async def _hear(self, role: str, take: Callable[[bytes, int], int]) -> None:
        """Have an actor say its word on close after close; ask for the next once one is durable."""
        with contextlib.suppress(ActorDiedError):  # for good, and the supervisor says so
            words = self.peer(role).follow(self.role, lambda: (self.durable.value + 1,))
            async for data, sent_ns in words:
                await self.durable.reach(take(data, sent_ns))
                await asyncio.sleep(_ANSWER_LEAVES_S)

    def _take_signals(self, data: bytes, sent_ns: int) -> int:
        """Take the strategies' word on one close; return which."""
        with self.stages.timed("risk: read signals"):
            signals = unpack_signals(data)
        seq = signals.batch.seq
        self.arrived(STRATEGY_TO_RISK, seq, sent_ns)
        if seq > self.durable.value + 1:
            raise JournalError(
                f"the risk journal ends at close {self.durable.value}, but the strategies are at "
                f"{seq}: records that they know of are missing; {REMEDY}"
            )
        self._signals[seq] = signals
        self._heard_ns = clock.monotonic_ns()
        self._arrived.set()
        return seq

    def _take_report(self, data: bytes, sent_ns: int) -> int:
        """Take the venue's evidence on one close; return which."""
        report = unpack_report(data)
        self.arrived(EXECUTOR_TO_RISK, report.seq, sent_ns)
        self._risk.expect(report)
        self._reports[report.seq] = report
        self._arrived.set()
        return report.seq

    async def _hold(self) -> None:
        """Have what algorithms are about to open stopped at once, not only at the next close."""
        with contextlib.suppress(ActorDiedError):
            await self.peer(topology.EXECUTOR).ask("hold")

    async def concluded(self) -> Concluded:
        """Return what the journal holds; an executor that comes back must know of all of it."""
        await self.ready.wait()
        return self._risk.concluded

    async def recorded(self) -> int:
        """Return the last close that is durable; -1 for none."""
        await self.ready.wait()
        return self.durable.value

    async def next(self, _reader: str, seq: int) -> tuple[bytes, int]:
        """Return (orders, time of sending) of close ``seq`` or a later one, once they are durable.

        Asking for those of a close says that those of all before it were carried out.
        """
        await self.ready.wait()
        self.reached(AFTER_ACK, seq - 1)
        return await self._decided.since(seq)

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
