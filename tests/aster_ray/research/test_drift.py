"""How executions are compared, and that the backtest's word is the paper venue's, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.engine.core import Engine, run_close
from aster_ray.engine.messages import VenueReport
from aster_ray.engine.strategy_desk import PreparedSignals
from aster_ray.kernel.books import records
from aster_ray.kernel.records import FILL
from aster_ray.model.enums import FillKind, Working
from aster_ray.research.drift import DriftMeter, Slot, by_slot
from aster_ray.research.prepare import prepare
from aster_ray.research.shadow import Shadow
from aster_ray.venues.replay import ReplayFeed
from tests.actors.sessions import a_request

LOTS = np.array([0.001, 0.1])
MARKET, STOP = Slot(FillKind.MARKET, 0), Slot(FillKind.STOP, 1)


def fills(*rows: tuple[FillKind, int, int, float], **fields: Any) -> np.ndarray:
    """Return FILL[F] from (kind, symbol, lots, price)."""
    found = records(len(rows), FILL)
    for fill, (kind, symbol, lots, price) in zip(found, rows, strict=True):
        fill["kind"], fill["symbol"], fill["lots"], fill["price"] = int(kind), symbol, lots, price
        fill["level"] = -1
        for name, value in fields.items():
            fill[name] = value
    return found


def report(seq: int, *rows: tuple[FillKind, int, int, float], **working: Working) -> VenueReport:
    said = np.array([working.get("first", 0), working.get("second", 0)], np.int8)
    return VenueReport(seq, seq * 1_000, fills(*rows), said if said.any() else said[:0])


def names(slot: Slot) -> list[str]:
    return [f"{slot.kind.name}-{slot.symbol}"]


def meter(patience: int = 1) -> DriftMeter:
    return DriftMeter(("BTCUSDT", "ETHUSDT"), LOTS, patience)


def test_the_shadow_of_the_risk_desks_book_is_the_paper_venue_bit_for_bit() -> None:
    prepared = prepare(a_request(6))
    signals = PreparedSignals(prepared.strategies, prepared.market)
    engine = Engine(signals, prepared.risk_desk(), prepared.execution_desk())
    venue, shadow, kinds = prepared.paper_venue(), Shadow(prepared.setup), set()
    for batch in ReplayFeed(prepared.market).batches():
        mirrored = shadow.fills(batch, [])
        _, said = run_close(engine, venue, batch)
        assert mirrored.tobytes() == said.fills.tobytes()
        kinds |= set(said.fills["kind"].tolist())
        shadow.remember(engine.risk.book)
    assert kinds >= {FillKind.MARKET, FillKind.STOP, FillKind.FUNDING, FillKind.LADDER_ENTRY}


def test_a_price_that_is_worse_for_us_is_positive_whichever_way_we_trade() -> None:
    one = meter()
    bought = (FillKind.MARKET, 0, 5, 100.0), (FillKind.MARKET, 0, 5, 100.1)
    (row,) = one.add(fills(bought[0]), report(1, bought[1]), names)
    assert row["bps"] == pytest.approx(10.0)
    assert (row["client_order_ids"], row["venue_lots"]) == (["MARKET-0"], 5)
    sold = (FillKind.STOP, 1, -3, 50.0), (FillKind.STOP, 1, -3, 50.1)
    (row,) = one.add(fills(sold[0]), report(2, sold[1]), names)
    assert row["bps"] == pytest.approx(-20.0)
    found = one.document()
    assert found["market"]["cost"] == pytest.approx(0.1 * 5 * 0.001)
    assert found["market"]["mean_bps"] == pytest.approx(10.0)
    assert found["intrabar"]["best_bps"] == found["intrabar"]["worst_bps"] == row["bps"]
    assert (found["only_venue"], found["only_paper"], found["waiting"]) == (0, 0, 0)
    assert list(one.recent)[-1] == row


def test_sleeves_are_compared_by_their_net_and_what_crosses_inside_is_no_order() -> None:
    parts = fills((FillKind.MARKET, 0, 5, 100.0), (FillKind.MARKET, 0, -5, 100.0))
    assert by_slot(parts) == {}
    parts = fills((FillKind.STOP, 1, 2, 10.0), (FillKind.STOP, 1, 6, 14.0))
    assert by_slot(parts) == {STOP: (8, 13.0)}
    limits = fills((FillKind.LADDER_ENTRY, 0, 2, 10.0), sleeve=3, level=4)
    assert by_slot(limits) == {Slot(FillKind.LADDER_ENTRY, 0, 3, 4): (2, 10.0)}


def test_a_market_order_that_works_is_waited_for_and_counted_once() -> None:
    one, paper = meter(), fills((FillKind.MARKET, 0, 5, 100.0))
    assert one.add(paper, report(1, first=Working.IN_DOUBT), names) == []
    assert (one.working, one.document()["waiting"]) == ([0], 1)
    assert one.add(fills(), report(2, first=Working.IN_DOUBT), names) == []
    done = report(3, (FillKind.MARKET, 0, 4, 101.0), first=Working.ENDED)
    (row,) = one.add(fills(), done, names)
    assert (row["venue_lots"], row["paper_lots"], row["paper_price"]) == (4, 5, 100.0)
    assert (row["bps"], one.working) == (pytest.approx(100.0), [])


def test_a_market_order_that_ends_without_an_execution_is_papers_alone() -> None:
    one, paper = meter(), fills((FillKind.MARKET, 0, 5, 100.0))
    one.add(paper, report(1, first=Working.IN_DOUBT), names)
    (row,) = one.add(fills(), report(2, first=Working.ENDED), names)
    assert (row["venue_lots"], row["bps"], row["close_ms"]) == (None, None, 1_000)
    assert one.document()["only_paper"] == 1


def test_a_stop_only_the_bar_has_is_told_once_however_long_it_is_expected() -> None:
    one, paper = meter(), fills((FillKind.STOP, 1, -3, 50.0))
    told = [one.add(paper, report(seq), names) for seq in range(1, 6)]
    assert [len(rows) for rows in told] == [0, 1, 0, 0, 0]
    (row,) = one.add(paper, report(6, (FillKind.STOP, 1, -3, 49.0)), names)
    assert row["bps"] == pytest.approx(200.0)
    assert one.add(fills(), report(7), names) == []
    assert len(one.add(paper, report(8), names) + one.add(paper, report(9), names)) == 1


def test_evidence_that_comes_a_close_later_meets_the_price_of_its_own_bar() -> None:
    one = meter()
    one.add(fills((FillKind.STOP, 1, -3, 50.0)), report(1), names)
    late = report(2, (FillKind.STOP, 1, -3, 49.5))
    (row,) = one.add(fills((FillKind.STOP, 1, -3, 40.0)), late, names)
    assert (row["paper_price"], row["bps"]) == (50.0, pytest.approx(100.0))


def test_an_execution_the_bar_has_not_is_the_venues_alone() -> None:
    one = meter()
    touched = report(1, (FillKind.TAKE_PROFIT, 0, -2, 120.0))
    (row,) = one.add(fills(), touched, names)
    assert (row["paper_lots"], row["bps"], one.document()["only_venue"]) == (None, None, 1)


def test_the_end_of_a_session_ends_the_waiting() -> None:
    one = meter()
    one.add(fills((FillKind.STOP, 1, -3, 50.0)), report(1), names)
    (row,) = one.rest()
    assert (row["paper_lots"], one.document()["only_paper"], one.rest()) == (-3, 1, [])


def test_settlements_are_summed_on_both_sides() -> None:
    one = meter()
    paid = fills((FillKind.FUNDING, 0, 5, 0.1), fee=1.5)
    there = VenueReport(1, 1_000, fills((FillKind.FUNDING, 0, 5, 0.1), fee=1.75))
    assert one.add(paid, there, names) == []
    assert one.document()["funding"] == {"venue": 1.75, "paper": 1.5, "difference": 0.25}
