"""What a venue says and is told, in one vocabulary for every exchange.

Symbols are venue ids (``BTCUSDT``), quantities base asset, prices quote currency, times UTC
milliseconds of the venue's clock. A client translates its exchange into these and nothing else of
it gets further; whoever trades turns quantities into lots with the instrument's rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aster_ray.model.enums import Side
from aster_ray.model.market import Bar, FundingRate, MarkPrice, Quote


class OrderType(StrEnum):
    """How an order finds its price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"  # a limit order once triggered
    STOP_MARKET = "stop_market"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_MARKET = "take_profit_market"
    TRAILING_STOP_MARKET = "trailing_stop_market"


class TimeInForce(StrEnum):
    """How long an order waits."""

    GTC = "gtc"  # until canceled
    IOC = "ioc"  # what does not fill at once ends
    FOK = "fok"  # all at once or nothing
    GTX = "gtx"  # maker only: one that would take liquidity ends


class OrderStatus(StrEnum):
    """Where the venue says an order stands."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Return whether nothing can happen to the order any more."""
        return self not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTicket:
    """An order as it is handed to a venue; ``None`` where a price does not apply.

    ``qty`` is positive. A trigger is compared with the mark price if ``on_mark``, else the last.
    """

    symbol: str
    client_order_id: str
    side: Side
    type: OrderType
    qty: float
    price: float | None = None
    trigger_price: float | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    on_mark: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue tells of it; ``average_price`` is None until something filled."""

    symbol: str
    client_order_id: str
    venue_order_id: str
    status: OrderStatus
    side: Side
    type: OrderType
    qty: float
    filled_qty: float
    average_price: float | None
    price: float | None
    trigger_price: float | None
    reduce_only: bool
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One execution of ours. ``fee`` in ``fee_asset``, negative = a rebate.

    ``client_order_id`` is empty where the venue names only its own id (lists of past trades).
    """

    symbol: str
    trade_id: str
    venue_order_id: str
    client_order_id: str
    side: Side
    qty: float
    price: float
    fee: float
    fee_asset: str
    maker: bool
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """A position; ``qty`` is signed, ``liquidation_price`` None where there is none."""

    symbol: str
    qty: float
    entry_price: float
    mark_price: float
    unrealized: float
    leverage: float
    isolated: bool
    liquidation_price: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBalance:
    """The margin account: wallet without and ``equity`` with unrealized PnL."""

    asset: str
    wallet: float
    equity: float
    available: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """A settlement booked to our wallet; ``amount`` paid by us is positive."""

    symbol: str
    payment_id: str
    amount: float
    asset: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """The venue tells of an order of this account, with the execution that caused it, if any."""

    order: VenueOrder
    trade: VenueTrade | None


@dataclass(frozen=True, slots=True)
class PositionUpdate:
    """What an account holds of one symbol now; ``qty`` signed."""

    symbol: str
    qty: float
    entry_price: float
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Events may be missing from ``since_ms`` on: whoever reads must ask by REST what it missed."""

    since_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class BarUpdate:
    """A bar as it forms; it is final only once its successor has begun."""

    symbol: str
    timeframe_ms: int
    bar: Bar
    event_ms: int


@dataclass(frozen=True, slots=True)
class MarkUpdate:
    """Mark price, and the funding rate that settles next at ``funding.ts_ms``."""

    symbol: str
    mark: MarkPrice
    funding: FundingRate


@dataclass(frozen=True, slots=True)
class QuoteUpdate:
    """Best prices."""

    symbol: str
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class BookUpdate:
    """The best levels of an order book as (price, qty), best first."""

    symbol: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    ts_ms: int


AccountEvent = OrderUpdate | PositionUpdate | FundingPayment | Interrupted
MarketEvent = BarUpdate | MarkUpdate | QuoteUpdate | BookUpdate | Interrupted
