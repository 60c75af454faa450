"""Does at the venue what should be done there, one symbol in one task, and never guesses.

Every step is written down before it is taken. A missing answer makes an order unknown, and an
unknown order is asked for by its id until the venue says what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import replace

import structlog

from aster_ray import clock
from aster_ray.engine.failpoints import CHILD_AFTER_SEND, CHILD_BEFORE_SEND, pass_by
from aster_ray.engine.ports import TradingClient
from aster_ray.engine.venue_orders import Purpose, Slot, Stage, Tracked, Want
from aster_ray.engine.venue_plan import Action, Do, actions
from aster_ray.errors import (
    BadInputError,
    LeaseHeldError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderTicket, OrderType, VenueOrder
from aster_ray.venues.live.patience import Patience
from aster_ray.venues.live.venue import LiveVenue

_TYPES = {
    Purpose.MARKET: OrderType.MARKET,
    Purpose.CLOSE: OrderType.MARKET,
    Purpose.STOP: OrderType.STOP_MARKET,
}
_REDUCES = (Purpose.STOP, Purpose.CLOSE, Purpose.TAKE_PROFIT, Purpose.EXIT)


def _seconds() -> float:
    return clock.monotonic_ns() / 1e9


def _key(action: Action) -> tuple[Do, str]:  # tells one step from another
    return action.do, action.order.client_order_id if action.order else str(action.slot)


class Worker:
    """Everything that happens to one symbol at the venue."""

    def __init__(
        self,
        venue: LiveVenue,
        client: TradingClient,
        symbol: int,
        patience: Patience,
        may_send: Callable[[], bool],
    ) -> None:
        """Begin idle; ``may_send`` is asked right before everything sent.

        It raises if we never may, and says no while the account must be compared first.
        """
        self._venue = venue
        self._client = client
        self._n = symbol
        self._name = venue.instruments[symbol].symbol
        self._patience = patience
        self._may_send = may_send
        self._wake = asyncio.Event()
        self._refused: dict[Slot, Want] = {}
        self._seq = -1  # close at which limits were forgiven last
        self._sent_at: dict[str, float] = {}
        # Step -> (pause after its last failure, when it may be tried again).
        self._pauses: dict[tuple[Do, str], tuple[float, float]] = {}
        self.idle = asyncio.Event()
        self.on_doubt: Callable[[], None] = lambda: None

    def stir(self) -> None:
        """Say that something changed."""
        self.idle.clear()
        self._wake.set()

    def stand_down(self) -> None:
        """Leave nothing resting but what protects: nobody will be there when it executes."""
        self._patience = replace(self._patience, reach=-1.0)
        self.stir()

    async def run(self) -> None:
        """Do what there is to do, for ever; a step that fails does not hold up the others."""
        while True:
            self._wake.clear()
            self._forgive()
            found = actions(self._venue.account, self._n, self._refused, self._patience.reach)
            todo = {_key(one): one for one in found}
            now = _seconds()
            self._pauses = {k: at for k, at in self._pauses.items() if k in todo or at[1] > now}
            if not todo:
                self.idle.set()
                await self._wake.wait()
                continue
            self.idle.clear()
            due = {key: self._pauses.get(key, (0.0, 0.0))[1] for key in todo}
            key = next((key for key in todo if due[key] <= now), None)
            if key is None:
                if Slot(Purpose.CLOSE, self._n) in self._refused:
                    self.idle.set()  # neither stop nor close is taken: only time can change that
                # Not ``wait_for``: before Python 3.12 it may swallow a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(due.values()) - now):
                        await self._wake.wait()
                continue
            if await self._attempt(todo[key]):
                self._pauses.pop(key, None)
                continue
            longest, first = self._patience.longest_s, self._patience.first_s
            pause = min(max(2.0 * self._pauses.get(key, (0.0, 0.0))[0], first), longest)
            self._pauses[key] = pause, _seconds() + pause

    def _forgive(self) -> None:
        """At a new close forget what is over, and ask again for what was refused before it."""
        if self._venue.report.seq != self._seq:
            self._seq = self._venue.report.seq
            self._pauses = {}
            alive = self._venue.account.orders
            self._sent_at = {known: at for known, at in self._sent_at.items() if known in alive}
            self._refused = {s: w for s, w in self._refused.items() if s.purpose is Purpose.STOP}

    async def _attempt(self, action: Action) -> bool:
        """Take one step; return whether the venue could be talked to and had news."""
        steps = {
            Do.SEND: self._send,
            Do.PLACE: self._place,
            Do.CANCEL: self._cancel,
            Do.ASK: self._ask,
            Do.COUNT: self._count,
        }
        try:
            return await steps[action.do](action)
        except LeaseHeldError:
            raise  # somebody else trades the account: this process is over
        except (RetryableError, BadInputError) as error:
            structlog.get_logger().warning(
                "venue_unavailable", symbol=self._name, step=action.do.value, why=str(error)
            )
            return False

    async def _send(self, action: Action) -> bool:
        order = self._of(action)
        planned_at = self._sent_at.setdefault(order.client_order_id, _seconds())
        is_late = _seconds() - planned_at > self._patience.market_s
        age_s = (clock.LiveClock().now_ms() - order.decided_ms) / 1e3
        if is_late or age_s > self._patience.late_s:
            self._venue.dropped(order, f"too late: decided {age_s:.0f} s ago")
            return True
        if order.decided_ms < self._venue.report.close_ms:
            self._venue.dropped(order, "too late: decided anew at the next close")
            return True
        if self._venue.account.flattening:
            self._venue.dropped(order, "all is being closed")
            return True
        if order.unwanted or self._venue.parents.is_over(order.client_order_id):
            self._venue.dropped(order, "withdrawn before it left")
            return True
        if self._venue.account.stop_was_hit(self._n):
            self._venue.dropped(order, "the stop came first: decided anew at the next close")
            return True
        if not self._may_send():
            return False
        self._venue.sending(order)
        return await self._hand_over(order)

    async def _place(self, action: Action) -> bool:
        if action.slot is None or action.want is None:
            raise ValueError("nothing to place")
        if not self._may_send():
            return False
        return await self._hand_over(self._venue.place(action.slot, action.want))

    async def _hand_over(self, order: Tracked) -> bool:
        """Send an order that is written down; what comes back, or does not, is written too."""
        known = order.client_order_id
        self._sent_at[known] = _seconds()
        try:
            told = await self._placed(order)
        except OutcomeUnknownError as error:
            structlog.get_logger().warning("order_in_doubt", id=known, why=str(error))
            self._venue.lost(known)
            return False
        except RejectedError as error:
            if order.slot.purpose is Purpose.CHILD:  # not unusual where it may only make
                self._venue.rejected(order, str(error))
                return True
            structlog.get_logger().warning("order_rejected", id=known, why=str(error))
            self._refused[order.slot] = order.want
            self._venue.rejected(order, str(error))
            if order.slot.purpose is Purpose.CLOSE:  # then perhaps there is nothing to close
                self._refused.pop(Slot(Purpose.STOP, self._n), None)
                self.on_doubt()
            return order.slot.purpose is not Purpose.CLOSE
        except (RetryableError, BadInputError):  # refused unread: keys or the clock are wrong
            self._venue.unsent(known)
            raise
        except asyncio.CancelledError:
            self._venue.lost(known)
            raise
        self._refused.pop(order.slot, None)
        self._venue.hear_order(told)
        return True

    async def _placed(self, order: Tracked) -> VenueOrder:
        reached = self._venue.reached if order.slot.purpose is Purpose.CHILD else pass_by
        reached(CHILD_BEFORE_SEND, self._venue.report.seq)
        told = await self._client.place(self._ticket(order))
        reached(CHILD_AFTER_SEND, self._venue.report.seq)
        return told

    def _ticket(self, order: Tracked) -> OrderTicket:
        if order.slot.purpose is Purpose.CHILD:
            return self._venue.parents.ticket(order.client_order_id)
        instrument, want = self._venue.instruments[self._n], order.want
        price, trigger = (None if math.isnan(x) else x for x in (want.price, want.trigger))
        purpose = order.slot.purpose
        return OrderTicket(
            symbol=self._name,
            client_order_id=order.client_order_id,
            side=Side.BUY if want.lots > 0 else Side.SELL,
            type=_TYPES.get(purpose, OrderType.LIMIT),
            qty=instrument.to_qty(abs(want.lots)),
            price=price,
            trigger_price=trigger,
            reduce_only=purpose in _REDUCES and self._reduces(want.lots),
        )

    def _reduces(self, lots: int) -> bool:
        """Return whether an order can only reduce; sleeves that oppose each other may need more."""
        held = self._venue.account.position(self._n)
        return held * lots < 0 and abs(lots) <= abs(held)

    async def _cancel(self, action: Action) -> bool:
        order = self._of(action)
        try:
            told = await self._client.cancel(self._name, order.client_order_id)
        except (OutcomeUnknownError, RejectedError):
            told = None
        if told is not None:
            self._venue.hear_order(told)
            return True
        return await self._ask(action)  # gone already: how?

    async def _ask(self, action: Action) -> bool:
        """Ask what became of an order; one that cannot arrive any more never did."""
        order = self._of(action)
        known = order.client_order_id
        told = await self._client.order(self._name, known)
        if told is not None:
            self._venue.hear_order(told)
            return True
        now = _seconds()
        if now - self._sent_at.setdefault(known, now) <= self._patience.absent_s:
            return False
        structlog.get_logger().warning("order_never_arrived", id=known)
        self._venue.unsent(known)
        if order.slot.purpose is Purpose.MARKET and order.stage is Stage.PLANNED:
            self._venue.dropped(order, "never arrived")
        return True

    async def _count(self, _action: Action) -> bool:
        """Fetch the trades that an ended order must have had."""
        orders = [o for o in self._venue.account.orders.values() if o.slot.symbol == self._n]
        short = [order for order in orders if order.is_ended and not order.is_complete]
        since = min(order.decided_ms for order in short)
        for trade in await self._client.trades(self._name, since):
            self._venue.hear_trade(trade)
        return all(order.is_complete for order in short)

    def _of(self, action: Action) -> Tracked:
        if action.order is None:
            raise ValueError(f"nothing to {action.do.value}")
        return action.order
