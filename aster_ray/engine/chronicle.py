"""What the two desks write into their journals, and how they are rebuilt from them.

Start and restart are one path: a desk is the fold of its journal, and an empty journal is a start.
The risk desk's record holds all it consumed (bars, signals, evidence) and what it concluded; the
conclusions are computed again while folding and must be the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from aster_ray.engine.command import Command, read_command
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import decode, encode
from aster_ray.engine.messages import (
    NOTHING_WORKING,
    BarBatch,
    OrderBatch,
    SignalBatch,
    VenueReport,
)
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.wire import COLUMN_FORMS, one_row
from aster_ray.errors import JournalError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL, INTENT, LIMITS, RULES, Setup, SignalColumns
from aster_ray.model.order import OrderRequest

Record = Mapping[str, Any]
_F8 = np.dtype("f8")
_I8 = np.dtype("i8")
_I1 = np.dtype("i1")


class Close(NamedTuple):
    """One close time as the risk desk consumed and concluded it."""

    signals: SignalBatch
    report: VenueReport
    orders: OrderBatch
    commands: tuple[Command, ...] = ()  # in force from this close on


def anchor_record(history: Market, setup: Setup) -> dict[str, object]:
    """Return the first record of a risk journal: the bars before trading, and the rules."""
    return {
        "kind": "anchor",
        "symbols": list(history.symbols),
        "timeframe_ms": history.timeframe_ms,
        "open_ms": encode(history.open_ms),
        "bars": encode(history.bars),
        "volume": encode(history.volume),
        "funding_rate": encode(history.funding_rate),
        "rules": encode(setup.rules),
        "brackets": encode(setup.brackets),
        "limits": encode(setup.limits),
        "strategies": setup.strategies,
    }


def read_anchor(record: Record) -> tuple[Market, Setup]:
    """Return what ``anchor_record`` was given."""
    if record.get("kind") != "anchor":
        raise JournalError("the risk journal does not begin with its anchor; start a new session")
    history = Market(
        symbols=tuple(record["symbols"]),
        timeframe_ms=record["timeframe_ms"],
        open_ms=decode(record["open_ms"], _I8),
        bars=decode(record["bars"], _F8),
        volume=decode(record["volume"], _F8),
        funding_rate=decode(record["funding_rate"], _F8),
    )
    rules, limits = decode(record["rules"], RULES), decode(record["limits"], LIMITS)
    return history, Setup(rules, decode(record["brackets"], _F8), limits, record["strategies"])


def close_record(close: Close) -> dict[str, object]:
    """Return one close time as a record of the risk journal."""
    (batch, columns, index), report, orders, _ = close
    row = one_row(columns, index)
    return {
        "kind": "close",
        "seq": batch.seq,
        "open_ms": batch.open_ms,
        "close_ms": batch.close_ms,
        "equity": orders.equity,
        "gross": orders.gross,
        "state": orders.state,
        "bars": encode(batch.bars),
        "volume": encode(batch.volume),
        "funding_rate": encode(batch.funding_rate),
        "signals": {name: encode(column) for name, column in row._asdict().items()},
        "fills": encode(report.fills),
        "intents": encode(orders.intents),
        **_working_field(report),
    }


def _working_field(report: VenueReport) -> dict[str, object]:
    """Return what a report says beside its fills; most say nothing."""
    return {"working": encode(report.working)} if report.working.any() else {}


def read_report(record: Record) -> VenueReport:
    """Return what ``report_record`` was given."""
    fills = decode(record["fills"], FILL)
    working = decode(record["working"], _I1) if "working" in record else NOTHING_WORKING
    return VenueReport(int(record["seq"]), int(record["close_ms"]), fills, working)


def read_close(record: Record) -> Close:
    """Return what ``close_record`` was given."""
    seq, close_ms = int(record["seq"]), int(record["close_ms"])
    arrays = (decode(record[name], _F8) for name in ("bars", "volume", "funding_rate"))
    batch = BarBatch(seq, int(record["open_ms"]), close_ms, *arrays)
    columns = SignalColumns(
        *(
            decode(record["signals"][name], dtype)
            for name, (dtype, _) in zip(SignalColumns._fields, COLUMN_FORMS, strict=True)
        )
    )
    report = read_report(record)
    intents = decode(record["intents"], INTENT)
    orders = OrderBatch(seq, close_ms, intents, record["equity"], record["gross"], record["state"])
    return Close(SignalBatch(batch, columns, 0), report, orders)


class CloseReader:
    """Read a risk journal as it comes, insisting that no close is missing or doubled."""

    def __init__(self) -> None:
        self._expected = 0
        self._commands: tuple[Command, ...] = ()

    def take(self, record: Record) -> Close | None:
        """Return the close a record holds, with the commands since the one before; else None."""
        if record["kind"] == "command":
            self._commands += (read_command(record),)
        if record["kind"] != "close":
            return None
        if record["seq"] != self._expected:
            raise JournalError(
                f"risk journal holds close {record['seq']} where {self._expected} belongs"
            )
        self._expected += 1
        commands, self._commands = self._commands, ()
        return read_close(record)._replace(commands=commands)


def closes_of(records: Iterable[Record]) -> Iterator[Close]:
    """Yield the close times of a risk journal, insisting that none is missing or doubled."""
    reader = CloseReader()
    for record in records:
        close = reader.take(record)
        if close is not None:
            yield close


def same_orders(one: OrderBatch, other: OrderBatch) -> bool:
    """Return whether two batches are the same, bit for bit."""
    return (
        one._replace(intents=b"") == other._replace(intents=b"")  # type: ignore[arg-type]
        and one.intents.tobytes() == other.intents.tobytes()
    )


def fold_risk(desk: RiskDesk, closes: Iterable[Close]) -> Iterator[Close]:
    """Put recorded closes through ``desk``, yielding each.

    Raises:
        JournalError: the desk concludes something else than it did then.
    """
    for close in closes:
        for command in close.commands:
            desk.set_state(command.instruction.state)
        again = desk.on_close(close.signals, close.report)
        if not same_orders(again, close.orders):
            raise JournalError(
                f"risk desk concludes otherwise than recorded at close {close.orders.seq} "
                f"({close.orders.close_ms} ms): code, rules or journal have changed"
            )
        yield close


def bars_record(batch: BarBatch) -> dict[str, object]:
    """Return a close as a venue saw it, as a record of the venue's own log."""
    return {
        "kind": "bars",
        "seq": batch.seq,
        "open_ms": batch.open_ms,
        "close_ms": batch.close_ms,
        "bars": encode(batch.bars),
    }


