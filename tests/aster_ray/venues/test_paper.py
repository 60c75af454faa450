from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.engine.journal import read_journal
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.errors import JournalError, RejectedError
from aster_ray.kernel.records import LONG, Book, Setup
from aster_ray.venues.paper import PaperVenue
from tests.factories import (
    CAPITAL,
    Session,
    a_bar,
    a_busy_scene,
    a_request,
    a_setup,
    an_open_journal,
    an_open_setup,
    says,
)

SETUP = {"taker_fee": 0.0006, "maker_fee": 0.0002, "slippage": 0.0005, "recentre_bars": 6}


def everything(book: Book) -> list[bytes]:
    return [column.tobytes() for column in book]


class Memory:
    """A journal that keeps its records, and the venue's books beside each of them."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []

    def append(self, record: dict[str, object]) -> None:
        self.records.append(record)

    def commit(self) -> None:
        """Do nothing: memory is durable enough here."""


def restored(setup: Setup, warm: Any, records: list[dict[str, object]]) -> PaperVenue:
    venue = PaperVenue(setup, CAPITAL)
    venue.warm_up(warm)
    venue.restore(records)
    return venue


def test_a_cut_between_any_two_records_restores_the_account_bit_for_bit() -> None:
    setup, log = a_setup(2, 2, **SETUP), Memory()
    session, market, _ = scene = a_busy_scene(80, 5, setup, busy=0.4, log=log)
    books: dict[int, list[bytes]] = {}
    steps = scene.steps()
    observe = session.venue.observe

    def watched(batch: BarBatch) -> VenueReport:
        report = observe(batch)
        books[len(log.records)] = everything(session.venue.book)
        return report

    session.venue.observe = watched  # type: ignore[method-assign]
    for _ in steps:
        books[len(log.records)] = everything(session.venue.book)
    assert len(books) > 100
    assert session.account["fees"] > 0.0
    for cut, book in books.items():
        assert everything(restored(setup, market, log.records[:cut]).book) == book


def test_a_restored_venue_goes_on_as_if_nothing_had_happened() -> None:
    setup, log = a_setup(2, 1, **SETUP), Memory()
    scene = a_busy_scene(80, 6, setup, ladders=False, busy=0.4, log=log)
    session, market, signals = scene
    for closed in scene.steps():
        if closed.orders.seq == 30:
            before = session.venue.report
            session.venue = restored(setup, market, list(log.records))
            assert session.venue.observed == session.next_seq - 1
            assert session.venue.report.fills.tobytes() == before.fills.tobytes()
    undisturbed = Session(setup)
    undisturbed.run(market, signals)
    assert everything(session.venue.book) == everything(undisturbed.venue.book)


def test_the_log_survives_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "venue.journal"
    setup = an_open_setup(enabled=0)
    log = an_open_journal(path)
    session = Session(setup, log=log)
    session.close(a_bar(100.0), says(code=LONG))
    session.venue.commit()
    whole = path.stat().st_size
    session.close(a_bar(101.0))
    log.close()
    data = path.read_bytes()
    for cut in (whole, whole + 1, len(data) - 1):
        path.write_bytes(data[:cut])
        venue = PaperVenue(setup, CAPITAL)
        venue.restore(read_journal(path).records)
        assert venue.observed == 0
        assert venue.book.sleeves[0]["order_lots"] == 10_000
        # the executor asks for that close again: the fill happens once
        report = venue.observe(session.batch(a_bar(101.0))._replace(seq=1))
        assert report.fills["lots"].tolist() == [10_000]


def test_a_record_that_is_none_of_the_venues_stops_the_recovery() -> None:
    """Passed over, it would leave an account that nobody traded."""
    venue = PaperVenue(an_open_setup(), CAPITAL)
    with pytest.raises(JournalError, match="a record of kind 'close', which it never writes"):
        venue.restore([{"kind": "close", "seq": 0}])


def test_without_a_log_a_commit_changes_nothing() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    before = everything(session.venue.book)
    session.venue.commit()
    assert everything(session.venue.book) == before


def test_a_close_seen_twice_is_matched_once() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    batch = session.batch(a_bar(101.0))
    first = session.venue.observe(batch)
    again = session.venue.observe(batch)
    assert first is again
    assert session.venue.book.positions[0]["lots"] == 10_000
    assert session.venue.book.account[0]["fill_count"] == 1


def test_a_close_out_of_order_is_refused() -> None:
    session = Session(an_open_setup(enabled=0))
    with pytest.raises(JournalError, match="venue saw close -1, then 3"):
        session.venue.observe(session.batch(a_bar(100.0))._replace(seq=3))


def test_orders_handed_over_twice_rest_once() -> None:
    session = Session(an_open_setup(enabled=0))
    orders = session.close(a_bar(100.0), says(code=LONG)).orders
    session.venue.book.sleeves["order_lots"] = 0
    session.venue.submit(orders)
    assert session.venue.book.sleeves[0]["order_lots"] == 0


def test_a_client_order_id_is_accepted_once() -> None:
    session = Session(an_open_setup(enabled=0))
    orders = session.close(a_bar(100.0), says(code=LONG)).orders

    def later(seq: int) -> OrderBatch:
        return orders._replace(seq=seq)

    session.venue.submit(later(1), [a_request("ar-a"), a_request("ar-b")])
    assert session.venue.has("ar-a")
    assert not session.venue.has("ar-c")
    with pytest.raises(RejectedError, match="ar-b"):
        session.venue.submit(later(2), [a_request("ar-b")])
    assert session.venue.accepted == 1


def test_its_state_is_its_own() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    session.close(a_bar(100.0))
    session.book.sleeves["lots"] = 0
    session.book.positions["lots"] = 0
    assert session.venue.book.positions[0]["lots"] == 10_000
    assert np.shares_memory(session.book.sleeves, session.venue.book.sleeves) is False
