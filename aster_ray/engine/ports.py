"""Where the engine ends and the world begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Protocol

from aster_ray.engine.journal import Loss
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.kernel.market import Market
from aster_ray.model.instrument import Instrument
from aster_ray.model.market import Bar, FundingRate
from aster_ray.model.order import OrderRequest
from aster_ray.model.venue import (
    AccountEvent,
    BookUpdate,
    FundingPayment,
    MarketEvent,
    OrderTicket,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)


class MarketDataPort(Protocol):
    """Closed bars in order, each close time once."""

    @property
    def market(self) -> Market:
        """Symbols, grid and warm-up history."""
        ...

    def batches(self, seq: int) -> Iterator[BarBatch]:
        """Yield the close times from number ``seq`` on."""
        ...


class ExecutionPort(Protocol):
    """Where orders leave the process and evidence comes back."""

    def observe(self, batch: BarBatch) -> VenueReport:
        """Return what happened at the venue until this close time."""
        ...

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Hand orders over as requested; handing over the same number twice changes nothing."""
        ...


class JournalPort(Protocol):
    """An append-only record; what was committed survives the process."""

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        ...

    def commit(self) -> None:
        """Return only once every appended record is on disk."""
        ...


class OwnJournal(JournalPort, Protocol):
    """The journal of its one writer: recovered to its end before anything is added."""

    @property
    def name(self) -> str:
        """Return what it is called in its session."""
        ...

    @property
    def dropped(self) -> Loss:
        """Return what ``recover`` had to cut off; known once it is through."""
        ...

    @property
    def recovered(self) -> int:
        """Return how many records ``recover`` has yielded so far."""
        ...

    def recover(self) -> Iterator[dict[str, Any]]:
        """Become the writer, and yield the records that are there, one at a time."""
        ...

    def scan(self) -> Iterable[dict[str, Any]]:
        """Return one more pass over what is on disk."""
        ...

    def close(self) -> None:
        """Commit and close."""
        ...


class TailPort(Protocol):
    """A journal that somebody else is writing; looking at it takes no lock that they wait for."""

    def first_record(self) -> dict[str, Any] | None:
        """Return the record at the head, or None while there is none."""
        ...

    def new_records(self) -> Iterator[dict[str, Any]]:
        """Yield the whole records that appeared since the last call, one at a time."""
        ...

    def behind(self) -> int:
        """Return how many records are there that were not read yet."""
        ...

    def torn(self) -> Loss:
        """Return what lies behind the last whole record; JournalError if that is damage."""
        ...


class DurableExecutionPort(ExecutionPort, Protocol):
    """A venue that outlives our process and can be asked what it knows."""

    @property
    def report(self) -> VenueReport:
        """Return the evidence on the last close time seen; its number is -1 before the first."""
        ...

    @property
    def accepted(self) -> int:
        """Return the last close time whose orders arrived; -1 for none."""
        ...

    @property
    def batches(self) -> int:
        """Return of how many closes orders arrived."""
        ...

    @property
    def evidence(self) -> int:
        """Return on how many closes something happened."""
        ...

    def has(self, client_order_id: str) -> bool:
        """Return whether an order of this id ever arrived."""
        ...

    def commit(self) -> None:
        """Return only once the venue will not forget what it took and saw."""
        ...


class MarketClient(Protocol):
    """A venue's public side. Every call may raise ``RetryableError`` or ``RejectedError``."""

    @property
    def name(self) -> str:
        """Return what the venue is called, e.g. ``aster``."""
        ...

    async def server_time_ms(self) -> int:
        """Return the venue's clock."""
        ...

    async def instruments(self) -> Sequence[Instrument]:
        """Return every perpetual that trades, with its rules."""
        ...

    async def bars(self, symbol: str, timeframe_ms: int, since_ms: int, limit: int) -> list[Bar]:
        """Return at most ``limit`` bars that open at or after ``since_ms``, oldest first.

        The last one may still be forming: whoever asks compares with the venue's clock.
        """
        ...

    async def mark_bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, limit: int
    ) -> list[Bar]:
        """Return bars of the mark price; volume is zero."""
        ...

    async def funding_rates(self, symbol: str, since_ms: int, limit: int) -> list[FundingRate]:
        """Return settled rates at or after ``since_ms``, oldest first."""
        ...

    async def book(self, symbol: str, depth: int) -> BookUpdate:
        """Return the best ``depth`` levels of each side."""
        ...

    def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        """Yield bars as they form, marks and books until the client is closed.

        Survives disconnections and stalls; says ``Interrupted`` wherever something may be missing.
        """
        ...

    async def close(self) -> None:
        """End every stream and connection."""
        ...


class TradingClient(Protocol):
    """An account at a venue.

    Raises:
        RetryableError: nothing happened; back off and ask the same again.
        OutcomeUnknownError: it may have happened; query by client order id before anything else.
        RejectedError: the venue said no, and will again.
    """

    async def place(self, ticket: OrderTicket) -> VenueOrder:
        """Hand an order over; what returns is evidence that the venue took it."""
        ...

    async def cancel(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Withdraw an order; None if the venue has no such open order."""
        ...

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Return what the venue knows of an order of ours; None if it never heard of it."""
        ...

    async def open_orders(self) -> list[VenueOrder]:
        """Return all that rests, whoever placed it."""
        ...

    async def positions(self) -> list[VenuePosition]:
        """Return what is held; nothing for symbols that are flat."""
        ...

    async def balance(self) -> VenueBalance:
        """Return the margin account."""
        ...

    async def trades(self, symbol: str, since_ms: int) -> list[VenueTrade]:
        """Return all our executions from ``since_ms`` on, oldest first, none twice."""
        ...

    async def funding_payments(self, since_ms: int) -> list[FundingPayment]:
        """Return all settlements from ``since_ms`` on, oldest first."""
        ...

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Choose the leverage of one symbol; repeating it changes nothing."""
        ...

    async def set_margin_mode(self, symbol: str, *, isolated: bool) -> None:
        """Choose isolated or cross margin for one symbol; repeating it changes nothing."""
        ...

    async def cancel_all_after(self, symbol: str, milliseconds: int) -> None:
        """Let the venue withdraw everything unless this is said again in time; 0 = never."""
        ...

    def events(self) -> AsyncIterator[AccountEvent]:
        """Yield what happens to the account until the client is closed.

        The first event is ``Interrupted``: what is asked after it and what is heard leave no gap.
        Survives disconnections, key expiry and stalls; says ``Interrupted`` wherever something may
        be missing. Events may come twice or out of order.
        """
        ...

    async def close(self) -> None:
        """End every stream and connection."""
        ...
