"""Our account at a real venue: the same book a paper venue keeps, moved by what the venue says.

A pure state machine over records: whoever talks to the venue writes a record down and applies it,
and after a restart applies them all again. Between two closes evidence moves the book at once, so
that what should rest at the venue is known at once; at a close it is handed on as a report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from aster_ray.engine import adoption
from aster_ray.engine.algos.record import KINDS
from aster_ray.engine.booked import Booked
from aster_ray.engine.carried import take
from aster_ray.engine.journal import decode
from aster_ray.engine.latest import Latest
from aster_ray.engine.messages import NOTHING_WORKING, VenueReport
from aster_ray.engine.netting import slices
from aster_ray.engine.settlement import PROTECTS, settle
from aster_ray.engine.venue_orders import Carried, Part, Purpose, Slot, Stage, Tracked, Want
from aster_ray.errors import JournalError
from aster_ray.kernel.books import new_book
from aster_ray.kernel.evidence import Execution, settle_funding, settle_liquidation
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL, INTENT, Book, Moment, Setup
from aster_ray.kernel.step import accept, mark
from aster_ray.model.enums import IntentKind, Working
from aster_ray.model.ids import client_order_id
from aster_ray.model.venue import OrderStatus

Record = Mapping[str, Any]


def _say_nothing(_n: int, _parent: Sequence[Tracked], _done: Execution) -> None:
    """Tell nobody what a netted order came to."""


class VenueAccount:
    """What we hold and have ordered at a venue, as far as the venue has told us."""

    def __init__(
        self,
        setup: Setup,
        capital: float,
        name: str,
        *,
        ladders: bool = True,
        remember: int | None = None,
    ) -> None:
        """Begin flat.

        Args:
            setup: what is traded, and how.
            capital: in quote currency.
            name: tells this account's ids from those of any other session.
            ladders: whether any strategy has one.
            remember: how many orders and trades that are over are kept; None = all of them.
        """
        self.setup = setup
        self._name = name
        self.book: Book = new_book(len(setup.rules), setup.strategies, capital, ladders=ladders)
        self.orders: dict[str, Tracked] = {}  # what is not settled yet
        self.finished = Latest(remember)  # client order id -> how it ended, of the others
        self.withheld = 0  # orders that a dry run kept back, the forgotten ones too
        self.foreign: dict[int, int] = {}  # symbol -> lots at the venue that nobody here ordered
        # Ids that the execution desk asked for: of its last orders, and of those before.
        self._asked: tuple[frozenset[str], ...] = (frozenset(), frozenset())
        self.parents: dict[int, list[Tracked]] = {}  # symbol -> its netted order, while it works
        self.carried: dict[int, Carried] = {}  # of those, what an algorithm carries out
        self.on_settled: Callable[[int, Sequence[Tracked], Execution], None] = _say_nothing
        self.booked = Booked(remember)
        self.observed = self.accepted = -1
        self.batches = self.evidence = 0
        self.last_trade_ms = 0
        self.report = VenueReport(-1, 0, np.zeros(0, FILL).view(np.recarray))
        self._fills: list[np.ndarray] = []
        self.ended: set[int] = set()  # symbols whose netted order ended since the last close
        self.flattening = False  # an operator wants everything closed, now
        self._revision = 0

    def warm_up(self, market: Market) -> None:
        """Let the bars before the session set the first mark prices."""
        for t in range(market.start):
            open_ms = int(market.open_ms[t])
            mark(self.book, self.setup, market.bars[t], Moment(t, open_ms, open_ms))

    def apply(self, record: Record) -> None:
        """Take one record.

        Raises:
            JournalError: no such record is known.
        """
        if record["kind"] in KINDS:
            take(self, record)
            return
        if record["kind"] in adoption.KINDS:
            adoption.take(self, record)
            return
        handler = getattr(self, f"_on_{record['kind']}", None)
        if handler is None:
            raise JournalError(f"the account's log holds a record of kind {record['kind']!r}")
        handler(record)

    # What we decided.

    def _on_orders(self, record: Record) -> None:
        """Take the risk desk's orders of one close."""
        intents = decode(record["intents"], INTENT)
        accept(self.book, intents)
        self.accepted = int(record["seq"])
        self.batches += 1
        self._asked = frozenset(record["ids"]), self._asked[0]
        ids: dict[int, list[str]] = {}
        for known, n in record["market"]:
            ids.setdefault(int(n), []).append(known)
        touched = {int(i["symbol"]) for i in intents if i["kind"] == IntentKind.MARKET}
        carried = set(record.get("carried", ()))
        for n in sorted(touched):
            self._begin(n, ids.get(n, []), int(record["close_ms"]), carried=n in carried)

    def _begin(self, n: int, ids: Sequence[str], close_ms: int, *, carried: bool) -> None:
        """Plan the symbol's netted order; what a sleeve no longer holds is not closed again."""
        sleeves = self.book.sleeves[n * self.setup.strategies : (n + 1) * self.setup.strategies]
        for sleeve in sleeves:
            held, closing = int(sleeve["lots"]), int(sleeve["order_close_lots"])
            allowed = max(min(closing, max(-held, 0)), min(-held, 0))
            sleeve["order_lots"] += allowed - closing
            sleeve["order_close_lots"] = allowed
        if n in self.parents:
            raise JournalError(f"orders of symbol {n} came while its last ones are at the venue")
        net = int(sleeves["order_lots"].sum())
        largest = int(self.setup.rules["max_lots"][n])
        self.parents[n] = []
        if carried and net:
            held, last = self.position(n), float(self.book.positions["last"][n])
            reduces = held * net < 0 and abs(net) <= abs(held)
            self.carried[n] = Carried(ids[0], net, close_ms, last, reduces)
            return
        for known, lots in zip(ids, slices(net, largest) if net else [], strict=False):
            want = Want(lots, np.nan, np.nan)
            order = Tracked(known, Slot(Purpose.MARKET, n), want, close_ms)
            self.orders[known] = order
            self.parents[n].append(order)
        settle(self, n)

    def _on_place(self, record: Record) -> None:
        """Note that an order that should rest is about to be sent."""
        slot = Slot(Purpose(record["purpose"]), *map(int, record["slot"]))
        price, trigger = (np.nan if x is None else float(x) for x in record["prices"])
        want = Want(int(record["lots"]), price, trigger)
        known = record["id"]
        self._revision = max(self._revision, int(record["revision"]))
        self.orders[known] = Tracked(known, slot, want, int(record["ms"]), Stage.SENT)

    def _on_send(self, record: Record) -> None:
        """Note that a planned order is about to be sent."""
        self.orders[record["id"]].stage = Stage.SENT

    def _on_drop(self, record: Record) -> None:
        """Note that a planned order will never be sent."""
        order = self.orders[record["id"]]
        order.stage, order.status, order.code = Stage.ENDED, OrderStatus.CANCELED, record["code"]
        settle(self, order.slot.symbol)

    def _on_unsent(self, record: Record) -> None:
        """Note that what was sent surely never arrived."""
        order = self.orders.get(record["id"])
        if order is None or order.stage not in (Stage.SENT, Stage.UNKNOWN):
            return
        if order.slot.purpose is Purpose.MARKET:
            order.stage = Stage.PLANNED
        elif order.slot.purpose is Purpose.CHILD:  # its lots come again under another id
            order.stage, order.status = Stage.ENDED, OrderStatus.CANCELED
        else:  # what should rest is placed anew, if it still should
            self.finish(order)

    # What the venue said.

    def _on_lost(self, record: Record) -> None:
        """Note that an answer is overdue."""
        order = self.orders.get(record["id"])
        if order is not None and order.stage is Stage.SENT:
            order.stage = Stage.UNKNOWN

    def _on_status(self, record: Record) -> None:
        order = self.orders.get(record["id"])
        if order is not None:
            order.venue_order_id = order.venue_order_id or record["venue_id"]
            order.tell(OrderStatus(record["status"]), int(record["lots"]))
            settle(self, order.slot.symbol)

    def _on_rejected(self, record: Record) -> None:
        order = self.orders.get(record["id"])
        if order is not None and not order.is_ended:
            order.code = record["code"]
            order.stage, order.status = Stage.ENDED, OrderStatus.REJECTED
            settle(self, order.slot.symbol)

    def _on_trade(self, record: Record) -> None:
        known, trade_id = record["id"], record["trade"]
        taken_away = bool(record.get("liquidation"))
        if trade_id in self.booked:
            return
        self.booked.trade(trade_id, taken_away=taken_away)
        part = Part(int(record["lots"]), float(record["price"]), record["fee"], int(record["ms"]))
        self.last_trade_ms = max(self.last_trade_ms, part.ms)
        order = self.orders.get(known)
        n = int(record["symbol"])
        if order is not None:
            order.trade(trade_id, part)
        elif taken_away:
            done = Execution(part.lots, part.price, part.fee, part.price, part.ms)
            settle_liquidation(self.book, self.setup, n, done)
            self.collect()
        settle(self, n)

    def _on_funding(self, record: Record) -> None:
        if record["payment"] not in self.booked:
            self.booked.payment(record["payment"], int(record["ms"]))
            n, amount = int(record["symbol"]), float(record["amount"])
            settle_funding(self.book, self.setup, n, amount, int(record["ms"]))
            self.collect()

    def _on_foreign(self, record: Record) -> None:
        """Note by how much the venue's position differs from ours; zero = no more."""
        n, lots = int(record["symbol"]), int(record["lots"])
        self.foreign.pop(n, None)
        if lots:
            self.foreign[n] = lots

    # What follows, in ``settlement``.

    def finish(self, order: Tracked) -> None:
        """Put an order away."""
        order.settled = True
        self.orders.pop(order.client_order_id, None)
        how = "canceled" if order.status is None else order.status.value
        self.finished.note(order.client_order_id, order.code or how)
        self.withheld += order.is_withheld

    def collect(self) -> None:
        """Keep the fills just written for the next report."""
        count = int(self.book.account["fill_count"][0])
        if count:
            self._fills.append(self.book.fills[:count].copy())
            self.book.account["fill_count"] = 0

    def _on_bars(self, record: Record) -> None:
        """Close the interval: what was booked since the last close is its report."""
        bars = decode(record["bars"], np.dtype("f8"))
        seq, open_ms, close_ms = (int(record[name]) for name in ("seq", "open_ms", "close_ms"))
        if seq != self.observed + 1:
            raise JournalError(f"venue saw close {self.observed}, then {seq}")
        mark(self.book, self.setup, bars, Moment(0, open_ms, close_ms))
        fills = np.concatenate(self._fills) if self._fills else np.zeros(0, FILL)
        working = np.zeros(len(self.book.positions), np.int8)
        for n in self.ended:
            working[n] = Working.ENDED
        for n in (*self.parents, *self.foreign):
            working[n] = Working.IN_DOUBT
        said = working if working.any() else NOTHING_WORKING
        self.report = VenueReport(seq, close_ms, fills.view(np.recarray), said)
        self.evidence += not self.report.is_empty
        self.observed = seq
        self._fills.clear()
        self.ended.clear()

    # What may be asked.

    def has(self, client_order_id: str) -> bool:
        """Return whether the last orders asked for, or those before them, hold this id."""
        return any(client_order_id in ids for ids in self._asked)

    def next_id(self, slot: Slot) -> tuple[str, int]:
        """Return an id no order of this account had, and its number."""
        number = self._revision + 1
        purpose = slot.purpose.value
        return client_order_id(self._name, number, purpose, slot.sleeve, slot.level), number

    def stop_was_hit(self, n: int) -> bool:
        """Return whether a protective order of ``n`` has executed that is not booked yet."""
        return any(
            order.parts
            for order in self.orders.values()
            if order.slot.symbol == n and order.slot.purpose in PROTECTS
        )

    def position(self, n: int) -> int:
        """Return the lots held of ``n``, those included that an unfinished order has executed."""
        parts = sum(order.executed for order in self.orders.values() if order.slot.symbol == n)
        return int(self.book.positions["lots"][n]) + parts
