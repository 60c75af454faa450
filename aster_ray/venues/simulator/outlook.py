"""How much of the recording can be taken for what happens, because no account has a part in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.admission import would_trigger
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.margin import Margins
from aster_ray.venues.simulator.order import Order, OrderType, WorkingType
from aster_ray.venues.simulator.tape import Tape

_HIGH, _LOW = 1, 2
_NOWHERE = np.iinfo(np.int64).max
# The bounds of the mark are floats, which only decide how closely one looks: they are widened by
# more than they can be wrong.
_SLACK = 1e-9


class _Range(NamedTuple):
    """Bounds of the last price and the mark in units, f8[T] each; a row without a bar has none."""

    last_low: np.ndarray
    last_high: np.ndarray
    mark_low: np.ndarray
    mark_high: np.ndarray


class Outlook:
    """Looks ahead on the tape for rows in which nothing can happen to anybody.

    It errs on the side of looking closely: a row it calls calm triggers no order, fills none and
    brings no account near a margin call, by whatever path prices go through it.
    """

    def __init__(self, floor: Floor, tape: Tape) -> None:
        self._floor = floor
        self._tape = tape
        self._listings = list(floor.listings.values())
        self._contracts = {name: listing.contract for name, listing in floor.listings.items()}

    def calm_rows(self, first: int, limit: int) -> int:
        """Return how many rows from ``first`` on, none at or beyond ``limit``, are calm."""
        count = max(0, limit - first)
        for n, listing in enumerate(self._listings):
            if count and (listing.waiting or listing.has_resting):
                count = self._untouched(n, listing, slice(first, first + count))
        while count and not self._is_safe(slice(first, first + count)):
            count //= 2
        return count

    def concerned(self, row: int) -> frozenset[int]:
        """Return the contracts in which something may happen to an order or a margin in a row."""
        rows = slice(row, row + 1)
        if not self._is_safe(rows):
            return frozenset(range(len(self._listings)))
        return frozenset(
            n
            for n, listing in enumerate(self._listings)
            if (listing.waiting or listing.has_resting) and not self._untouched(n, listing, rows)
        )

    def _untouched(self, n: int, listing: Listing, rows: slice) -> int:
        """Return how many rows pass before an order of the contract can be reached."""
        for order in listing.waiting.values():
            follows = order.kind is OrderType.TRAILING_STOP_MARKET
            if follows or would_trigger(listing, order.request):
                return 0
        span = self._range(n, listing, rows)
        if span is None:
            return 0
        touched = np.zeros(rows.stop - rows.start, dtype=bool)
        for order in listing.waiting.values():
            touched |= _triggers(order, listing, span)
        if listing.has_resting:
            tick = listing.contract.tick_units
            for entry in listing.own:
                price = entry.ticks * tick
                buys = entry.side is Side.BUY
                touched |= span.last_low <= price if buys else span.last_high >= price
        return int(touched.argmax()) if touched.any() else len(touched)

    def _range(self, n: int, listing: Listing, rows: slice) -> _Range | None:
        """Return the bounds of a contract's prices; None if they are not known.

        The mark is the median of three estimates, so it lies between any two of them: the last
        price, and the index with the funding that is still to come.
        """
        ticks = self._tape.ticks[rows, n].astype(np.float64) * listing.contract.tick_units
        index = self._tape.index[rows.start - 1 : rows.stop, n].astype(np.float64)
        if np.any(index <= 0.0):
            return None
        there = ticks[:, 0] > 0.0
        low = np.where(there, ticks[:, _LOW], float(_NOWHERE))
        high = np.where(there, ticks[:, _HIGH], 0.0)
        left = max(0, listing.next_funding_ms - self._floor.now_ms)
        wide = abs(listing.funding_rate) / UNIT * left / (8 * HOUR_MS) + _SLACK
        index_low = np.minimum(index[:-1], index[1:]) * (1.0 - wide)
        index_high = np.maximum(index[:-1], index[1:]) * (1.0 + wide)
        mark_low = np.where(there, np.minimum(low, index_low), float(_NOWHERE))
        mark_high = np.where(there, np.maximum(high, index_high), 0.0)
        return _Range(low, high, mark_low, mark_high)

    def _is_safe(self, rows: slice) -> bool:
        """Return whether every account keeps its margin at the worst marks of the rows."""
        owners = [account for account in self._floor.accounts if any(True for _ in account.held())]
        if not owners:
            return True
        held = {position.symbol for account in owners for position in account.held()}
        low, high = {}, {}
        for n, listing in enumerate(self._listings):
            symbol = listing.contract.symbol
            if symbol in held:
                span = self._range(n, listing, rows)
                if span is None:
                    return False
                low[symbol] = min(listing.mark, int(span.mark_low.min()))
                high[symbol] = max(listing.mark, int(span.mark_high.max()))
        return all(self._is_healthy(account, low, high) for account in owners)

    def _is_healthy(
        self, account: Account, low: Mapping[str, int], high: Mapping[str, int]
    ) -> bool:
        """Return whether an account is far from a margin call at the worst of two sets of marks."""
        if account.warned:
            return False
        lowest = Margins(self._contracts, lambda symbol: low[symbol])
        highest = Margins(self._contracts, lambda symbol: high[symbol])
        balance, kept = account.cross_wallet, 0
        for position in account.held():
            profit = min(lowest.unrealized(position), highest.unrealized(position))
            needed = max(lowest.maintenance(position), highest.maintenance(position))
            if position.symbol not in account.isolated:
                balance, kept = balance + profit, kept + needed
            elif position.isolated + profit < needed:
                return False
        return kept == 0 or kept * UNIT < balance * self._floor.conduct.margin_call


def _triggers(order: Order, listing: Listing, span: _Range) -> np.ndarray:
    """Return in which rows the price of a waiting order can be reached."""
    request = order.request
    on_mark = request.working is WorkingType.MARK_PRICE
    goal = request.stop_ticks * listing.contract.tick_units
    waits_above = (request.side is Side.BUY) == request.kind.is_stop
    if waits_above:
        found: np.ndarray = (span.mark_high if on_mark else span.last_high) >= goal
    else:
        found = (span.mark_low if on_mark else span.last_low) <= goal
    return found
