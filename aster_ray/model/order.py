"""An order: what was asked, and its state as a sum type.

A field exists only in the state that has it. Only venue evidence moves an order on, and only a
terminal state ends it; a missing answer is ``Unknown``, never a rejection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class OrderKind(StrEnum):
    """What rests at the venue."""

    MARKET = "market"  # the symbol's netted order of one close
    CROSS = "cross"  # sleeves trading with each other: nothing leaves the account
    STOP = "stop"  # protective, reduce only
    TAKE_PROFIT = "take_profit"  # limit, reduce only
    LADDER_ENTRY = "ladder_entry"  # limit
    LADDER_EXIT = "ladder_exit"  # limit, reduce only
    LIQUIDATION = "liquidation"  # the venue's own


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What we ask, before any answer.

    ``lots`` is signed; ``price`` is the limit or trigger, NaN for a market order; ``sleeve`` is
    -1 where the order belongs to several.
    """

    client_order_id: str
    decided_ms: int
    symbol: int
    sleeve: int
    kind: OrderKind
    lots: int
    price: float
    reason: str = ""
    level: int = -1


@dataclass(frozen=True, slots=True)
class InFlight:
    """Sent; no answer yet."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An answer is overdue: query by id before anything else."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class Open:
    """Acknowledged and resting; may be partly filled."""

    filled_lots: int = 0
    cost: float = 0.0  # sum of lots x price


@dataclass(frozen=True, slots=True)
class Filled:
    """Done."""

    filled_lots: int
    cost: float


@dataclass(frozen=True, slots=True)
class Canceled:
    """Withdrawn by us or ended by the venue; what had filled stays filled."""

    filled_lots: int
    cost: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused by the venue."""

    code: str


OrderState = InFlight | Unknown | Open | Filled | Canceled | Rejected
TERMINAL = (Filled, Canceled, Rejected)


@dataclass(frozen=True, slots=True)
class Order:
    """A request and where it stands."""

    request: OrderRequest
    state: OrderState

    @property
    def is_done(self) -> bool:
        """Return whether nothing can happen to it any more."""
        return isinstance(self.state, TERMINAL)

    @property
    def filled_lots(self) -> int:
        """Return the signed lots executed so far."""
        return (
            0 if isinstance(self.state, InFlight | Unknown | Rejected) else self.state.filled_lots
        )

    @property
    def average_price(self) -> float | None:
        """Return the mean execution price; None while nothing has filled."""
        if isinstance(self.state, InFlight | Unknown | Rejected) or self.state.filled_lots == 0:
            return None
        return self.state.cost / self.state.filled_lots


def acknowledge(order: Order) -> Order:
    """Take the venue's word that the order rests; a later word changes nothing."""
    return replace(order, state=Open()) if isinstance(order.state, InFlight | Unknown) else order


def fill(order: Order, lots: int, price: float) -> Order:
    """Book an execution; a fill may overtake its acknowledgement."""
    before = order.state
    if isinstance(before, Filled | Rejected):
        message = f"fill of {lots} lots after the end of order {order.request}"
        raise ValueError(message)  # noqa: TRY004 - a wrong state, not a wrong type
    done, cost = (
        (0, 0.0) if isinstance(before, InFlight | Unknown) else (before.filled_lots, before.cost)
    )
    done, cost = done + lots, cost + lots * price
    if abs(done) > abs(order.request.lots) or lots * order.request.lots <= 0:
        raise ValueError(f"fill of {lots} lots exceeds order {order.request}")
    if isinstance(before, Canceled):
        return replace(order, state=Canceled(done, cost))
    return replace(
        order, state=Filled(done, cost) if done == order.request.lots else Open(done, cost)
    )


def cancel(order: Order) -> Order:
    """Take the venue's word that the order no longer rests."""
    if order.is_done:
        return order
    done, cost = (
        (order.state.filled_lots, order.state.cost) if isinstance(order.state, Open) else (0, 0.0)
    )
    return replace(order, state=Canceled(done, cost))


# The paper venue answers at once and takes what the risk desk permits, so it brings neither of the
# two below about. A venue behind a network does both, and an order's life is complete only with
# them: without ``Unknown`` a time-out would have to be called a rejection.


def lose_track(order: Order, now_ms: int) -> Order:
    """Note that an answer is overdue; only a query may end this."""
    return replace(order, state=Unknown(now_ms)) if isinstance(order.state, InFlight) else order


def reject(order: Order, code: str) -> Order:
    """Take the venue's refusal; one that comes after it rested ends it, and fills stay fills."""
    if order.is_done or isinstance(order.state, Open):
        return cancel(order)
    return replace(order, state=Rejected(code))
