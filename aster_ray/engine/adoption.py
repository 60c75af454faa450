"""Take over a position that nobody here opened, or the end of one that somebody else closed.

The difference between the venue's position and ours is booked like a market order of our sleeves
that was executed at the mark price without a fee: what its owner won or lost before is theirs. What
it opens gets a stop as far away as one position may lose of its price (``max_position_risk``), and
the holding limit counts from then on; what it closes is closed by the operator.

Account and risk desk each do their half, the one by a record of its log, the other by the fills of
the report, and come to the same bits; so does a replay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aster_ray.engine.messages import VenueReport
from aster_ray.engine.venue_orders import Stage
from aster_ray.kernel.evidence import Execution, settle_market
from aster_ray.kernel.records import Book, Setup
from aster_ray.model.enums import ExitReason, FillKind

if TYPE_CHECKING:
    from aster_ray.engine.venue_account import VenueAccount

# Records of the account's log that are about what others do, or an operator wants at once.
KINDS = ("adopt", "flatten", "resume")
MARKET, BY_OPERATOR = int(FillKind.MARKET), int(ExitReason.OPERATOR)


class Share(NamedTuple):
    """What one sleeve takes over: lots that close what it holds, and lots that open."""

    sleeve: int
    closing: int
    opening: int


def shares_of(book: Book, setup: Setup, n: int, lots: int) -> Sequence[Share]:
    """Return who takes over ``lots`` (signed) of symbol ``n``; nobody where no sleeve can.

    What goes against our own position closes it, sleeve by sleeve; the rest opens in the first
    sleeve that holds nothing on the other side and has no ladder.
    """
    first = n * setup.strategies
    mine = range(first, first + setup.strategies)
    net = sum(int(book.sleeves[i]["lots"]) for i in mine)
    side = 1 if lots > 0 else -1
    closing = dict.fromkeys(mine, 0)
    left = min(abs(lots), max(-side * net, 0))
    rest = abs(lots) - left
    for i in mine:
        part = min(left, max(-side * int(book.sleeves[i]["lots"]), 0))
        closing[i] = side * part
        left -= part
    found = {i: Share(i, lots_closed, 0) for i, lots_closed in closing.items() if lots_closed}
    if rest:
        heir = next((i for i in mine if _may_open(book.sleeves[i], side, closing[i])), None)
        if heir is None:
            return ()
        found[heir] = Share(heir, closing[heir], side * rest)
    return list(found.values())


def _may_open(sleeve: Any, side: int, closing: int) -> bool:
    return bool(np.isnan(sleeve["spacing"])) and side * (int(sleeve["lots"]) + closing) >= 0


def take_over(book: Book, setup: Setup, n: int, done: Execution) -> None:
    """Book a difference to the sleeves of symbol ``n``."""
    for share in shares_of(book, setup, n, done.lots):
        sleeve = book.sleeves[share.sleeve]
        sleeve["order_lots"] = share.closing + share.opening
        sleeve["order_close_lots"] = share.closing
        sleeve["order_reason"] = BY_OPERATOR
        _arm(sleeve, setup, share.opening)
    settle_market(book, setup, n, done)


def arm_adopted(book: Book, setup: Setup, report: VenueReport) -> None:
    """Give the sleeves of a risk desk what its report's adopted fills are attached to.

    A market fill of a sleeve that has no order out is one that was adopted.
    """
    if not len(report.working):
        return  # only a real venue says more than its fills
    opening: dict[int, int] = {}
    for fill in report.fills:
        sleeve = book.sleeves[int(fill["sleeve"])]
        if fill["kind"] != MARKET or sleeve["order_lots"] or sleeve["order_close_lots"]:
            continue
        lots = 0 if fill["reason"] else int(fill["lots"])
        opening[int(fill["sleeve"])] = opening.get(int(fill["sleeve"]), 0) + lots
    for i, lots in opening.items():
        _arm(book.sleeves[i], setup, lots)


def _arm(sleeve: Any, setup: Setup, opening: int) -> None:
    """Attach to a sleeve what an opening fill is protected by."""
    sleeve["order_take_profit"] = np.nan
    sleeve["order_stop"] = np.nan
    sleeve["order_units"] = sleeve["units"]
    if opening:
        sleeve["order_stop"] = setup.limits[0]["max_position_risk"]
        sleeve["order_units"] = 1.0
        sleeve["unit_lots"] = abs(opening)


def take(account: VenueAccount, record: Mapping[str, Any]) -> None:
    """Take one record of ``KINDS``: hold what differs, or nothing until trading is resumed."""
    if record["kind"] != "adopt":
        account.flattening = record["kind"] == "flatten"
        return
    n, lots, price = int(record["symbol"]), int(record["lots"]), float(record["price"])
    account.foreign.pop(n, None)
    done = Execution(lots, price, 0.0, price, int(record["ms"]))
    take_over(account.book, account.setup, n, done)
    account.collect()
    account.ended.add(n)


def is_working(account: VenueAccount, n: int) -> bool:
    """Return whether an order of ours on a symbol is under way: what is held may still change.

    One that rests is not; what comes of it is told.
    """
    return n in account.carried or any(
        order.slot.symbol == n and order.stage is not Stage.OPEN
        for order in account.orders.values()
    )


def may_adopt(account: VenueAccount, n: int) -> bool:
    """Return whether what differs of ``n`` can only be somebody else's doing, and has an heir.

    Nothing of ours may be under way, nor have ended since the last close: its fills and those of an
    adoption must not meet in one report.
    """
    mine = [order for order in account.orders.values() if order.slot.symbol == n]
    return (
        n not in account.parents
        and n not in account.ended
        and not any(order.parts or order.stage is not Stage.OPEN for order in mine)
        and bool(shares_of(account.book, account.setup, n, account.foreign.get(n, 0)))
    )
