"""The three durable parties of a session in one process, which may end at any write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.durable import DurableExecution, DurableRisk
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import FileJournal, read_journal
from aster_ray.engine.messages import SignalBatch
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.wire import one_row
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup, SignalColumns
from aster_ray.venues.paper import PaperVenue
from aster_ray.venues.replay import ReplayFeed
from tests.factories import CAPITAL, a_market, a_setup, random_signals

NAMES = ("risk", "venue", "sent")


class CrashError(Exception):
    """The process ends here."""


class Fuse:
    """Let a number of writes pass, then end the process: before the write, or right after it."""

    def __init__(
        self,
        writes: int | None = None,
        *,
        after: bool = False,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        self.left = writes
        self.after = after
        self.written = written

    def burns(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


class FragileJournal(FileJournal):
    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self._fuse = fuse

    def commit(self) -> None:
        if self._pending and self._fuse.burns():
            if self._fuse.after:
                super().commit()
            self._pending.clear()
            raise CrashError
        writes = bool(self._pending)
        super().commit()
        if writes:
            self._fuse.written()


OPEN: list[FragileJournal] = []


class Host(NamedTuple):
    """One life of all processes."""

    risk: DurableRisk
    venue: PaperVenue
    execution: DurableExecution


class Scene(NamedTuple):
    """What is traded, and where the journals lie."""

    market: Market
    setup: Setup
    signals: SignalColumns
    folder: Path

    def open(self, fuse: Fuse) -> Host:
        journals = [FragileJournal(self.folder / name, fuse) for name in NAMES]
        risk, log, sent = journals
        desk, venue = RiskDesk(self.setup, CAPITAL), PaperVenue(self.setup, CAPITAL, log=log)
        desk.warm_up(self.market)
        venue.warm_up(self.market)
        venue.restore(log.recover())
        history = self.market.rows(0, self.market.start)
        execution = ExecutionDesk(self.market.symbols, self.setup.strategies)
        try:
            return Host(
                DurableRisk(desk, risk, risk.recover(), lambda: anchor_record(history, self.setup)),
                venue,
                DurableExecution(execution, venue, sent, sent.recover()),
            )
        finally:
            OPEN[:] = journals

    def live(self, fuse: Fuse, *, agreed: bool = False) -> Host:
        """Carry on from wherever the journals end, the way the actors do, to the last close."""
        host = self.open(fuse)
        if agreed:
            host.execution.agree(host.risk.concluded)
        feed = ReplayFeed(self.market)
        for batch in feed.batches(max(0, host.venue.observed)):
            report = host.venue.report
            if report.seq != batch.seq:
                report = host.execution.observe(batch)
            host.risk.expect(report)
            orders = host.risk.latest
            if orders is None or orders.seq < batch.seq:
                row = one_row(self.signals, self.market.start + batch.seq)
                orders = host.risk.conclude(SignalBatch(batch, row, 0), report)
            if orders.seq == batch.seq:
                host.execution.send(orders)
                host.execution.send(orders)  # sent again: harmless
            host.execution.settle()
        return host


def a_scene(folder: Path, rows: int = 34) -> Scene:
    """Return a busy scene of 24 closes whose journals lie in ``folder``."""
    market = a_market(rows, 2, 11, volatility=0.03)
    signals = random_signals(market, 2, 11, ladders=True, busy=0.5)
    return Scene(market, a_setup(2, 2, taker_fee=0.0006), signals, folder)


def everything(host: Host) -> tuple[object, ...]:
    return (
        [column.tobytes() for column in host.risk.desk.book],
        [column.tobytes() for column in host.venue.book],
        repr(host.execution.desk.orders),
    )


def ids_at_venue(folder: Path) -> list[str]:
    return [
        one
        for record in read_journal(folder / "venue").records
        if record["kind"] == "orders"
        for one in record["client_order_ids"]  # type: ignore[attr-defined]
    ]


def close_all() -> None:
    for journal in OPEN:
        journal.close()
    OPEN.clear()
