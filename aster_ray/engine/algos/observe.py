"""What an execution algorithm is told: time, quotes, public volume, and evidence on its children.

Everything is a level, never a difference: the volume since the decision, the lots a child has
filled so far. What is told twice changes nothing, and the next makes up for what was missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aster_ray.model.enums import Side
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import OrderStatus, VenueOrder


class Evidence(StrEnum):
    """What is known of a child."""

    NONE = "none"  # handed over; no answer yet
    UNKNOWN = "unknown"  # an answer is overdue: it may rest, trade or never have arrived
    OPEN = "open"
    DONE = "done"  # filled, withdrawn, expired, or known never to have arrived
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Tick:
    """It is ``ms`` now."""

    ms: int


Levels = tuple[tuple[float, float], ...]  # (price, lots), best first


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSeen:
    """The best levels of the book.

    Attributes:
        usual_spread: what the spread usually is, as a fraction of the price; only from the past.
    """

    ms: int
    bids: Levels
    asks: Levels
    usual_spread: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Return whether there is a price on both sides."""
        return bool(self.bids and self.asks) and self.asks[0][0] > self.bids[0][0] > 0.0

    @property
    def mid(self) -> float:
        """Return the price in the middle."""
        return 0.5 * (self.bids[0][0] + self.asks[0][0])

    @property
    def half_spread(self) -> float:
        """Return the distance of the best prices from the middle."""
        return 0.5 * (self.asks[0][0] - self.bids[0][0])

    def ours(self, side: Side) -> Levels:
        """Return the side on which an order of ``side`` rests."""
        return self.bids if side is Side.BUY else self.asks

    def theirs(self, side: Side) -> Levels:
        """Return the side from which an order of ``side`` takes."""
        return self.asks if side is Side.BUY else self.bids


@dataclass(frozen=True, slots=True)
class Traded:
    """``lots`` were traded publicly since the parent was decided, our own included."""

    ms: int
    lots: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildUpdate:
    """Evidence on a child. Sums over its whole life, as the venue tells them.

    ``Evidence.DONE`` must carry all it filled, which is what a venue's final order says. A child
    that the venue never heard of is DONE with nothing filled, but only once its request can no
    longer be accepted.

    Attributes:
        filled: unsigned lots.
        cost: sum of lots x price of them.
        fee: in quote currency; None where it is not told.
    """

    child_id: str
    ms: int
    evidence: Evidence
    filled: int = 0
    cost: float = 0.0
    fee: float | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Place nothing more and withdraw what rests: an operator's word, or another decision."""

    ms: int
    why: str


Observation = Tick | BookSeen | Traded | ChildUpdate | Stop


def update_of(order: VenueOrder, instrument: Instrument, fee: float | None = None) -> ChildUpdate:
    """Return what a venue says of an order as evidence on a child."""
    filled = instrument.to_lots(order.filled_qty)
    if order.status is OrderStatus.REJECTED:
        evidence = Evidence.REJECTED
    else:
        evidence = Evidence.DONE if order.status.is_final else Evidence.OPEN
    return ChildUpdate(
        child_id=order.client_order_id,
        ms=order.updated_ms,
        evidence=evidence,
        filled=filled,
        cost=filled * (order.average_price or order.price or 0.0),
        fee=fee,
    )
