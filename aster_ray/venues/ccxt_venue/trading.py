"""An account at a venue: what is sent, what is asked, and what a failure leaves to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import structlog

from aster_ray.errors import AsterError, OutcomeUnknownError, RejectedError
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    AccountEvent,
    FundingPayment,
    OrderTicket,
    OrderType,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from aster_ray.venues.ccxt_venue.budget import Priority
from aster_ray.venues.ccxt_venue.dialect import Dialect
from aster_ray.venues.ccxt_venue.faults import Failure, Operation, as_error
from aster_ray.venues.ccxt_venue.gateway import Gateway, VenueError
from aster_ray.venues.ccxt_venue.listings import Listings

T = TypeVar("T")
_MOST_PAGES = 1000
_PRICED = (OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)
_UNTRIGGERED = (OrderType.MARKET, OrderType.LIMIT)


class AccountStream(Protocol):
    """Where an account's events come from."""

    def events(self) -> AsyncIterator[AccountEvent]:
        """Yield events until closed."""
        ...

    async def close(self) -> None:
        """End the stream."""
        ...


class VenueTrading:
    """Trades one account.

    Args:
        gateway: where ccxt is called.
        listings: the venue's contracts.
        dialect: how this venue is spoken to.
        stream: what happens to the account.
        release: called once nothing is needed any more.
    """

    def __init__(
        self,
        gateway: Gateway,
        listings: Listings,
        dialect: Dialect,
        stream: AccountStream,
        release: Callable[[], Awaitable[None]],
    ) -> None:
        self._gateway = gateway
        self._listings = listings
        self._dialect = dialect
        self._stream = stream
        self._release = release

    async def place(self, ticket: OrderTicket) -> VenueOrder:
        """Hand an order over; what returns is evidence that the venue took it.

        Quantities must be whole lots: nothing is sent that differs from what was decided. Prices
        are rounded to the nearest tick. An id the venue knows already is answered with the order
        that bears it.
        """
        market = await self._listings.market(ticket.symbol)
        rules = await self._listings.rules(ticket.symbol)
        _check(ticket, rules)
        what = f"order {ticket.client_order_id} of {ticket.symbol}"
        priority = Priority.PROTECT if ticket.reduce_only else Priority.CREATE
        try:
            return await self._gateway.attempt(
                lambda: self._dialect.place(market, ticket, rules), Operation.PLACE, priority
            )
        except VenueError as problem:
            failure = problem.failure
            if failure is not Failure.DUPLICATE:
                raise await self._gateway.named(problem, Operation.PLACE, what) from None
            duplicate = as_error(
                failure, Operation.PLACE, f"{self._gateway.name} {what}", problem.trace
            )
        try:
            known = await self.order(ticket.symbol, ticket.client_order_id)
        except AsterError as error:
            raise OutcomeUnknownError(f"{duplicate}; {error}") from None
        if known is None:
            raise duplicate
        return known

    async def cancel(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Withdraw an order; None if the venue has no such open order."""
        market = await self._listings.market(symbol)
        return await self._find(
            f"cancel of {client_order_id} of {symbol}",
            lambda: self._dialect.cancel(market, client_order_id),
            (Operation.CANCEL, Priority.PROTECT),
        )

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Return what the venue knows of an order of ours; None if it never heard of it."""
        market = await self._listings.market(symbol)
        return await self._find(
            f"question for order {client_order_id} of {symbol}",
            lambda: self._dialect.order(market, client_order_id),
            (Operation.READ, Priority.CREATE),
        )

    async def _find(
        self, what: str, call: Callable[[], Awaitable[T]], how: tuple[Operation, Priority]
    ) -> T | None:
        try:
            return await self._gateway.attempt(call, *how)
        except VenueError as problem:
            if problem.failure is Failure.ABSENT:
                return None
            raise await self._gateway.named(problem, how[0], what) from None

    async def open_orders(self) -> list[VenueOrder]:
        """Return all that rests, whoever placed it."""
        await self._listings.load()
        return await self._gateway.ask("open orders", self._dialect.open_orders)

    async def positions(self) -> list[VenuePosition]:
        """Return what is held; nothing for symbols that are flat."""
        await self._listings.load()
        found = await self._gateway.ask("positions", self._dialect.positions)
        return [position for position in found if position.qty]

    async def balance(self) -> VenueBalance:
        """Return the margin account."""
        return await self._gateway.ask("balance", self._dialect.balance)

    async def trades(self, symbol: str, since_ms: int) -> list[VenueTrade]:
        """Return all our executions from ``since_ms`` on, oldest first, none twice."""
        market = await self._listings.market(symbol)
        found: dict[str, VenueTrade] = {}
        last: VenueTrade | None = None
        for _ in range(_MOST_PAGES):
            page = await self._gateway.ask(
                f"trades of {symbol}", partial(self._dialect.trades, market, since_ms, last)
            )
            fresh = [trade for trade in page if trade.trade_id not in found]
            found |= {trade.trade_id: trade for trade in fresh}
            if len(page) < self._dialect.page:
                break
            if not fresh:
                self._stuck(f"trades of {symbol}")
                break
            last = max(page, key=_trade_order)
        return sorted(
            (trade for trade in found.values() if trade.ts_ms >= since_ms), key=_trade_order
        )

    async def funding_payments(self, since_ms: int) -> list[FundingPayment]:
        """Return all settlements from ``since_ms`` on, oldest first."""
        await self._listings.load()
        found: dict[tuple[str, str], FundingPayment] = {}
        start = since_ms
        for _ in range(_MOST_PAGES):
            page = await self._gateway.ask(
                "funding payments", partial(self._dialect.payments, start)
            )
            fresh = [paid for paid in page if (paid.symbol, paid.payment_id) not in found]
            found |= {(paid.symbol, paid.payment_id): paid for paid in fresh}
            if len(page) < self._dialect.page:
                break
            if not fresh:
                self._stuck("funding payments")
                break
            start = max(paid.ts_ms for paid in page)
        return sorted(
            (paid for paid in found.values() if paid.ts_ms >= since_ms),
            key=lambda paid: (paid.ts_ms, paid.symbol, paid.payment_id),
        )

    def _stuck(self, what: str) -> None:
        """Say that one millisecond holds more than a page: the rest cannot be asked for."""
        structlog.get_logger().error("page_repeats", venue=self._gateway.name, what=what)

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Choose the leverage of one symbol; repeating it changes nothing."""
        market = await self._listings.market(symbol)
        await self._set(
            f"leverage of {symbol}", lambda: self._dialect.set_leverage(market, leverage)
        )

    async def set_margin_mode(self, symbol: str, *, isolated: bool) -> None:
        """Choose isolated or cross margin for one symbol; repeating it changes nothing."""
        market = await self._listings.market(symbol)
        await self._set(
            f"margin mode of {symbol}",
            lambda: self._dialect.set_margin_mode(market, isolated=isolated),
        )

    async def _set(self, what: str, call: Callable[[], Awaitable[None]]) -> None:
        """Bring a setting to a value; that it has it already is no failure."""
        try:
            await self._gateway.attempt(call, Operation.SETTLE, Priority.CREATE)
        except VenueError as problem:
            if problem.failure is not Failure.UNCHANGED:
                raise await self._gateway.named(problem, Operation.SETTLE, what) from None

    async def cancel_all_after(self, symbol: str, milliseconds: int) -> None:
        """Let the venue withdraw everything unless this is said again in time; 0 = never."""
        market = await self._listings.market(symbol)
        await self._gateway.ask(
            f"dead man's switch of {symbol}",
            lambda: self._dialect.cancel_all_after(market, milliseconds),
            Operation.SETTLE,
            priority=Priority.PROTECT,
        )

    def events(self) -> AsyncIterator[AccountEvent]:
        """Yield what happens to the account until the client is closed."""
        return self._stream.events()

    async def close(self) -> None:
        """End every stream and connection."""
        await self._stream.close()
        await self._release()


def _trade_order(trade: VenueTrade) -> tuple[int, int, str]:
    number = int(trade.trade_id) if trade.trade_id.isdecimal() else 0
    return trade.ts_ms, number, trade.trade_id


def _check(ticket: OrderTicket, rules: Instrument) -> None:
    """Refuse what the venue would refuse, or what would have to be changed to be sent.

    Raises:
        RejectedError: nothing was sent.
    """
    lots = rules.to_lots(ticket.qty)
    about = f"order {ticket.client_order_id} of {ticket.symbol}"
    if lots <= 0 or abs(rules.to_qty(lots) - ticket.qty) > 1e-9 * float(rules.lot):
        raise RejectedError(
            f"{about}: quantity {ticket.qty!r} is not a whole number of lots of {rules.lot}",
            "quantity",
        )
    for name, value, needed in (
        ("price", ticket.price, ticket.type in _PRICED),
        ("trigger_price", ticket.trigger_price, ticket.type not in _UNTRIGGERED),
    ):
        if needed and (value is None or rules.to_ticks(value) <= 0):
            raise RejectedError(f"{about}: a {ticket.type} order needs a {name}, was {value}", name)
    if ticket.type is OrderType.TRAILING_STOP_MARKET:
        raise RejectedError(
            f"{about}: a ticket holds no callback rate, so no trailing stop can be sent", "type"
        )
