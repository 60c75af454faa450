"""Crash both desks and the venue at every single write: nothing is lost and nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aster_ray.engine.durable import DurableExecution
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import read_journal
from aster_ray.engine.messages import OrderBatch, SignalBatch
from aster_ray.engine.wire import one_row
from aster_ray.errors import JournalError, RejectedError
from aster_ray.venues.paper import PaperVenue
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.engine.lives import (
    OPEN,
    CrashError,
    FragileJournal,
    Fuse,
    Scene,
    a_scene,
    close_all,
    everything,
    ids_at_venue,
)
from tests.factories import CAPITAL, a_request, a_setup


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield a_scene(tmp_path)
    close_all()


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
        for journal in OPEN:
            journal._pending.clear()  # what a dead process never wrote
        close_all()
        assert everything(torn.live(Fuse(), agreed=True)) == expected, f"crash at write {last}"
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
            for journal in OPEN:
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
    log = read_journal(scene.folder / "venue").records
    taken = max(index for index, record in enumerate(log) if record["kind"] == "orders")
    venue = PaperVenue(scene.setup, CAPITAL)
    venue.warm_up(scene.market)
    venue.restore(log[:taken])
    venue._client_order_ids.add(records[orders]["requests"][0]["client_order_id"])
    desk = ExecutionDesk(scene.market.symbols, scene.setup.strategies)
    journal = FragileJournal(scene.folder / "other", Fuse())
    OPEN.append(journal)
    with pytest.raises(JournalError, match="the venue knows 1 of the"):
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
        host.venue.submit(orders._replace(seq=orders.seq + 1, intents=intents), [a_request(known)])


def test_halves_of_different_closes_are_refused(scene: Scene) -> None:
    host = scene.open(Fuse())
    first, second, *_ = ReplayFeed(scene.market).batches()
    report = host.execution.observe(first)
    row = one_row(scene.signals, scene.market.start)
    with pytest.raises(JournalError, match="after close -1 came signals of 1"):
        host.risk.conclude(SignalBatch(second, row, 0), report)
    with pytest.raises(JournalError, match="to the strategies"):
        host.risk.conclude(SignalBatch(first._replace(close_ms=7), row, 0), report)


def test_orders_ahead_of_the_venue_are_refused(scene: Scene) -> None:
    host = scene.live(Fuse())
    orders = host.risk.latest
    assert orders is not None
    ahead = orders._replace(seq=orders.seq + 1)
    before = everything(host)
    with pytest.raises(JournalError, match=f"close {ahead.seq} came while the venue is at"):
        host.execution.send(ahead)
    assert everything(host) == before


def test_a_close_carried_out_is_not_carried_out_again_and_not_otherwise(scene: Scene) -> None:
    host = scene.live(Fuse())
    orders = host.execution._latest
    assert orders is not None
    before, ids = everything(host), ids_at_venue(scene.folder)
    host.execution.send(orders)
    intents = orders.intents.copy()
    intents["lots"] += 1
    with pytest.raises(JournalError, match=f"now decides otherwise on close {orders.seq}, whose"):
        host.execution.send(orders._replace(intents=intents))
    assert (everything(host), ids_at_venue(scene.folder)) == (before, ids)


def test_a_journal_that_concludes_otherwise_is_refused(scene: Scene) -> None:
    scene.live(Fuse())
    close_all()
    other = scene._replace(setup=a_setup(2, 2, taker_fee=0.0006, max_symbol=0.05))
    with pytest.raises(JournalError, match="concludes otherwise than recorded at close"):
        other.open(Fuse())
