"""Put what a session observed through the engine again and compare every order, bit for bit.

Nothing but the session's folder is read: bars, warm-up and contract rules come from its journal,
strategies and settings from its session.json. The venue's own log plays no part, so fills are
reproduced, not copied; only those of a real venue are taken as it reported them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aster_ray.engine.chronicle import (
    Close,
    closes_of,
    fold_execution,
    read_anchor,
    request_fields,
    same_orders,
)
from aster_ray.engine.core import Engine, run_close
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import decode, read_journal
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.engine.ports import ExecutionPort
from aster_ray.engine.strategy_desk import PreparedSignals
from aster_ray.engine.wire import one_row
from aster_ray.errors import BadInputError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL
from aster_ray.model.order import Order, OrderRequest
from aster_ray.research.prepare import Prepared
from aster_ray.research.session import EXECUTOR_JOURNAL, RISK_JOURNAL, Session, load_session
from aster_ray.venues.replay import ReplayFeed

Difference = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came of a replay.

    Attributes:
        orders: how many orders the session recorded.
        closes: how many close times it recorded.
        differences: one row per field that was recorded otherwise than reproduced; empty = equal.
        dropped: journal -> bytes of a torn last record, which a crash leaves and nobody acted on.
    """

    orders: int
    closes: int
    differences: list[Difference]
    dropped: dict[str, int]


def replay_session(path: Path) -> ReplayResult:
    """Replay the session in the folder ``path``.

    Raises:
        BadInputError: ``path`` holds no session, or one that never reached its first close.
        JournalError: a journal is damaged.
    """
    session = load_session(path)
    journals = {
        name: read_journal(session.journal(name)) for name in (RISK_JOURNAL, EXECUTOR_JOURNAL)
    }
    dropped = {name: found.dropped.bytes for name, found in journals.items() if found.dropped.bytes}
    records, sent = (found.records for found in journals.values())
    closes = list(closes_of(records))
    if not closes:
        torn = dropped.get(RISK_JOURNAL)
        only = f" but a torn record of {torn} bytes in {RISK_JOURNAL}" if torn else " yet"
        raise BadInputError(
            f"session {path} has recorded no close{only}: there is nothing to replay"
        )
    prepared = _recorded(session, records[0], closes)
    desk, impossible = _recorded_orders(prepared, sent)
    engine, differences = _run_again(prepared, closes, _reported(sent))
    rows = sorted(
        [*impossible, *differences, *_order_differences(prepared, desk, engine.execution, sent)],
        key=lambda row: (row["close_ms"], row["symbol"], row["field"]),
    )
    return ReplayResult(len(desk.orders), len(closes), rows, dropped)


def _recorded(session: Session, anchor: dict[str, Any], closes: Sequence[Close]) -> Prepared:
    """Return the run as it was prepared then, from its own journal."""
    history, setup = read_anchor(anchor)
    batches = [close.signals.batch for close in closes]

    def joined(before: np.ndarray, after: list[Any]) -> np.ndarray:
        rows = np.array(after, before.dtype).reshape(-1, *before.shape[1:])
        return np.concatenate([before, rows])

    market = Market(
        symbols=history.symbols,
        timeframe_ms=history.timeframe_ms,
        open_ms=joined(history.open_ms, [batch.open_ms for batch in batches]),
        bars=joined(history.bars, [batch.bars for batch in batches]),
        volume=joined(history.volume, [batch.volume for batch in batches]),
        funding_rate=joined(history.funding_rate, [batch.funding_rate for batch in batches]),
        start=len(history),
    )
    strategies = tuple(session.request.load_strategies())
    return Prepared(session.request, market, (), setup, strategies, ())


def _reported(records: Sequence[dict[str, Any]]) -> dict[int, np.ndarray]:
    """Return close number -> fills, as the executor booked them."""
    return {
        record["seq"]: decode(record["fills"], FILL)
        for record in records
        if record["kind"] == "report"
    }


def _recorded_orders(
    prepared: Prepared, records: Sequence[dict[str, Any]]
) -> tuple[ExecutionDesk, list[Difference]]:
    """Rebuild the orders as recorded; what cannot have happened is a difference of its own."""
    desk = prepared.execution_desk()
    try:
        fold_execution(desk, records, verify=False)
    except (KeyError, ValueError) as error:
        close_ms = int(records[-1].get("close_ms", 0)) if records else 0
        return desk, [_row(close_ms, "", "executor journal", "impossible", str(error))]
    return desk, []


