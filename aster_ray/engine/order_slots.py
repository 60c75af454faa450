"""Every order of a session and its state, and the slots in which some of them rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aster_ray.model.ids import client_order_id
from aster_ray.model.order import (
    Filled,
    InFlight,
    Order,
    OrderKind,
    OrderRequest,
    Rejected,
    acknowledge,
    cancel,
    fill,
)

Slot = tuple[int, str, int]  # sleeve, what for, ladder level


class OrderSlots:
    """Orders by id; in a slot at most one rests at a time.

    ``at_venue``: evidence may cross our own decisions on the way, as it does at a real venue. A
    paper venue does exactly what it was told, so there the same is a contradiction.
    """

    def __init__(self, symbols: Sequence[str], strategies: int, *, at_venue: bool = False) -> None:
        self.at_venue = at_venue
        self._symbols = tuple(symbols)
        self._strategies = strategies
        self.orders: dict[str, Order] = {}
        self.asked: list[str] = []  # not acknowledged yet
        self.resting: dict[Slot, str] = {}
        self._withdrawn: dict[Slot, str] = {}  # what rested in a slot last

    @property
    def withdrawn(self) -> set[str]:
        """Return what rested last in the slots that are empty now."""
        return set(self._withdrawn.values())

    def add(self, request: OrderRequest) -> OrderRequest:
        """Take up an order that is about to be sent."""
        self.orders[request.client_order_id] = Order(request, InFlight())
        self.asked.append(request.client_order_id)
        return request

    def acknowledge(self, close_ms: int) -> None:
        """Take the venue's word that everything asked for at ``close_ms`` rests."""
        for known in self.asked:
            if self.orders[known].request.decided_ms == close_ms:
                self.orders[known] = acknowledge(self.orders[known])
        self.asked.clear()

    def place(
        self, slot: Slot, kind: OrderKind, lots: int, price: float, close_ms: int
    ) -> OrderRequest:
        """Rest an order in a slot, withdrawing what rested there before."""
        self.withdraw(slot)
        i, purpose, k = slot
        n = i // self._strategies
        part = 0
        known = client_order_id(self._symbols[n], close_ms, purpose, i, k)
        while known in self.orders:
            part += 1  # replaced within one close: first the entry's stop, then a tier's
            known = client_order_id(self._symbols[n], close_ms, purpose, i, k, part)
        request = OrderRequest(
            client_order_id=known,
            decided_ms=close_ms,
            symbol=n,
            sleeve=i,
            kind=kind,
            lots=lots,
            price=price,
            level=k,
        )
        self.resting[slot] = request.client_order_id
        return self.add(request)

    def reported(self, slot: Slot, kind: OrderKind, lots: int, price: float, close_ms: int) -> None:
        """Note an order that the venue itself reports as resting."""
        known = self.place(slot, kind, lots, price, close_ms).client_order_id
        self.asked.remove(known)
        self.orders[known] = acknowledge(self.orders[known])

    def withdraw(self, slot: Slot) -> None:
        """Cancel what rests in a slot."""
        known = self.resting.pop(slot, None)
        if known is not None:
            self.orders[known] = cancel(self.orders[known])
            if self.at_venue:
                self._withdrawn[slot] = known

    def withdraw_symbol(self, n: int) -> None:
        """Cancel everything that rests for one symbol."""
        for slot in [slot for slot in self.resting if slot[0] // self._strategies == n]:
            self.withdraw(slot)

    def rests(self, slot: Slot, lots: int, price: float) -> bool:
        """Return whether exactly such an order rests in a slot."""
        known = self.resting.get(slot)
        if known is None:
            return False
        request = self.orders[known].request
        return request.lots == lots and request.price == price

    def hit(self, slot: Slot, kind: OrderKind, done: tuple[int, float], close_ms: int) -> None:
        """Book an execution, (lots, price), to the order of a slot, which is over then.

        A real venue may execute an order that we were about to withdraw: the fill is that order's;
        with none to give it to, the venue's word makes one.

        Raises:
            KeyError, ValueError: no order rests there, or not so much of it, at a paper venue.
        """
        lots, price = done
        if not self.at_venue:
            self.fill(self.resting.pop(slot), lots, price)
            return
        known = self.resting.pop(slot, None) or self._withdrawn.pop(slot, None)
        if known is None or not _has_room(self.orders[known], lots):
            is_limit = kind not in (OrderKind.MARKET, OrderKind.LIQUIDATION)
            self.reported(slot, kind, lots, price if is_limit else math.nan, close_ms)
            known = self.resting.pop(slot)
        self.fill(known, lots, price)
        self.end(known)

    def fill(self, known: str, lots: int, price: float) -> None:
        """Book an execution to an order."""
        self.orders[known] = fill(acknowledge(self.orders[known]), lots, price)

    def end(self, known: str) -> None:
        """Withdraw what is left of an order, if anything is."""
        self.orders[known] = cancel(self.orders[known])


def _has_room(order: Order, lots: int) -> bool:
    """Return whether ``lots`` more may have been executed of an order."""
    asked, done = order.request.lots, order.filled_lots
    return not isinstance(order.state, Filled | Rejected) and (
        abs(done + lots) <= abs(asked) and lots * asked > 0
    )
