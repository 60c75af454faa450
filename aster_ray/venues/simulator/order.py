"""An order as the exchange keeps it: what was asked, and how far it got."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aster_ray.model.enums import Side
from aster_ray.model.ids import DAY_MS
from aster_ray.venues.simulator.book import Entry

_FORGOTTEN_MS = 7 * DAY_MS


class OrderType(StrEnum):
    """What may be asked for, and the one kind only the exchange itself sends."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    LIQUIDATION = "LIQUIDATION"

    @property
    def is_conditional(self) -> bool:
        """Return whether it waits for a price before it reaches the book."""
        return self not in (OrderType.LIMIT, OrderType.MARKET, OrderType.LIQUIDATION)

    @property
    def has_price(self) -> bool:
        """Return whether it names a limit price."""
        return self in (OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)

    @property
    def is_stop(self) -> bool:
        """Return whether it waits for the price to move against its direction of profit."""
        return self in (OrderType.STOP, OrderType.STOP_MARKET)


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "GTC"  # until canceled
    IOC = "IOC"  # what does not trade at once expires
    FOK = "FOK"  # all at once or nothing
    GTX = "GTX"  # only as a maker


class Status(StrEnum):
    """Where an order stands."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    NEW_INSURANCE = "NEW_INSURANCE"  # a liquidation the insurance fund took over


OPEN = (Status.NEW, Status.PARTIALLY_FILLED)


class PositionSide(StrEnum):
    """Which position an order moves: the one of one-way mode, or one of hedge mode's two."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class WorkingType(StrEnum):
    """Which price a conditional order waits for."""

    CONTRACT_PRICE = "CONTRACT_PRICE"  # the last trade
    MARK_PRICE = "MARK_PRICE"


class SelfTrade(StrEnum):
    """Which of two orders of one account gives way instead of trading with the other."""

    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What a client asked for, read and checked as far as that needs no state.

    Attributes:
        lots: unsigned; 0 only with ``close_position``.
        ticks: limit price; 0 for an order without one.
        stop_ticks: trigger; 0 for an order without one.
        callback: distance of a trailing stop, a fraction in units.
        activation_ticks: price from which a trailing stop follows; 0 for at once.
        builder_fee: what the builder takes, a fraction in units.
    """

    symbol: str
    side: Side
    kind: OrderType
    client_id: str
    lots: int = 0
    ticks: int = 0
    stop_ticks: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working: WorkingType = WorkingType.CONTRACT_PRICE
    price_protect: bool = False
    callback: int = 0
    activation_ticks: int = 0
    self_trade: SelfTrade | None = None
    builder: str = ""
    builder_fee: int = 0

    @property
    def only_closes(self) -> bool:
        """Return whether it can never open: by flag, or by the side of hedge mode it is on."""
        closing = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}
        return (
            self.reduce_only or self.close_position or closing.get(self.position_side) == self.side
        )


@dataclass(slots=True)
class Order:
    """An accepted order.

    Attributes:
        account: number of its owner.
        kind: what it is now; a triggered STOP has become a LIMIT.
        lots, ticks: as amended or shrunk.
        cost: sum of the notional of its fills, in units.
        entry: its place in the book while it rests.
        waiting: it waits for its trigger.
        peak: best price a trailing stop has seen, in units; 0 before it follows.
    """

    order_id: int
    account: int
    request: OrderRequest
    created_ms: int
    updated_ms: int
    kind: OrderType
    lots: int
    ticks: int
    status: Status = Status.NEW
    filled: int = 0
    cost: int = 0
    entry: Entry | None = None
    waiting: bool = False
    peak: int = 0

    @property
    def is_open(self) -> bool:
        """Return whether anything can still happen to it."""
        return self.status in OPEN

    def is_forgotten(self, now_ms: int) -> bool:
        """Return whether it ended unfilled so long ago that the venue no longer knows it."""
        over = self.status in (Status.CANCELED, Status.EXPIRED) and self.filled == 0
        return over and self.created_ms < now_ms - _FORGOTTEN_MS

    @property
    def left(self) -> int:
        """Return the lots that have not traded."""
        return self.lots - self.filled


def new_order(order_id: int, account: int, request: OrderRequest, now_ms: int) -> Order:
    """Return a request as an order that was just accepted."""
    return Order(
        order_id=order_id,
        account=account,
        request=request,
        created_ms=now_ms,
        updated_ms=now_ms,
        kind=request.kind,
        lots=request.lots,
        ticks=request.ticks,
        waiting=request.kind.is_conditional,
    )
