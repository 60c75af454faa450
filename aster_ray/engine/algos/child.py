"""A child order: what was handed to the venue, and the evidence on it.

Quantities are unsigned lots, sums over the child's life; the side is the parent's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.parent import Parent
from aster_ray.model.ids import client_order_id
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import OrderTicket, OrderType, TimeInForce


class Style(StrEnum):
    """How a child trades."""

    MARKET = "market"
    TAKE = "take"  # a limit that takes at once what it can and ends (IOC)
    REST = "rest"  # a limit that only ever makes (GTX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Hand a child over to the venue.

    Attributes:
        number: of the child within its parent, from 0, without gaps.
        ticks: limit price in ticks; 0 for none.
        mid, half_spread: the quotes it was decided on; 0.0 where there were none.
        level: lots of the parent that were traded or at work, this child included.
    """

    parent_id: str
    child_id: str
    number: int
    ms: int
    style: Style
    lots: int
    ticks: int = 0
    mid: float = 0.0
    half_spread: float = 0.0
    level: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Withdraw a child; saying it twice changes nothing."""

    parent_id: str
    child_id: str
    ms: int


Action = Place | Cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A placed child and what is known of it.

    Attributes:
        cost: sum of lots x price of what filled.
        fee: in quote currency, negative = a rebate; None until it was told.
        told_ms: when the last evidence came.
        cancel_ms: when its withdrawal was last asked for; 0 = never.
        cancels: how often it was.
    """

    placed: Place
    evidence: Evidence = Evidence.NONE
    filled: int = 0
    cost: float = 0.0
    fee: float | None = None
    told_ms: int = 0
    cancel_ms: int = 0
    cancels: int = 0
    code: str = ""

    @property
    def is_done(self) -> bool:
        """Return whether nothing can happen to it any more."""
        return self.evidence in (Evidence.DONE, Evidence.REJECTED)

    @property
    def outstanding(self) -> int:
        """Return what may still trade; a child in doubt may."""
        return 0 if self.is_done else self.placed.lots - self.filled

    @property
    def is_barren(self) -> bool:
        """Return whether the venue ended it before it traded."""
        return self.is_done and self.filled == 0 and not self.cancel_ms

    @property
    def rests(self) -> bool:
        """Return whether it waits in the book, or may."""
        return self.outstanding > 0 and (
            self.placed.style is Style.REST or self.evidence is Evidence.OPEN
        )


def hear(child: Child, update: ChildUpdate) -> Child:
    """Take evidence on a child. It may come twice, late, or in any order.

    What filled only grows and an end is final, so the order of arrival does not matter. What says
    nothing new changes nothing.

    Raises:
        ValueError: more filled than was asked for.
    """
    if update.filled > child.placed.lots:
        raise ValueError(f"{update.filled} lots filled exceed {child.placed}")
    news = child
    if update.filled > child.filled:
        news = replace(news, filled=update.filled, cost=update.cost)
    if update.fee is not None and update.filled >= child.filled:
        news = replace(news, fee=update.fee)
    if child.is_done:
        return news
    evidence = update.evidence
    if news.filled == child.placed.lots or (evidence is Evidence.REJECTED and news.filled):
        evidence = Evidence.DONE
    elif evidence is Evidence.NONE or (
        evidence is Evidence.UNKNOWN and child.evidence is Evidence.OPEN
    ):
        evidence = child.evidence
    news = replace(news, evidence=evidence, code=update.code or child.code)
    return news if news == child else replace(news, told_ms=update.ms)


def child_id(parent: Parent, number: int) -> str:
    """Return the client order id of a parent's child: the same after every restart."""
    return client_order_id(parent.parent_id, parent.decided_ms, "child", part=number)


def ticket(parent: Parent, place: Place, instrument: Instrument) -> OrderTicket:
    """Return a child as the venue's client takes it."""
    limit = place.style is not Style.MARKET
    force = {Style.REST: TimeInForce.GTX, Style.TAKE: TimeInForce.IOC}
    return OrderTicket(
        symbol=parent.symbol,
        client_order_id=place.child_id,
        side=parent.side,
        type=OrderType.LIMIT if limit else OrderType.MARKET,
        qty=instrument.to_qty(place.lots),
        price=float(place.ticks * instrument.tick) if limit else None,
        time_in_force=force.get(place.style, TimeInForce.GTC),
        reduce_only=parent.reduce_only,
    )
