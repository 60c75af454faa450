"""A trading client without wires: the simulated exchange itself, and everything that may go wrong.

The exchange is the real one of ``aster simulator``; only HTTP and sockets are left out, so that
hundreds of scenarios fit into a test. What a wire can do to a message is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aster_ray.errors import OutcomeUnknownError, RejectedError, RetryableError
from aster_ray.model.enums import Side
from aster_ray.model.market import Bar
from aster_ray.model.venue import (
    AccountEvent,
    BookUpdate,
    FundingPayment,
    Interrupted,
    OrderStatus,
    OrderTicket,
    OrderType,
    OrderUpdate,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from aster_ray.venues.simulator.account import Account, Fill, IncomeType
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.intake import read_order
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.refusals import RefusedError

_STATUS = {
    "NEW_INSURANCE": OrderStatus.FILLED,
    **{status.name: status for status in OrderStatus},
}
UNREACHABLE, LOST, LOST_ACK, SLOW, BUSY = "unreachable", "lost", "lost ack", "slow ack", "429"
DROPPED, DUPLICATED, REORDERED, STALLED = "dropped", "duplicated", "reordered", "stalled"
DIES, DIES_AFTER = "dies before", "dies after"  # the process itself, around what the venue does
REQUEST_FAULTS = (UNREACHABLE, LOST, LOST_ACK, SLOW, BUSY, DIES, DIES_AFTER)
STREAM_FAULTS = (DROPPED, DUPLICATED, REORDERED, STALLED)


class DeathError(Exception):
    """The process ends here."""


class Wire:
    """What happens to requests and events; ``rates`` maps a fault to how often it strikes."""

    def __init__(self, seed: int = 0, rates: Mapping[str, float] | None = None) -> None:
        self.draw = random.Random(seed)
        self.rates = dict(rates or {})
        self.is_down = False
        self.struck: Counter[tuple[str, str]] = Counter()

    def strikes(self, operation: str, faults: tuple[str, ...]) -> str:
        """Draw the fault of one message; empty = none."""
        if self.is_down and faults is REQUEST_FAULTS:
            self.struck[UNREACHABLE, operation] += 1
            return UNREACHABLE
        for fault in faults:
            if self.draw.random() < self.rates.get(fault, 0.0):
                self.struck[fault, operation] += 1
                return fault
        return ""

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.rates.clear()
        self.is_down = False


class Wireless:
    """One account's client; satisfies ``TradingClient``."""

    def __init__(self, exchange: Exchange, user: str, wire: Wire) -> None:
        self.exchange = exchange
        self.user = user
        self.wire = wire
        self._queue: asyncio.Queue[AccountEvent] = asyncio.Queue()
        self._held: list[AccountEvent] = []

    @property
    def account(self) -> Account:
        """Return the account at the exchange."""
        return self.exchange.account(self.user)

    async def _ask(self, operation: str) -> str:
        """Let a request travel; return the fault that strikes its answer."""
        await asyncio.sleep(0)
        fault = self.wire.strikes(operation, REQUEST_FAULTS)
        if fault == DIES:
            raise DeathError
        if fault in (UNREACHABLE, BUSY):
            raise RetryableError(f"{operation}: {fault}")
        changes = operation.startswith(("place", "cancel"))
        if fault == LOST and changes:
            raise OutcomeUnknownError(f"{operation}: {fault}")
        if fault in (LOST, LOST_ACK) and not changes:
            raise RetryableError(f"{operation}: {fault}")
        if fault == DIES_AFTER and not changes:
            raise DeathError
        return fault

    async def _answer(self, operation: str, fault: str) -> None:
        self.pump()
        if fault == SLOW:
            await asyncio.sleep(0.002)
        else:
            await asyncio.sleep(0)
        if fault == DIES_AFTER:
            raise DeathError
        if fault == LOST_ACK:
            raise OutcomeUnknownError(f"{operation}: {fault}")

    async def place(self, ticket: OrderTicket) -> VenueOrder:
        operation = f"place {ticket.type.value}"
        fault = await self._ask(operation)
        floor = self.exchange.floor
        try:
            contract = floor.listing(ticket.symbol).contract
            request = read_order(_params(ticket), contract, "none")
            open_ids = {order.request.client_id for order in self.account.open_orders.values()}
            if ticket.client_order_id in open_ids:
                raise OutcomeUnknownError(f"{ticket.client_order_id} is there already")
            order = self.exchange.place(self.account, request)
        except RefusedError as refused:
            await self._answer(operation, fault)
            raise RejectedError(f"{refused.code} {refused.text}") from None
        told = self._told(order)
        self.exchange.activate(order)
        await self._answer(operation, fault)
        return told

    async def cancel(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        fault = await self._ask("cancel")
        order = self._find(symbol, client_order_id)
        if order is None or not order.is_open:
            await self._answer("cancel", fault)
            return None
        self.exchange.cancel(order)
        await self._answer("cancel", fault)
        return self._told(order)

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        await self._ask("order")
        order = self._find(symbol, client_order_id)
        return None if order is None else self._told(order)

    async def open_orders(self) -> list[VenueOrder]:
        await self._ask("open orders")
        return [self._told(order) for order in self.account.resting()]

    async def positions(self) -> list[VenuePosition]:
        await self._ask("positions")
        return [
            VenuePosition(
                symbol=position.symbol,
                qty=self._qty(position.symbol, position.lots),
                entry_price=0.0,
                mark_price=0.0,
                unrealized=0.0,
                leverage=1.0,
                isolated=False,
                liquidation_price=None,
            )
            for position in self.account.held()
        ]

    async def balance(self) -> VenueBalance:
        await self._ask("balance")
        wallet = self.account.wallet / UNIT
        return VenueBalance(asset="USDT", wallet=wallet, equity=wallet, available=wallet)

    async def trades(self, symbol: str, since_ms: int) -> list[VenueTrade]:
        await self._ask("trades")
        return [
            self._trade(fill)
            for fill in self.account.fills
            if fill.symbol == symbol and fill.ms >= since_ms
        ]

    async def funding_payments(self, since_ms: int) -> list[FundingPayment]:
        await self._ask("funding")
        return [
            FundingPayment(
                symbol=row.symbol,
                payment_id=str(row.number),
                amount=-row.amount / UNIT,
                asset="USDT",
                ts_ms=row.ms,
            )
            for row in self.account.income
            if row.kind is IncomeType.FUNDING_FEE and row.ms >= since_ms
        ]

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        await self._ask("leverage")
        self.account.leverage[symbol] = leverage

    async def set_margin_mode(self, symbol: str, *, isolated: bool) -> None:
        await self._ask("margin mode")
        (self.account.isolated.add if isolated else self.account.isolated.discard)(symbol)

    async def cancel_all_after(self, symbol: str, milliseconds: int) -> None:
        await self._ask("cancel all after")

    async def events(self) -> AsyncIterator[AccountEvent]:
        while True:
            yield await self._queue.get()

    async def close(self) -> None:
        self._held.clear()

    def pump(self) -> None:
        """Carry what the exchange told this account onto the stream, as far as the wire lets it."""
        events: list[AccountEvent] = []
        told = self.exchange.floor.told
        for who, payload in told:
            if who == self.account.number and payload["e"] == "ORDER_TRADE_UPDATE":
                events.append(self._update(payload["o"]))
        told.clear()
        if not events:
            return
        fault = self.wire.strikes("stream", STREAM_FAULTS)
        if fault == DROPPED:
            events = [Interrupted(0, "dropped")]
        elif fault == DUPLICATED:
            events = [event for event in events for _ in range(2)]
        elif fault == REORDERED:
            self.wire.draw.shuffle(events)
        elif fault == STALLED:
            self._held += events
            return
        for event in (*events, *self._held):
            self._queue.put_nowait(event)
        self._held.clear()

    def _find(self, symbol: str, client_id: str) -> Order | None:
        for order in reversed(self.account.orders.values()):
            if order.request.client_id == client_id and order.request.symbol == symbol:
                return order
        return None

    def _qty(self, symbol: str, lots: int) -> float:
        return self.exchange.floor.listings[symbol].contract.instrument.to_qty(lots)

    def _told(self, order: Order) -> VenueOrder:
        request = order.request
        return VenueOrder(
            symbol=request.symbol,
            client_order_id=request.client_id,
            venue_order_id=str(order.order_id),
            status=_STATUS[order.status.value],
            side=request.side,
            type=OrderType(request.kind.value.lower()) if _known(order) else OrderType.MARKET,
            qty=self._qty(request.symbol, order.lots),
            filled_qty=self._qty(request.symbol, order.filled),
            average_price=None,
            price=None,
            trigger_price=None,
            reduce_only=request.reduce_only,
            updated_ms=order.updated_ms,
        )

    def _trade(self, fill: Fill, client_order_id: str = "") -> VenueTrade:
        contract = self.exchange.floor.listings[fill.symbol].contract
        return VenueTrade(
            symbol=fill.symbol,
            trade_id=str(fill.trade_id),
            venue_order_id=str(fill.order_id),
            client_order_id=client_order_id or self._client_id(fill.order_id),
            side=fill.side,
            qty=self._qty(fill.symbol, fill.lots),
            price=float(contract.price_text(fill.ticks)),
            fee=fill.commission / UNIT,
            fee_asset="USDT",
            maker=fill.maker,
            ts_ms=fill.ms,
        )

    def _client_id(self, order_id: int) -> str:
        order = self.account.orders.get(order_id)
        return "" if order is None else order.request.client_id

    def _update(self, told: Mapping[str, Any]) -> OrderUpdate:
        symbol = str(told["s"])
        trade = None
        if told["x"] == "TRADE":
            fill = next(f for f in self.account.fills if f.trade_id == told["t"])
            trade = self._trade(fill, str(told["c"]))
        order = VenueOrder(
            symbol=symbol,
            client_order_id=str(told["c"]),
            venue_order_id=str(told["i"]),
            status=_STATUS[told["X"]],
            side=Side[told["S"]],
            type=OrderType.MARKET,
            qty=float(told["q"]),
            filled_qty=float(told["z"]),
            average_price=None,
            price=None,
            trigger_price=None,
            reduce_only=bool(told["R"]),
            updated_ms=int(told["T"]),
        )
        return OrderUpdate(order, trade)


class WirelessMarket:
    """The public side that algorithms look at: quotes and minutes of the exchange itself."""

    def __init__(self, exchange: Exchange, wire: Wire) -> None:
        self.exchange = exchange
        self.wire = wire

    async def _ask(self, operation: str) -> None:
        await asyncio.sleep(0)
        fault = self.wire.strikes(operation, REQUEST_FAULTS)
        if fault in (DIES, DIES_AFTER):
            raise DeathError
        if fault and fault != SLOW:
            raise RetryableError(f"{operation}: {fault}")

    async def book(self, symbol: str, depth: int) -> BookUpdate:
        await self._ask("book")
        listing = self.exchange.floor.listings[symbol]
        instrument = listing.contract.instrument
        bids, asks = (
            tuple(
                (float(ticks * instrument.tick), instrument.to_qty(lots))
                for ticks, lots in listing.book.levels(side, depth)
            )
            for side in (Side.BUY, Side.SELL)
        )
        ms = self.exchange.floor.now_ms
        return BookUpdate(symbol=symbol, bids=bids, asks=asks, ts_ms=ms)

    async def bars(self, symbol: str, timeframe_ms: int, since_ms: int, limit: int) -> list[Bar]:
        await self._ask("bars")
        listing = self.exchange.floor.listings[symbol]
        minute = listing.candles.latest(timeframe_ms)
        if minute is None or minute.open_ms < since_ms or not limit:
            return []
        volume = listing.contract.instrument.to_qty(minute.lots)
        return [Bar(minute.open_ms, 1.0, 1.0, 1.0, 1.0, volume)]


def _known(order: Order) -> bool:
    return order.request.kind.value.lower() in list(OrderType)


def _params(ticket: OrderTicket) -> dict[str, str]:
    found = {
        "symbol": ticket.symbol,
        "side": ticket.side.name,
        "type": ticket.type.value.upper(),
        "quantity": repr(ticket.qty),
        "newClientOrderId": ticket.client_order_id,
        "reduceOnly": str(ticket.reduce_only).lower(),
    }
    if ticket.price is not None:
        found |= {"price": repr(ticket.price), "timeInForce": ticket.time_in_force.value.upper()}
    if ticket.trigger_price is not None:
        found["stopPrice"] = repr(ticket.trigger_price)
    return found
