"""An order at a real venue: what it is for, and everything the venue has said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from aster_ray.model.venue import OrderStatus

WITHHELD = "dry run: not sent"  # why a dry run's orders end


class Purpose(StrEnum):
    """What an order at the venue is for."""

    MARKET = "market"  # a part of a symbol's netted order of one close
    CHILD = "child"  # a piece of it, where an algorithm carries it out
    STOP = "stop"  # the symbol's one protective stop, reduce only
    CLOSE = "close"  # at market, reduce only, where no stop can rest
    TAKE_PROFIT = "take_profit"  # of one sleeve
    ENTRY = "entry"  # of a ladder's level
    EXIT = "exit"  # of a ladder's level


class Slot(NamedTuple):
    """The one place an order may have among those of its symbol."""

    purpose: Purpose
    symbol: int
    sleeve: int = -1
    level: int = -1


class Want(NamedTuple):
    """An order that should rest: signed lots, and a limit or a trigger, NaN where none."""

    lots: int
    price: float
    trigger: float


class Part(NamedTuple):
    """One trade of an order; ``fee`` in quote currency."""

    lots: int  # signed
    price: float
    fee: float
    ms: int


class Carried(NamedTuple):
    """A symbol's netted order that an algorithm carries out, as it was decided."""

    parent_id: str
    lots: int  # signed
    decided_ms: int
    price: float  # the close it was decided on
    reduce_only: bool


class Stage(StrEnum):
    """How far an order is, as far as we know."""

    PLANNED = "planned"  # ours alone: nothing was sent
    SENT = "sent"  # no answer yet
    UNKNOWN = "unknown"  # an answer is overdue: ask by id before anything else
    OPEN = "open"  # the venue has it
    ENDED = "ended"  # the venue said it is over


@dataclass(slots=True)
class Tracked:
    """One order and its evidence; two trades of the same id are one trade."""

    client_order_id: str
    slot: Slot
    want: Want
    decided_ms: int
    stage: Stage = Stage.PLANNED
    status: OrderStatus | None = None
    code: str = ""  # why it was rejected
    venue_order_id: str = ""
    reported_lots: int = 0  # signed; what the venue says is executed
    parts: dict[str, Part] = field(default_factory=dict)
    settled: bool = False
    unwanted: bool = False  # a child that its algorithm has withdrawn

    @property
    def is_ended(self) -> bool:
        """Return whether the venue, or we before sending, ended it."""
        return self.stage is Stage.ENDED

    @property
    def is_withheld(self) -> bool:
        """Return whether a dry run kept it back."""
        return self.code == WITHHELD

    @property
    def executed(self) -> int:
        """Return the signed lots of the trades we have seen."""
        return sum(part.lots for part in self.parts.values())

    @property
    def is_complete(self) -> bool:
        """Return whether it is over and every trade of it has been seen."""
        return self.is_ended and self.executed == self.reported_lots

    def mean_price(self) -> float:
        """Return the mean price of its trades; NaN before the first."""
        return mean_price(list(self.parts.values()))

    def tell(self, status: OrderStatus, reported_lots: int) -> None:
        """Take the venue's word; one that is older than what is known changes nothing."""
        if self.is_ended:
            return
        if abs(reported_lots) > abs(self.reported_lots):
            self.reported_lots = reported_lots
        self.status = status
        self.stage = Stage.ENDED if status.is_final else Stage.OPEN

    def trade(self, trade_id: str, part: Part) -> bool:
        """Take one trade; return whether it is new."""
        if trade_id in self.parts:
            return False
        self.parts[trade_id] = part
        executed = self.executed
        if abs(executed) > abs(self.reported_lots):
            self.reported_lots = executed
        if self.stage in (Stage.SENT, Stage.UNKNOWN):
            self.stage = Stage.OPEN
        if executed == self.want.lots and not self.is_ended:
            self.stage, self.status = Stage.ENDED, OrderStatus.FILLED
        return True


def mean_price(parts: list[Part]) -> float:
    """Return the mean price of trades, weighted by lots; NaN for none."""
    lots = sum(part.lots for part in parts)
    return sum(part.lots * part.price for part in parts) / lots if lots else math.nan