def report_record(report: VenueReport) -> dict[str, object]:
    """Return venue evidence as a record of the executor's journal."""
    return {
        "kind": "report",
        "seq": report.seq,
        "close_ms": report.close_ms,
        "fills": encode(report.fills),
        **_working_field(report),
    }


def orders_record(orders: OrderBatch, requests: Iterable[OrderRequest]) -> dict[str, object]:
    """Return what is about to be sent as a record of the executor's journal."""
    return {
        "kind": "orders",
        "seq": orders.seq,
        "close_ms": orders.close_ms,
        "equity": orders.equity,
        "gross": orders.gross,
        "state": orders.state,
        "intents": encode(orders.intents),
        "requests": [request_fields(request) for request in requests],
    }


def accepted_record(seq: int) -> dict[str, object]:
    """Return the venue's acknowledgement as a record of the executor's journal."""
    return {"kind": "accepted", "seq": seq}


def request_fields(request: OrderRequest) -> dict[str, object]:
    """Return a request as JSON."""
    return {
        "client_order_id": request.client_order_id,
        "decided_ms": request.decided_ms,
        "symbol": request.symbol,
        "sleeve": request.sleeve,
        "kind": request.kind.value,
        "lots": request.lots,
        "price": None if math.isnan(request.price) else request.price,
        "reason": request.reason,
        "level": request.level,
    }


class Sent(NamedTuple):
    """Where the executor's journal ends."""

    reported: int  # last close whose evidence is booked, of those that had any
    ordered: int  # last close whose orders were journaled, of those that had any
    latest: OrderBatch | None  # the last orders journaled
    pending: OrderBatch | None  # journaled, and perhaps never sent; their ids are in flight
    reports: int  # closes with evidence
    batches: int  # closes with orders


def fold_execution(desk: ExecutionDesk, records: Iterable[Record], *, verify: bool = True) -> Sent:
    """Rebuild an execution desk from its journal.

    Raises:
        JournalError: with ``verify``, the desk derives other orders than it did then.
    """
    reported = ordered = -1
    reports = batches = 0
    latest: OrderBatch | None = None
    pending: OrderBatch | None = None
    for record in records:
        kind, seq = record["kind"], int(record["seq"])
        if kind == "report":
            desk.on_report(read_report(record))
            reported = seq
            reports += 1
        elif kind == "orders":
            pending = latest = _read_orders(record)
            requests = desk.on_orders(pending)
            again = [request_fields(request) for request in requests]
            if verify and again != record["requests"]:
                raise JournalError(
                    f"execution desk derives other orders than recorded at close {seq}: "
                    "code or journal have changed"
                )
            ordered = seq
            batches += 1
        elif kind == "accepted" and pending is not None and pending.seq == seq:
            desk.acknowledge_close(pending.close_ms)
            pending = None
    return Sent(reported, ordered, latest, pending, reports, batches)


def _read_orders(record: Record) -> OrderBatch:
    intents = cast(Any, decode(record["intents"], INTENT))
    close_ms, state = int(record["close_ms"]), int(record["state"])
    return OrderBatch(
        int(record["seq"]), close_ms, intents, record["equity"], record["gross"], state
    )
