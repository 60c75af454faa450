"""Our books beside the venue's own: what a report says about an account at a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Stage
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import OrderStatus
from aster_ray.venues.live.venue import TAKEN_AWAY

_ENDS = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED)
# Whatever stands in one of these is a difference.
_LISTS = (
    *("orders_missing", "orders_invented", "orders_different"),
    *("missing", "invented", "positions"),
)


def audit(
    account: VenueAccount, instruments: tuple[Instrument, ...], ledger: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare an account, as its log makes it, with the ledger of the venue.

    Args:
        account: restored to the end of its log.
        instruments: the contracts of the session in order.
        ledger: as a simulator's control endpoint shows it; amounts are decimal texts.

    Returns:
        orders: how many of them are compared; orders_missing: in none of our records;
        orders_invented: ours, filled or open, that the venue never had or does not have any more;
        orders_different: where both have one and its end is not the same, in words; fills: how many
        the venue has; missing, invented: fills only one side has; positions: where lots differ, in
        words; fees_difference, funding_difference, cash_difference: ours less the venue's, in quote
        currency. Cash is the sum of all that was paid and received, which needs no entry price and
        so must agree to the last cent.
    """
    index = {one.symbol: n for n, one in enumerate(instruments)}
    there = {f"{fill['symbol']}/{fill['trade_id']}": fill for fill in ledger["fills"]}
    here = set(account.booked.trades)
    held = {name.partition(":")[0]: float(qty) for name, qty in ledger["positions"].items()}
    positions = []
    for symbol, n in index.items():
        lots = instruments[n].to_lots(held.get(symbol, 0.0))
        if lots != account.position(n):
            positions.append(f"{symbol}: {lots} lots there, {account.position(n)} here")
    totals = {
        kind: sum(float(row["amount"]) for row in ledger["income"] if row["kind"] == kind)
        for kind in ("COMMISSION", "FUNDING_FEE")
    }
    record = account.book.account[0]
    return {
        **_orders(account, ledger["orders"]),
        "fills": len(there),
        "missing": sorted(there.keys() - here),
        "invented": sorted(here - there.keys()),
        "positions": positions,
        "fees_difference": float(record["fees"]) + totals["COMMISSION"],
        "funding_difference": float(record["funding"]) + totals["FUNDING_FEE"],
        "cash_difference": _cash_here(account, instruments) - _cash_there(ledger),
    }


def _orders(account: VenueAccount, there: Mapping[str, str]) -> dict[str, Any]:
    """Compare what was ordered; the venue forgets what ended unfilled after a week."""
    ours = {known for known in there if not known.startswith(TAKEN_AWAY)}
    resting = {known for known, order in account.orders.items() if order.stage is Stage.OPEN}
    filled = {known for known, how in account.finished.items() if how == OrderStatus.FILLED}
    different = []
    for known in sorted(ours):
        told, how = there[known].lower(), account.finished.get(known)
        is_open = told in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if how is not None and (is_open or (how in _ENDS and how != told)):
            different.append(f"{known}: {told} there, {how} here")
    return {
        "orders": len(ours),
        "orders_missing": sorted(ours - account.orders.keys() - account.finished.keys()),
        "orders_invented": sorted((resting | filled) - there.keys()),
        "orders_different": different,
    }


def _cash_here(account: VenueAccount, instruments: tuple[Instrument, ...]) -> float:
    """Return cash received less paid by our books: wallet without what positions tie up."""
    book = account.book
    tied = sum(
        int(position["lots"]) * float(instruments[n].lot) * float(position["entry_price"])
        for n, position in enumerate(book.positions)
    )
    return float(book.account["wallet"][0]) - tied


def _cash_there(ledger: Mapping[str, Any]) -> float:
    """Return the same from the venue's trades, fees and settlements."""
    cash = sum(float(row["amount"]) for row in ledger["income"] if row["kind"] != "REALIZED_PNL")
    for fill in ledger["fills"]:
        side = -1.0 if fill["side"] == "BUY" else 1.0
        cash += side * float(fill["price"]) * float(fill["qty"])
    return cash


def agrees(found: Mapping[str, Any]) -> bool:
    """Return whether an audit found nothing, to the last cent."""
    differences = (found[f"{name}_difference"] for name in ("fees", "funding", "cash"))
    return not (
        any(found[name] for name in _LISTS)
        or any(abs(difference) >= 0.005 for difference in differences)
    )