def _run_again(
    prepared: Prepared, closes: Sequence[Close], reported: dict[int, np.ndarray]
) -> tuple[Engine, list[Difference]]:
    """Drive the recorded bars through a fresh engine and venue; note where closes differ."""
    signals = PreparedSignals(prepared.strategies, prepared.market)
    engine = Engine(signals, prepared.risk_desk(), prepared.execution_desk())
    venue: ExecutionPort = prepared.paper_venue()
    if prepared.request.trades_at_venue:
        venue = RecordedEvidence(closes)
    found: list[Difference] = []
    for batch, close in zip(ReplayFeed(prepared.market).batches(), closes, strict=True):
        for command in close.commands:
            engine.risk.set_state(command.instruction.state)
        orders, report = run_close(engine, venue, batch)
        said = one_row(signals.columns, prepared.market.start + batch.seq)
        pairs = zip(said, close.signals.signals, strict=True)
        if any(one.tobytes() != other.tobytes() for one, other in pairs):
            found.append(_row(batch.close_ms, "", "signals", "as journaled", "otherwise"))
        found += _close_differences(close.orders, orders)
        executed = reported.get(batch.seq, np.zeros(0, FILL))
        for recorded in (close.report.fills, executed):
            found += _fill_differences(prepared, report, recorded)
    return engine, found


class RecordedEvidence:
    """Stands for a real venue, which nobody can ask to do it again; satisfies ``ExecutionPort``.

    Its fills are given, so what is held against the record are the decisions made on them.
    """

    def __init__(self, closes: Sequence[Close]) -> None:
        self._reports = {close.report.seq: close.report for close in closes}

    def observe(self, batch: BarBatch) -> VenueReport:
        """Return what the venue had reported at this close."""
        return self._reports[batch.seq]

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Take orders, as the venue did."""


def _close_differences(recorded: OrderBatch, reproduced: OrderBatch) -> Iterator[Difference]:
    if same_orders(recorded, reproduced):
        return
    for field in ("equity", "gross", "state"):
        one, other = getattr(recorded, field), getattr(reproduced, field)
        if one != other:
            yield _row(recorded.close_ms, "", field, one, other)
    if recorded.intents.tobytes() != reproduced.intents.tobytes():
        counts = len(recorded.intents), len(reproduced.intents)
        yield _row(recorded.close_ms, "", "intents", *counts)


def _fill_differences(
    prepared: Prepared, report: VenueReport, recorded: np.ndarray
) -> Iterator[Difference]:
    reproduced = report.fills
    if recorded.tobytes() == reproduced.tobytes():
        return
    if len(recorded) != len(reproduced):
        yield _row(report.close_ms, "", "fills", len(recorded), len(reproduced))
        return
    for one, other in zip(recorded, reproduced, strict=True):
        for field in FILL.names or ():
            if np.array(one[field]).tobytes() != np.array(other[field]).tobytes():
                symbol = prepared.market.symbols[int(other["symbol"])]
                values = one[field].item(), other[field].item()
                yield _row(report.close_ms, symbol, f"fill.{field}", *values)


def _order_differences(
    prepared: Prepared,
    recorded: ExecutionDesk,
    reproduced: ExecutionDesk,
    records: Sequence[dict[str, Any]],
) -> Iterator[Difference]:
    """Compare what was written before sending, then what became of every order."""
    written = {
        row["client_order_id"]: row for record in records for row in record.get("requests", ())
    }
    for known, row in written.items():
        again = reproduced.orders.get(known)
        if again is None:
            continue  # reported below: the recorded desk has it, or the intents differ
        for field, value in request_fields(again.request).items():
            if row[field] != value:
                yield _order_row(prepared, again, field, row[field], value)
    for known in {**recorded.orders, **reproduced.orders}:
        one, other = recorded.orders.get(known), reproduced.orders.get(known)
        there = one or other
        if there is None or one == other or (one and other and _outcome(one) == _outcome(other)):
            continue
        if one is None or other is None:
            values = ("present", "absent") if other is None else ("absent", "present")
            yield _order_row(prepared, there, "order", *values)
        else:
            yield _order_row(prepared, there, "outcome", _outcome(one), _outcome(other))


def _outcome(order: Order) -> str:
    return f"{type(order.state).__name__.lower()} {order.filled_lots} at {order.average_price}"


def _order_row(
    prepared: Prepared, order: Order, field: str, recorded: Any, reproduced: Any
) -> Difference:
    symbol = prepared.market.symbols[order.request.symbol]
    row = _row(order.request.decided_ms, symbol, field, recorded, reproduced)
    return row | {"client_order_id": order.request.client_order_id}


def _row(close_ms: int, symbol: str, field: str, recorded: Any, reproduced: Any) -> Difference:
    return {
        "close_ms": close_ms,
        "symbol": symbol,
        "field": field,
        "recorded": recorded,
        "reproduced": reproduced,
    }
