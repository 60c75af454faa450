"""Crash both desks and the venue at every single write: nothing is lost and nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.durable import DurableExecution, DurableRisk
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import FileJournal, read_journal
from aster_ray.engine.messages import OrderBatch, SignalBatch
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.wire import one_row
from aster_ray.errors import JournalError, RejectedError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup, SignalColumns
from aster_ray.venues.paper import PaperVenue
from aster_ray.venues.replay import ReplayFeed
from tests.factories import CAPITAL, a_market, a_setup, random_signals


class CrashError(Exception):
    """The process ends here."""


class Fuse:
    """Let a number of writes pass, then end the process: before the write, or right after it."""

    def __init__(self, writes: int | None = None, *, after: bool = False) -> None:
        self.left = writes
        self.after = after

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
        super().commit()


_OPEN: list[FragileJournal] = []


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
        journals = [FragileJournal(self.folder / name, fuse) for name in ("risk", "venue", "sent")]
        risk, log, sent = journals
        desk, venue = RiskDesk(self.setup, CAPITAL), PaperVenue(self.setup, CAPITAL, log=log)
        desk.warm_up(self.market)
        venue.warm_up(self.market)
        venue.restore(log.take_records())
        history = self.market.rows(0, self.market.start)
        execution = ExecutionDesk(self.market.symbols, self.setup.strategies)
        try:
            return Host(
                DurableRisk(
                    desk, risk, risk.take_records(), lambda: anchor_record(history, self.setup)
                ),
                venue,
                DurableExecution(execution, venue, sent, sent.take_records()),
            )
        finally:
            _OPEN[:] = journals

    def live(self, fuse: Fuse) -> Host:
        """Carry on from wherever the journals end, the way the actors do, to the last close."""
        host = self.open(fuse)
        feed = ReplayFeed(self.market)
        for batch in feed.batches(max(0, host.venue.observed)):
            report = host.venue.report
            if report.seq != batch.seq:
                report = host.execution.observe(batch)
            orders = host.risk.latest
            if orders is None or orders.seq < batch.seq:
                row = one_row(self.signals, self.market.start + batch.seq)
                orders = host.risk.conclude(SignalBatch(batch, row, 0), report)
            host.execution.send(orders)
            host.execution.send(orders)  # sent again: harmless
            host.execution.settle()
        return host


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    market = a_market(34, 2, 11, volatility=0.03)
    signals = random_signals(market, 2, 11, ladders=True, busy=0.5)
    yield Scene(market, a_setup(2, 2, taker_fee=0.0006), signals, tmp_path)
    for journal in _OPEN:
        journal.close()


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
    for journal in _OPEN:
        journal.close()
    _OPEN.clear()


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_changes_nothing(scene: Scene, tmp_path: Path, after: bool) -> None:
    counting = Fuse(10_000)
    calm = scene._replace(folder=tmp_path / "calm")
    expected = everything(calm.live(counting))
    close_all()
    ids = ids_at_venue(calm.folder)
    assert len(ids) == len(set(ids)) > 10
    assert counting.left is not None
    writes = 10_000 - counting.left
    assert writes > 80
    for last in range(writes):
        torn = scene._replace(folder=tmp_path / f"torn{last}")
        with pytest.raises(CrashError):
            torn.live(Fuse(last, after=after))
        for journal in _OPEN:
            journal._pending.clear()  # what a dead process never wrote
        close_all()
        assert everything(torn.live(Fuse())) == expected, f"crash at write {last}"
        close_all()
        assert ids_at_venue(torn.folder) == ids, f"crash at write {last}"


def test_a_session_that_crashes_again_and_again_gets_there(scene: Scene, tmp_path: Path) -> None:
    expected = everything(scene._replace(folder=tmp_path / "calm").live(Fuse()))
    close_all()
    lives = 0
    while True:
        lives += 1
        try:
            host = scene.live(Fuse(5, after=lives % 2 == 0))
        except CrashError:
            for journal in _OPEN:
                journal._pending.clear()
            close_all()
        else:
            break
    assert lives > 10
    assert everything(host) == expected
    ids = ids_at_venue(scene.folder)
    assert len(ids) == len(set(ids))


def test_orders_the_venue_half_knows_stop_trading(scene: Scene) -> None:
    host = scene.live(Fuse())
    close_all()
    records = read_journal(scene.folder / "sent").records
    orders = max(index for index, record in enumerate(records) if record["kind"] == "orders")
    venue = PaperVenue(scene.setup, CAPITAL)
    venue._client_order_ids.update(records[orders]["requests"][0].values())  # type: ignore[attr-defined]
    desk = ExecutionDesk(scene.market.symbols, scene.setup.strategies)
    journal = FragileJournal(scene.folder / "other", Fuse())
    _OPEN.append(journal)
    with pytest.raises(JournalError, match="the venue knows 1 ids"):
        DurableExecution(desk, venue, journal, records[: orders + 1])
    assert host.venue.observed == len(scene.market) - scene.market.start - 1


def test_the_venue_refuses_an_id_it_has_seen(scene: Scene) -> None:
    host = scene.live(Fuse())
    (known, *_) = ids_at_venue(scene.folder)
    assert host.venue.has(known)
    orders: OrderBatch | None = host.risk.latest
    assert orders is not None
    intents = host.risk.desk.book.intents[:1]
    with pytest.raises(RejectedError, match=known):
        host.venue.submit(orders._replace(seq=orders.seq + 1, intents=intents), [known])


def test_halves_of_different_closes_are_refused(scene: Scene) -> None:
    host = scene.open(Fuse())
    first, second, *_ = ReplayFeed(scene.market).batches()
    report = host.execution.observe(first)
    row = one_row(scene.signals, scene.market.start)
    with pytest.raises(JournalError, match="after close -1 came signals of 1"):
        host.risk.conclude(SignalBatch(second, row, 0), report)
    with pytest.raises(JournalError, match="to the strategies"):
        host.risk.conclude(SignalBatch(first._replace(close_ms=7), row, 0), report)


def test_a_journal_that_concludes_otherwise_is_refused(scene: Scene) -> None:
    scene.live(Fuse())
    close_all()
    other = scene._replace(setup=a_setup(2, 2, taker_fee=0.0006, max_symbol=0.05))
    with pytest.raises(JournalError, match="concludes otherwise than recorded at close"):
        other.open(Fuse())
