from __future__ import annotations

import json
from typing import Any

import pytest

from aster_ray.engine.chronicle import (
    Close,
    accepted_record,
    anchor_record,
    close_record,
    closes_of,
    fold_execution,
    fold_risk,
    orders_record,
    read_anchor,
    report_record,
)
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.errors import JournalError
from aster_ray.kernel.market import Market
from tests.factories import CAPITAL, Session, a_busy_scene

SYMBOLS = ("BTCUSDT", "ETHUSDT")


def through_json(record: dict[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(record))
    return found


def a_session() -> tuple[Session, Market, list[Close]]:
    scene = a_busy_scene(100, 8)
    closes = [Close(said, report, orders) for said, report, orders in scene.steps()]
    return scene.session, scene.market, closes


def test_a_risk_desk_is_rebuilt_from_its_journal_alone() -> None:
    session, market, closes = a_session()
    history = market.rows(0, market.start)
    records = [through_json(anchor_record(history, session.setup))]
    records += [through_json(close_record(close)) for close in closes]
    known, setup = read_anchor(records[0])
    assert known.symbols == market.symbols
    desk = RiskDesk(setup, CAPITAL)
    desk.warm_up(Market(**{**_fields(known), "start": len(known)}))
    assert len(list(fold_risk(desk, closes_of(records)))) == len(closes)
    for mine, its in zip(session.book, desk.book, strict=True):
        assert mine.tobytes() == its.tobytes()


def _fields(market: Market) -> dict[str, Any]:
    return {name: getattr(market, name) for name in Market.__slots__}


def test_a_gap_in_the_risk_journal_is_an_error() -> None:
    _, _, closes = a_session()
    records = [through_json(close_record(close)) for close in closes[:6]]
    with pytest.raises(JournalError, match="holds close 3 where 2 belongs"):
        list(closes_of(records[:2] + records[3:]))
    with pytest.raises(JournalError, match="begin with its anchor"):
        read_anchor(records[0])


def test_a_journal_whose_conclusions_do_not_follow_is_an_error() -> None:
    session, market, closes = a_session()
    busy = next(k for k, close in enumerate(closes) if len(close.orders.intents))
    orders = closes[busy].orders
    intents = orders.intents.copy()
    intents["lots"] += 1
    closes[busy] = closes[busy]._replace(orders=orders._replace(intents=intents))
    desk = RiskDesk(session.setup, CAPITAL)
    desk.warm_up(market)
    with pytest.raises(JournalError, match=f"otherwise than recorded at close {busy} "):
        list(fold_risk(desk, iter(closes)))


def executor_records(closes: list[Close]) -> list[dict[str, Any]]:
    """Write what an executor would: evidence, then intents, then the acknowledgement."""
    desk = ExecutionDesk(SYMBOLS, 2)
    records: list[dict[str, object]] = []
    for close in closes:
        if len(close.report.fills):
            desk.on_report(close.report)
            records.append(report_record(close.report))
        if len(close.orders.intents):
            requests = desk.on_orders(close.orders)
            records.append(orders_record(close.orders, requests))
            desk.acknowledge_close(close.orders.close_ms)
            records.append(accepted_record(close.orders.seq))
    return [through_json(record) for record in records]


def test_an_execution_desk_cut_anywhere_and_continued_has_the_same_orders() -> None:
    session, _, closes = a_session()
    records = executor_records(closes)
    assert len(records) > 50
    for cut in range(0, len(records) + 1, 7):
        desk = ExecutionDesk(SYMBOLS, 2)
        sent = fold_execution(desk, records[:cut])
        if cut and records[cut - 1]["kind"] == "orders":
            assert sent.pending is not None
            assert [request.client_order_id for request in desk.in_flight()] == [
                request["client_order_id"] for request in records[cut - 1]["requests"]
            ]
            desk.acknowledge_close(sent.pending.close_ms)
        else:
            assert sent.pending is None
            assert not desk.in_flight()
        fold_execution(desk, records[cut:])
        assert repr(desk.orders) == repr(session.execution.orders)
        assert desk.denied == session.execution.denied


def test_orders_that_the_code_no_longer_derives_are_an_error() -> None:
    _, _, closes = a_session()
    records = executor_records(closes)
    k = next(k for k, record in enumerate(records) if record.get("requests"))
    records[k]["requests"][0]["lots"] += 1
    with pytest.raises(JournalError, match="derives other orders than recorded"):
        fold_execution(ExecutionDesk(SYMBOLS, 2), records)
    fold_execution(ExecutionDesk(SYMBOLS, 2), records, verify=False)
