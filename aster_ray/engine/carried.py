"""What an algorithm did with a symbol's netted order, as the account books it.

The records are those of ``engine.algos``: the account plans the children that they place, forgets
those that they withdraw, and books the whole once nothing can come of it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.record import END
from aster_ray.engine.settlement import settle
from aster_ray.engine.venue_orders import Purpose, Slot, Stage, Tracked, Want
from aster_ray.errors import JournalError
from aster_ray.model.venue import OrderStatus

if TYPE_CHECKING:
    from aster_ray.engine.venue_account import VenueAccount


def take(account: VenueAccount, record: Mapping[str, Any]) -> None:
    """Take one record; what an algorithm was told came from the account and is passed over.

    Raises:
        JournalError: it is of an order that no algorithm carries out.
    """
    kind = record["kind"]
    if kind == "algo_place":
        _place(account, record)
    elif kind == "algo_cancel":
        order = account.orders.get(record["child_id"])
        if order is not None:
            order.unwanted = True
    elif kind == END:
        n = _symbol(account, record)
        del account.carried[n]
        settle(account, n)


def _place(account: VenueAccount, record: Mapping[str, Any]) -> None:
    n = _symbol(account, record)
    ticks, side = int(record["ticks"]), 1 if account.carried[n].lots > 0 else -1
    price = ticks * float(account.setup.rules["tick"][n]) if ticks else np.nan
    known, want = record["child_id"], Want(side * int(record["lots"]), price, np.nan)
    order = Tracked(known, Slot(Purpose.CHILD, n), want, int(record["ms"]))
    account.orders[known] = order
    account.parents[n].append(order)


def _symbol(account: VenueAccount, record: Mapping[str, Any]) -> int:
    for n, one in account.carried.items():
        if one.parent_id == record["parent_id"]:
            return n
    raise JournalError(f"the log tells of {record['parent_id']}, which no algorithm carries out")


def word_on(order: Tracked, ms: int) -> ChildUpdate:
    """Return what is known of a child; it is over only once all its trades have been seen."""
    evidence = Evidence.NONE
    if order.is_complete:
        refused = order.status is OrderStatus.REJECTED
        evidence = Evidence.REJECTED if refused else Evidence.DONE
    elif order.stage is Stage.UNKNOWN:
        evidence = Evidence.UNKNOWN
    elif order.stage in (Stage.OPEN, Stage.ENDED):
        evidence = Evidence.OPEN
    parts = order.parts.values()
    return ChildUpdate(
        child_id=order.client_order_id,
        ms=ms,
        evidence=evidence,
        filled=abs(order.executed),
        cost=sum(abs(part.lots) * part.price for part in parts),
        fee=sum(part.fee for part in parts),
        code=order.code,
    )
