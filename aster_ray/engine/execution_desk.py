"""The life of every order: from the risk desk's intents to the venue's evidence.

One netted market order per symbol and close; beside it the resting orders of each sleeve. Ids are
derived from the decision, so rebuilding from the journal repeats ids and never orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.netting import Part, net_requests, shares
from aster_ray.engine.order_slots import OrderSlots
from aster_ray.model.enums import Denial, ExitReason, FillKind, IntentKind, Working, label
from aster_ray.model.order import Filled, Order, OrderKind, OrderRequest


class ExecutionDesk:
    """Keep every order of a session and its state; owns no connection."""

    def __init__(
        self,
        symbols: Sequence[str],
        strategies: int,
        max_lots: Sequence[int] = (),
        *,
        at_venue: bool = False,
    ) -> None:
        """Begin without orders.

        Args:
            symbols: in the order of the session.
            strategies: sleeves per symbol.
            max_lots: per market order and symbol; none = no bound.
            at_venue: evidence comes from a real venue and may cross what we decide.
        """
        self._symbols = tuple(symbols)
        self._strategies = strategies
        self._max_lots = tuple(int(lots) for lots in max_lots)
        self._slots = OrderSlots(symbols, strategies, at_venue=at_venue)
        self.orders = self._slots.orders
        self.denied: list[tuple[int, int, int, str]] = []  # close ms, sleeve, direction, code
        self._market: dict[int, list[str]] = {}  # symbol -> ids of its resting market orders
        self._held: dict[int, int] = {}  # sleeve -> lots
        self._levels: dict[tuple[int, int], tuple[int, float]] = {}  # lots, exit price
        self._sides: dict[tuple[int, int], int] = {}  # (ladder sleeve, side) -> lots

    def on_orders(self, batch: OrderBatch) -> list[OrderRequest]:
        """Turn one close's intents into requests, in the order they must be sent."""
        requests: list[OrderRequest] = []
        nets: dict[int, list[Part]] = {}
        for intent in batch.intents:
            kind = int(intent["kind"])
            if kind == IntentKind.MARKET:
                part = Part(int(intent["sleeve"]), int(intent["lots"]), int(intent["reason"]))
                nets.setdefault(int(intent["symbol"]), []).append(part)
            elif kind == IntentKind.DENIED:
                code = label(Denial(int(intent["reason"])))
                direction = int(intent["lots"])
                self.denied.append((batch.close_ms, int(intent["sleeve"]), direction, code))
            elif kind == IntentKind.CANCEL_LEVEL:
                self._cancel_level(int(intent["sleeve"]), int(intent["level"]))
            elif kind == IntentKind.PLACE_LADDER:
                requests += self._move_ladder_stops(intent, batch.close_ms)
            elif kind != IntentKind.MOVE_STOP or self._held.get(int(intent["sleeve"]), 0):
                # A stop that was hit meanwhile is not moved any more.
                requests.append(self._rest(intent, batch.close_ms))
        for n, parts in nets.items():
            largest = self._max_lots[n] if self._max_lots else 0
            sent = net_requests(self._symbols[n], n, parts, batch.close_ms, largest)
            self._market[n] = [request.client_order_id for request in sent]
            requests += map(self._slots.add, sent)
        return requests

    def acknowledge_close(self, close_ms: int) -> None:
        """Take the venue's word that everything asked for at ``close_ms`` rests."""
        self._slots.acknowledge(close_ms)

    def in_flight(self) -> list[OrderRequest]:
        """Return what was asked for and not acknowledged, oldest first.

        After a crash these are the orders in doubt, about which the venue is asked by id.
        """
        return [self.orders[known].request for known in self._slots.asked]

    def open_orders(self) -> list[Order]:
        """Return what rests at the venue, or is on its way there."""
        market = (known for ids in self._market.values() for known in ids)
        return [self.orders[known] for known in (*market, *self._slots.resting.values())]

    def over_before(self, now_ms: int) -> list[str]:
        """Return the orders to which nothing can happen any more.

        An id may be taken again within its own close, and what was withdrawn last from a slot may
        turn out to have been executed.
        """
        kept = self._slots.withdrawn
        return [
            known
            for known, order in self.orders.items()
            if order.is_done and order.request.decided_ms < now_ms and known not in kept
        ]

    def forget(self, now_ms: int) -> list[str]:
        """Drop denials and the orders that are over, for who keeps only what is open.

        Returns:
            The ids of what was dropped.
        """
        over = self.over_before(now_ms)
        for known in over:
            del self.orders[known]
        self.denied.clear()
        return over

    def _rest(self, intent: Any, close_ms: int) -> OrderRequest:
        """Place a moved stop or a ladder entry."""
        i = int(intent["sleeve"])
        if int(intent["kind"]) == IntentKind.MOVE_STOP:
            return self._protect(i, OrderKind.STOP, -self._held[i], float(intent["stop"]), close_ms)
        k = int(intent["level"])
        lots, price = int(intent["lots"]), float(intent["price"])
        self._levels[i, k] = lots, float(intent["exit_price"])
        return self._slots.place((i, "entry", k), OrderKind.LADDER_ENTRY, lots, price, close_ms)

    def _move_ladder_stops(self, intent: Any, close_ms: int) -> list[OrderRequest]:
        """Move the stops of filled sides to those of the new ladder."""
        i, requests = int(intent["sleeve"]), []
        for side, name in ((1, "stop"), (-1, "stop_high")):
            lots, price = -self._sides.get((i, side), 0), float(intent[name])
            if lots and not self._slots.rests((i, _name(OrderKind.STOP, side), -1), lots, price):
                requests.append(self._protect(i, OrderKind.STOP, lots, price, close_ms))
        return requests

    def _cancel_level(self, i: int, k: int) -> None:
        """Withdraw a level's entry, or the exit of a filled one and its share of the stop."""
        self._slots.withdraw((i, "entry", k))
        if (i, "exit", k) in self._slots.resting:
            self._slots.withdraw((i, "exit", k))
            lots, _ = self._levels[i, k]
            side = 1 if lots > 0 else -1
            self._sides[i, side] -= lots
            if self._sides[i, side] == 0:
                self._slots.withdraw((i, _name(OrderKind.STOP, side), -1))

    def _protect(
        self, i: int, kind: OrderKind, lots: int, price: float, close_ms: int
    ) -> OrderRequest:
        slot = (i, _name(kind, -lots), -1)
        return self._slots.place(slot, kind, lots, price, close_ms)

    def on_report(self, report: VenueReport) -> None:
        """Book the venue's evidence fill by fill, keeping protective orders in line with it."""
        nets: dict[int, tuple[list[str], int, float]] = {}
        for record in report.fills:
            kind = int(record["kind"])
            if kind == FillKind.MARKET:
                n, lots = int(record["symbol"]), int(record["lots"])
                self._hold(int(record["sleeve"]), lots)
                ids, net, _ = nets[n] if n in nets else (self._market.pop(n, []), 0, 0.0)
                nets[n] = ids, net + lots, float(record["price"])
            elif kind != FillKind.FUNDING:
                self._book(record, report.close_ms)
            else:
                continue
            self._align(record, report.close_ms)
        for n, (ids, lots, price) in nets.items():
            self._executed(n, ids, (lots, price), report.close_ms)
        for ended in np.flatnonzero(report.working == int(Working.ENDED)).tolist():
            for known in self._market.pop(ended, ()):  # nothing of it was executed
                self._slots.end(known)

    def _executed(self, n: int, ids: Sequence[str], done: tuple[int, float], close_ms: int) -> None:
        """Book a net execution to the orders it was sent in, first come, first served.

        What a sleeve had to close may be gone before its order arrives; at a real venue more may
        then be executed on the other side than was asked for, net.
        """
        lots, price = done
        asked = [self.orders[known].request.lots for known in ids]
        net = sum(asked)
        within = max(min(lots, max(net, 0)), min(net, 0)) if self._slots.at_venue else lots
        for known, part in zip(ids, shares(asked, within), strict=True):
            if part:
                self._slots.fill(known, part, price)
            elif self.orders[known].request.kind == OrderKind.CROSS and within == lots:
                # The sleeves crossed: nothing was left to send.
                self.orders[known] = replace(self.orders[known], state=Filled(0, 0.0))
            self._slots.end(known)
        if lots != within:
            slot = (n * self._strategies, "market", -1)
            self._slots.hit(slot, OrderKind.MARKET, (lots - within, price), close_ms)

    def _hold(self, i: int, lots: int) -> None:
        self._held[i] = self._held.get(i, 0) + lots

    def _book(self, record: Any, close_ms: int) -> None:
        i, k = int(record["sleeve"]), int(record["level"])
        lots, price = int(record["lots"]), float(record["price"])
        kind = FillKind(int(record["kind"]))
        self._hold(i, lots)
        side = -1 if lots < 0 else 1
        suffix = "" if lots < 0 else "_short"
        if kind == FillKind.LADDER_ENTRY:
            self._slots.hit((i, "entry", k), OrderKind.LADDER_ENTRY, (lots, price), close_ms)
            self._sides[i, side] = self._sides.get((i, side), 0) + lots
            _, exit_price = self._levels[i, k]
            self._slots.reported((i, "exit", k), OrderKind.LADDER_EXIT, -lots, exit_price, close_ms)
        elif kind == FillKind.LADDER_EXIT:
            self._slots.hit((i, "exit", k), OrderKind.LADDER_EXIT, (lots, price), close_ms)
            self._sides[i, -side] = self._sides.get((i, -side), 0) + lots
        elif kind == FillKind.STOP:
            self._slots.hit((i, f"stop{suffix}", -1), OrderKind.STOP, (lots, price), close_ms)
            self._drop_ladder_side(i, -side)
            if self._held[i] == 0 and int(record["reason"]) != ExitReason.LADDER_STOP:
                self._drop_ladder_side(i, side)  # the symbol's one stop takes the whole sleeve
        elif kind == FillKind.TAKE_PROFIT:
            slot = (i, f"take_profit{suffix}", -1)
            self._slots.hit(slot, OrderKind.TAKE_PROFIT, (lots, price), close_ms)
        else:
            self._liquidated(i, lots, price, close_ms)

    def _liquidated(self, i: int, lots: int, price: float, close_ms: int) -> None:
        n = i // self._strategies
        self._slots.withdraw_symbol(n)
        for known in self._market.pop(n, ()):  # liquidated at the open, before it could trade
            self._slots.end(known)
        for side in (1, -1):
            for j in range(n * self._strategies, (n + 1) * self._strategies):
                self._sides.pop((j, side), None)
        slot, kind = (i, "liquidation", -1), OrderKind.LIQUIDATION
        self._slots.reported(slot, kind, lots, math.nan, close_ms)
        self._slots.hit(slot, kind, (lots, price), close_ms)

    def _drop_ladder_side(self, i: int, side: int) -> None:
        """Withdraw the entries and exits of a ladder side whose stop was hit."""
        self._sides.pop((i, side), None)
        for (sleeve, k), (lots, _) in list(self._levels.items()):
            if sleeve == i and lots * side > 0:
                self._slots.withdraw((i, "entry", k))
                self._slots.withdraw((i, "exit", k))

    def _align(self, record: Any, close_ms: int) -> None:
        """Make the resting protective orders of a sleeve those the venue reports with a fill."""
        i, stop = int(record["sleeve"]), float(record["stop"])
        held = self._held.get(i, 0)
        if any(sleeve == i for sleeve, _ in self._levels):
            if held == 0 and int(record["kind"]) == FillKind.MARKET:  # flattened
                self._drop_ladder_side(i, 1)
                self._drop_ladder_side(i, -1)
            for side, price in ((1, stop), (-1, float(record["stop_high"]))):
                lots = self._sides.get((i, side), 0)
                self._desire((i, OrderKind.STOP, side), lots, price, close_ms)
            return
        for side in (1, -1):
            lots = held if held * side > 0 else 0
            self._desire((i, OrderKind.STOP, side), lots, stop, close_ms)
            self._desire(
                (i, OrderKind.TAKE_PROFIT, side), lots, float(record["take_profit"]), close_ms
            )

    def _desire(
        self, what: tuple[int, OrderKind, int], lots: int, price: float, close_ms: int
    ) -> None:
        """Have exactly one protective order of this sleeve, kind and side, or none."""
        i, kind, side = what
        slot = (i, _name(kind, side), -1)
        if lots == 0 or math.isnan(price):
            self._slots.withdraw(slot)
            return
        if not self._slots.rests(slot, -lots, price):
            self._slots.reported(slot, kind, -lots, price, close_ms)


def _name(kind: OrderKind, side: int) -> str:
    """Return what a protective order of a position of ``side`` is called among the slots."""
    return kind.value if side > 0 else f"{kind.value}_short"
