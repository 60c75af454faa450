"""What carrying out the orders of a session has cost, read from the account's own log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aster_ray.engine.algos.record import END
from aster_ray.engine.algos.shortfall import (
    HEADER,
    Shortfall,
    shortfall_from,
    shortfall_record,
    shortfall_table,
)
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Purpose, Tracked
from aster_ray.kernel.evidence import Execution
from aster_ray.model.instrument import Instrument


def order_costs(
    records: Iterable[Mapping[str, Any]],
    account: VenueAccount,
    instruments: Sequence[Instrument],
) -> list[Shortfall]:
    """Return what every netted order has cost against the close it was decided on.

    Args:
        records: a log from its beginning.
        account: a new one, which is brought to the end of the log.
        instruments: the contract of every symbol, in the order of the session.
    """
    found: list[Shortfall] = []

    def settled(n: int, parent: Sequence[Tracked], done: Execution) -> None:
        if parent and parent[0].slot.purpose is Purpose.MARKET:
            found.append(_whole(parent, done, instruments[n]))

    account.on_settled = settled
    for record in records:
        account.apply(record)
        if record["kind"] == END:
            fields = {name: value for name, value in record.items() if name != "kind"}
            found.append(shortfall_from(fields))
    return found


def _whole(parent: Sequence[Tracked], done: Execution, rules: Instrument) -> Shortfall:
    """Return the cost of an order that was sent at once: without quotes, all of it is impact."""
    lots, lot = sum(order.want.lots for order in parent), float(rules.lot)
    codes = {order.code for order in parent if order.code}
    return Shortfall(
        parent_id=parent[0].client_order_id,
        symbol=rules.symbol,
        algorithm="market",
        decided_ms=parent[0].decided_ms,
        ended_ms=done.ms,
        why="filled" if done.lots == lots else "; ".join(sorted(codes)),
        children=len(parent),
        lots=lots,
        filled=done.lots,
        decision_price=done.reference,
        average_price=done.price if done.lots else None,
        arrival_mid=None,
        maker=0.0,
        final_price=done.reference,
        notional=abs(lots) * done.reference * lot,
        delay=0.0,
        spread=0.0,
        impact=done.lots * (done.price - done.reference) * lot,
        fees=done.fee,
        opportunity=0.0,
    )


def execution_section(found: Sequence[Shortfall]) -> dict[str, Any]:
    """Return the ``session.execution`` section of a report.

    One row per symbol and algorithm and ``all``; basis points of the notional that was to be
    traded, against the close of the decision, positive = a cost. ``orders`` has every one of them.
    """
    rows = {
        "all" if row[0] == "all" else f"{row[0]} {row[1]}": dict(
            zip(HEADER[2:], row[2:], strict=True)
        )
        for row in shortfall_table(found)
    }
    return {**rows, "orders": [{**shortfall_record(one), "bps": one.bps()} for one in found]}
