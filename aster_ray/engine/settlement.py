"""When the evidence on orders is complete, and in which order it is booked then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from aster_ray.engine.venue_orders import Purpose, Tracked, mean_price
from aster_ray.kernel.evidence import Execution, settle_limit, settle_market, settle_stop
from aster_ray.model.enums import ExitReason

if TYPE_CHECKING:
    from aster_ray.engine.venue_account import VenueAccount

PROTECTS = (Purpose.STOP, Purpose.CLOSE)
LIMITS = (Purpose.ENTRY, Purpose.EXIT, Purpose.TAKE_PROFIT)


def settle(account: VenueAccount, n: int) -> None:
    """Book what is complete: the netted order first, for a stop may close what it opened."""
    parent = account.parents.get(n)
    if parent is not None:
        if n in account.carried:
            _settle_others(account, n)
            return
        if not all(order.is_complete for order in parent):
            return
        _settle_parent(account, n, parent)
    mine = [order for order in account.orders.values() if order.slot.symbol == n]
    stops = [order for order in mine if order.slot.purpose in PROTECTS]
    limits = [order for order in mine if order.slot.purpose not in PROTECTS]
    for order in limits:
        if order.is_complete:
            _settle_one(account, order)
    if any(order.parts for order in limits if not order.settled):
        return  # a stop closes what is left after them
    for order in stops:
        if order.is_complete:
            _settle_one(account, order)


def _settle_others(account: VenueAccount, n: int) -> None:
    """Book the limits of sleeves that have no part in an order which takes its time."""
    for order in list(account.orders.values()):
        slot = order.slot
        if slot.symbol == n and slot.purpose in LIMITS and order.is_complete:
            sleeve = account.book.sleeves[slot.sleeve]
            if not (sleeve["order_lots"] or sleeve["order_close_lots"]):
                _settle_one(account, order)


def _settle_parent(account: VenueAccount, n: int, parent: Sequence[Tracked]) -> None:
    parts = [part for order in parent for part in order.parts.values()]
    lots, last = sum(part.lots for part in parts), float(account.book.positions["last"][n])
    price = mean_price(parts) if lots else last
    ms = max((part.ms for part in parts), default=account.report.close_ms)
    done = Execution(lots, price, sum(part.fee for part in parts), last, ms)
    settle_market(account.book, account.setup, n, done)
    account.collect()
    del account.parents[n]
    account.ended.add(n)
    account.on_settled(n, parent, done)
    for order in parent:
        account.finish(order)


def _settle_one(account: VenueAccount, order: Tracked) -> None:
    parts = list(order.parts.values())
    account.finish(order)
    if not order.executed:
        return
    slot, want = order.slot, order.want
    price, ms = order.mean_price(), max(part.ms for part in parts)
    wished = next((x for x in (want.trigger, want.price) if not np.isnan(x)), price)
    demanded = slot.purpose is Purpose.CLOSE and account.flattening
    reason = int(ExitReason.OPERATOR) if demanded else 0
    done = Execution(order.executed, price, sum(part.fee for part in parts), wished, ms, reason)
    if slot.purpose in PROTECTS:
        settle_stop(account.book, account.setup, slot.symbol, done)
    else:
        settle_limit(account.book, account.setup, slot.sleeve, slot.level, done)
    account.collect()
