"""What a session recorded beside what follows from its observations: a row for every field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aster_ray.engine.chronicle import Close, read_report, request_fields, same_orders
from aster_ray.engine.messages import OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.wire import one_row
from aster_ray.kernel.records import FILL
from aster_ray.model.order import Order, OrderRequest

Difference = dict[str, Any]
Record = Mapping[str, Any]
_NO_FILLS = np.zeros(0, FILL).view(np.recarray)


def signal_differences(close: Close, said: SignalBatch | None) -> Iterator[Difference]:
    """Compare what strategies said of a close."""
    again = one_row(said.signals, said.at) if said is not None else ()
    pairs = zip(again, close.signals.signals, strict=True)
    if any(one.tobytes() != other.tobytes() for one, other in pairs):
        yield row(close.orders.close_ms, "", "signals", "as journaled", "otherwise")


def close_differences(recorded: OrderBatch, reproduced: OrderBatch) -> Iterator[Difference]:
    """Compare what the risk desk concluded."""
    if same_orders(recorded, reproduced):
        return
    for field in ("equity", "gross", "state"):
        one, other = getattr(recorded, field), getattr(reproduced, field)
        if one != other:
            yield row(recorded.close_ms, "", field, one, other)
    if recorded.intents.tobytes() != reproduced.intents.tobytes():
        counts = len(recorded.intents), len(reproduced.intents)
        yield row(recorded.close_ms, "", "intents", *counts)


def fill_differences(
    symbols: Sequence[str], report: VenueReport, recorded: np.ndarray
) -> Iterator[Difference]:
    """Compare the fills of one close, FILL[F], with those of ``report``."""
    reproduced = report.fills
    if recorded.tobytes() == reproduced.tobytes():
        return
    if len(recorded) != len(reproduced):
        yield row(report.close_ms, "", "fills", len(recorded), len(reproduced))
        return
    for one, other in zip(recorded, reproduced, strict=True):
        for field in FILL.names or ():
            if np.array(one[field]).tobytes() != np.array(other[field]).tobytes():
                symbol = symbols[int(other["symbol"])]
                values = one[field].item(), other[field].item()
                yield row(report.close_ms, symbol, f"fill.{field}", *values)


def evidence_differences(
    symbols: Sequence[str], report: VenueReport, sent: Sequence[Record]
) -> Iterator[Difference]:
    """Compare the fills that the executor booked; no report is one without fills."""
    booked = [read_report(record) for record in sent if record["kind"] == "report"]
    for other in booked:
        if other.seq != report.seq:
            yield row(other.close_ms, "", "fills", len(other.fills), 0)
    mine = next((one.fills for one in booked if one.seq == report.seq), _NO_FILLS)
    yield from fill_differences(symbols, report, mine)


def request_differences(
    symbols: Sequence[str], requests: Sequence[OrderRequest], sent: Sequence[Record]
) -> Iterator[Difference]:
    """Compare what was written before sending with what follows from the decisions."""
    written: dict[str, Mapping[str, Any]] = {}
    for record in sent:
        for fields in record.get("requests", ()):
            if fields["client_order_id"] in written:
                yield order_row(symbols, fields, "order", "present twice", "present")
            written[fields["client_order_id"]] = fields
    for request in requests:
        again = request_fields(request)
        there = written.pop(request.client_order_id, None)
        if there is None:
            yield order_row(symbols, again, "order", "absent", "present")
            continue
        for field, value in again.items():
            if there.get(field) != value:
                yield order_row(symbols, again, field, there.get(field), value)
    for fields in written.values():
        yield order_row(symbols, fields, "order", "present", "absent")


def outcome_differences(
    symbols: Sequence[str], recorded: Order | None, reproduced: Order | None
) -> Iterator[Difference]:
    """Compare what became of one order."""
    there = recorded or reproduced
    if there is None:
        return
    fields = request_fields(there.request)
    if recorded is None or reproduced is None:
        words = ("present", "absent") if reproduced is None else ("absent", "present")
        yield order_row(symbols, fields, "order", *words)
    elif (one := _outcome(recorded)) != (other := _outcome(reproduced)):
        yield order_row(symbols, fields, "outcome", one, other)


def _outcome(order: Order) -> str:
    return f"{type(order.state).__name__.lower()} {order.filled_lots} at {order.average_price}"


def order_row(
    symbols: Sequence[str], request: Mapping[str, Any], field: str, recorded: Any, reproduced: Any
) -> Difference:
    """Return the row of a field of an order, given as ``request_fields``."""
    symbol = symbols[int(request["symbol"])]
    found = row(int(request["decided_ms"]), symbol, field, recorded, reproduced)
    return found | {"client_order_id": request["client_order_id"]}


def row(close_ms: int, symbol: str, field: str, recorded: Any, reproduced: Any) -> Difference:
    """Return one difference."""
    return {
        "close_ms": close_ms,
        "symbol": symbol,
        "field": field,
        "recorded": _plain(recorded),
        "reproduced": _plain(reproduced),
    }


def _plain(value: Any) -> Any:
    """Return None for what is no number: JSON knows none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def order_of_rows(difference: Difference) -> tuple[int, str, str, str]:
    """Return what differences are sorted by: the same however they were found."""
    known = str(difference.get("client_order_id", ""))
    return difference["close_ms"], difference["symbol"], difference["field"], known
