"""What should rest at the venue, what does, and the one thing to do next about the difference.

Pure: looks at an account and says what to do; whoever does it writes a record of it first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Purpose, Slot, Stage, Tracked, Want
from aster_ray.kernel.evidence import protective_level
from aster_ray.kernel.fills import round_to_tick

_AT_REST = (Stage.SENT, Stage.UNKNOWN, Stage.OPEN)
_NAN = float("nan")
# The right one, the one it replaces, and some in doubt; more would mean that something is wrong.
_MOST_STOPS = 4


class Do(StrEnum):
    """What there is to do."""

    SEND = "send"  # a planned order
    PLACE = "place"  # an order that should rest
    CANCEL = "cancel"
    ASK = "ask"  # the venue, what became of an order
    COUNT = "count"  # the trades of a symbol: some are missing


class Action(NamedTuple):
    """One step; ``order`` is the order it is about, except where a new one is placed."""

    do: Do
    symbol: int
    order: Tracked | None = None
    slot: Slot | None = None
    want: Want | None = None


def wanted(account: VenueAccount, n: int) -> dict[Slot, Want]:
    """Return what should rest for symbol ``n``: its stop, take profits and ladder levels."""
    book, strategies = account.book, account.setup.strategies
    found: dict[Slot, Want] = {}
    stop = wanted_stop(account, n)
    if stop is not None:
        found[Slot(Purpose.STOP, n)] = stop
    for i in range(n * strategies, (n + 1) * strategies):
        sleeve = book.sleeves[i]
        lots, goal = int(sleeve["lots"]), float(sleeve["take_profit"])
        if n in account.carried and sleeve["order_close_lots"]:
            continue  # it is being closed: never two closers
        if not np.isnan(sleeve["spacing"]):
            for k in np.flatnonzero(book.levels["state"][i]):
                slot, want = _level(account, n, i, int(k))
                found[slot] = want
        elif lots and not np.isnan(goal):
            found[Slot(Purpose.TAKE_PROFIT, n, i)] = Want(-lots, goal, _NAN)
    return found


def _level(account: VenueAccount, n: int, i: int, k: int) -> tuple[Slot, Want]:
    level = account.book.levels[i, k]
    if level["state"] == 1:
        slot = Slot(Purpose.ENTRY, n, i, k)
        return slot, Want(int(level["lots"]), float(level["price"]), _NAN)
    return Slot(Purpose.EXIT, n, i, k), Want(-int(level["lots"]), float(level["exit_price"]), _NAN)


def wanted_stop(account: VenueAccount, n: int) -> Want | None:
    """Return the symbol's one protective order: all that is held, at the nearest stop.

    What an unfinished order has executed counts; where nothing was held before, its stop lies at
    the distance that was attached to it.
    """
    lots = account.position(n)
    if lots == 0:
        return None
    level = _NAN
    if lots * int(account.book.positions["lots"][n]) > 0:  # else what is at work has turned it
        level = protective_level(account.book, account.setup, n)
    if np.isnan(level):
        level = _attached_level(account, n, 1 if lots > 0 else -1)
    return None if np.isnan(level) else Want(-lots, _NAN, float(level))


def _attached_level(account: VenueAccount, n: int, side: int) -> float:
    strategies, tick = account.setup.strategies, float(account.setup.rules["tick"][n])
    sleeves = account.book.sleeves[n * strategies : (n + 1) * strategies]
    parts = [order for order in account.parents.get(n, []) if order.executed]
    distances = [
        float(sleeve["order_stop"])
        for sleeve in sleeves
        if side * int(sleeve["order_lots"]) > 0 and not np.isnan(sleeve["order_stop"])
    ]
    if not parts or not distances:
        return _NAN
    entry = sum(o.executed * o.mean_price() for o in parts) / sum(o.executed for o in parts)
    return float(round_to_tick(entry * (1.0 - side * min(distances)), tick))


def actions(
    account: VenueAccount, n: int, refused: dict[Slot, Want], reach: float = math.inf
) -> Iterator[Action]:
    """Yield what there is to do for symbol ``n``, most urgent first.

    Args:
        account: what is known.
        n: symbol.
        refused: what the venue did not take, so that it is not asked again for the very same.
        reach: fraction of the last price beyond which a limit is held back, as the venue would
            refuse it.
    """
    mine = [order for order in account.orders.values() if order.slot.symbol == n]
    yield from _doubts(n, mine)
    if account.flattening:
        yield from _flatten(account, n, mine)
        return
    resting = wanted(account, n)
    stop = Slot(Purpose.STOP, n)
    bare = account.position(n) if stop not in resting and n not in account.parents else 0
    if stop in resting and _same(resting[stop], refused.get(stop)):
        yield from _way_out(n, mine, resting.pop(stop))
    elif bare and not any(order.parts for order in mine):
        yield from _way_out(n, mine, Want(-bare, _NAN, _NAN))  # nobody asked for it
    else:
        yield from _protection(n, mine, resting.get(stop))
    for order in mine:
        if order.unwanted and order.stage is Stage.OPEN:
            yield Action(Do.CANCEL, n, order)
        if order.stage is Stage.PLANNED:
            yield Action(Do.SEND, n, order)
    resting.pop(stop, None)
    last = float(account.book.positions["last"][n])
    allowed = {
        slot: want
        for slot, want in resting.items()
        if abs(want.price / last - 1.0) <= reach and not _same(want, refused.get(slot))
    }
    yield from _limits(n, mine, allowed)


def _flatten(account: VenueAccount, n: int, mine: list[Tracked]) -> Iterator[Action]:
    """Close what is held at market; its stop goes only with it."""
    for order in mine:
        if order.unwanted and order.stage is Stage.OPEN:
            yield Action(Do.CANCEL, n, order)
        if order.stage is Stage.PLANNED:
            yield Action(Do.SEND, n, order)  # which drops it
    yield from _limits(n, mine, {})
    if lots := account.position(n):
        yield from _way_out(n, mine, Want(-lots, _NAN, _NAN))
    else:
        yield from _protection(n, mine, None)


def _way_out(n: int, mine: list[Tracked], want: Want) -> Iterator[Action]:
    """Close at market what no stop can protect: its level is passed already."""
    slot = Slot(Purpose.CLOSE, n)
    if not any(order.slot == slot and order.stage in _AT_REST for order in mine):
        yield Action(Do.PLACE, n, None, slot, Want(want.lots, _NAN, _NAN))


def _doubts(n: int, mine: list[Tracked]) -> Iterator[Action]:
    """Ask before anything is concluded."""
    for order in mine:
        if order.stage is Stage.UNKNOWN:
            yield Action(Do.ASK, n, order)
    if any(order.is_ended and not order.is_complete for order in mine):
        yield Action(Do.COUNT, n)


def _protection(n: int, mine: list[Tracked], want: Want | None) -> Iterator[Action]:
    """Have the right stop: the new one first, then the old one goes.

    One whose fate is unknown does not count: two that only reduce do no harm.
    """
    slot = Slot(Purpose.STOP, n)
    stops = [order for order in mine if order.slot == slot and order.stage in _AT_REST]
    right = [order for order in stops if _same(order.want, want) and order.stage is Stage.OPEN]
    if want is not None and not right and len(stops) < _MOST_STOPS:
        if not any(_same(order.want, want) and order.stage is Stage.SENT for order in stops):
            yield Action(Do.PLACE, n, None, slot, want)
        return  # the old one stays until the new one is known to rest
    keep = right[-1] if right else None
    for order in stops:
        if order is not keep and order.stage is Stage.OPEN:
            yield Action(Do.CANCEL, n, order)


def _same(one: Want, other: Want | None) -> bool:
    """Return whether two wants are one; NaN is equal to itself here."""
    return (
        other is not None
        and one.lots == other.lots
        and np.array_equal(one[1:], other[1:], equal_nan=True)
    )


def _limits(n: int, mine: list[Tracked], resting: dict[Slot, Want]) -> Iterator[Action]:
    """Withdraw limits that no longer belong there, then place those that are missing."""
    at_rest: dict[Slot, Tracked] = {}
    for order in mine:
        if order.slot.purpose in (Purpose.ENTRY, Purpose.EXIT, Purpose.TAKE_PROFIT):
            at_rest[order.slot] = order
            if order.stage is Stage.OPEN and not _same(order.want, resting.get(order.slot)):
                yield Action(Do.CANCEL, n, order)
    for slot, want in resting.items():
        if slot not in at_rest:
            yield Action(Do.PLACE, n, None, slot, want)
