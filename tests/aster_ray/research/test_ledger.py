"""The read model agrees with the desks it reads about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aster_ray.engine.chronicle import anchor_record, close_record
from aster_ray.engine.command import Command, Instruction, command_record
from aster_ray.engine.durable import Close
from aster_ray.engine.journal import frame
from aster_ray.engine.journal_tail import JournalTail
from aster_ray.model.enums import TradingState
from aster_ray.research.ledger import Ledger
from tests.factories import CAPITAL, a_busy_scene, a_setup, an_open_journal


def test_positions_money_and_denials_are_those_of_the_risk_desk() -> None:
    setup = a_setup(2, 2, taker_fee=0.0006)
    session, market, _ = scene = a_busy_scene(
        160, 7, setup, volatility=0.02, ladders=False, busy=0.4
    )
    names = [(name, n) for n in range(2) for name in ("one", "two")]
    ledger = Ledger(market.symbols, names, setup.rules["lot"], CAPITAL)
    ledger.add_close(anchor_record(market.rows(0, market.start), setup))
    held = 0
    for closed in scene.steps():
        ledger.add_close(close_record(Close(closed.said, closed.report, closed.orders)))
        shown = ledger.snapshot()
        rows = {(row["symbol"], row["strategy"]): row for row in shown["positions"]}
        for i, sleeve in enumerate(session.book.sleeves):
            strategy, n = names[i]
            row = rows.pop((market.symbols[n], strategy), None)
            assert (row is not None) == (sleeve.lots != 0)
            if row is not None:
                held += 1
                assert row["qty"] == pytest.approx(sleeve.lots * 0.001)
                assert row["entry_price"] == pytest.approx(sleeve.entry_price)
                stop = np.nan if row["stop"] is None else row["stop"]
                # What rests at the venue: a desk that closes at market moves its stop no more.
                np.testing.assert_equal(stop, session.venue.book.sleeves[i].stop)
                assert row["mark_price"] == session.book.positions[n].mark
        assert not rows
        assert shown["equity"] == session.account.equity
        assert shown["closes"] == closed.orders.seq + 1
        assert shown["day_profit"] == session.account.equity - session.account.day_equity
    assert held > 50
    assert shown["denials"] == session.risk.denials()
    assert shown["fees"] == pytest.approx(session.account.fees)
    assert shown["funding"] == pytest.approx(session.account.funding)
    assert shown["profit"] == pytest.approx(session.account.equity - CAPITAL)
    assert 0.0 < shown["max_drawdown"] < 1.0
    assert shown["signals"]
    assert shown["last_denials"]
    assert shown["state"] in ("active", "halted")


def test_a_command_shows_before_the_next_close() -> None:
    ledger = Ledger(("BTCUSDT",), [("one", 0)], np.array([0.001]), CAPITAL)
    paused = Instruction("k", TradingState.REDUCING, "ann", "news")
    ledger.add_close(command_record(Command(1, 7, 1_000, paused)))
    shown = ledger.snapshot()
    assert shown["state"] == "reducing"
    assert shown["commands"] == [
        {
            "number": 1,
            "asked_ms": 1_000,
            "close": 7,
            "state": "reducing",
            "who": "ann",
            "reason": "news",
        }
    ]


def test_orders_are_counted_as_they_are_sent() -> None:
    ledger = Ledger(("BTCUSDT",), [("one", 0)], np.array([0.001]), CAPITAL)
    assert ledger.snapshot()["orders"] == 0
    ledger.add_sent({"kind": "orders", "requests": [{}, {}]})
    ledger.add_sent({"kind": "accepted"})
    assert ledger.snapshot()["orders"] == 2


def test_a_tail_reads_each_record_once_and_waits_for_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    tail = JournalTail(path)
    assert list(tail.new_records()) == []
    journal = an_open_journal(path)
    journal.append({"kind": "x", "seq": 0})
    journal.commit()
    journal.close()
    assert list(tail.new_records()) == [{"kind": "x", "seq": 0}]
    assert list(tail.new_records()) == []
    line = frame({"kind": "x", "seq": 1})
    with path.open("ab") as file:
        file.write(line[:9])
    assert list(tail.new_records()) == []
    with path.open("ab") as file:
        file.write(line[9:])
    assert list(tail.new_records()) == [{"kind": "x", "seq": 1}]
