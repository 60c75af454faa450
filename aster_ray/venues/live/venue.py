"""A real venue as the executor sees it: closes in, evidence out; orders in, one log behind it all.

Satisfies ``DurableExecutionPort``. Nothing here waits for the network: what is asked is written to
the account's log and done by ``Worker`` tasks beside it, and what the venue says is written to the
log before it counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from aster_ray.engine.chronicle import bars_record
from aster_ray.engine.failpoints import Reached, pass_by
from aster_ray.engine.journal import encode
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.engine.ports import JournalPort
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Slot, Tracked, Want
from aster_ray.errors import JournalError, RejectedError
from aster_ray.model.enums import TradingState
from aster_ray.model.instrument import Instrument
from aster_ray.model.order import OrderKind, OrderRequest
from aster_ray.model.venue import FundingPayment, VenueOrder, VenueTrade
from aster_ray.venues.live.others import Others
from aster_ray.venues.live.parents import Manner, Parents

# A venue that takes a position away names its orders itself.
TAKEN_AWAY = ("autoclose-", "adl_autoclose")


class LiveVenue:
    """An account at a real venue, with its log.

    Args:
        account: freshly made; ``restore`` brings it up to date.
        instruments: the contract of every symbol, in the order of the session.
        log: where every record goes before it counts.
        manner: how orders are carried out.
    """

    def __init__(
        self,
        account: VenueAccount,
        instruments: Sequence[Instrument],
        log: JournalPort,
        manner: Manner | None = None,
    ) -> None:
        self.account = account
        self.instruments = tuple(instruments)
        self.index = {one.symbol: n for n, one in enumerate(self.instruments)}
        self.parents = Parents(account, instruments, manner or Manner(), self._note)
        self._log = log
        self.reached: Reached = pass_by
        self.on_change: Callable[[int], None] = lambda _symbol: None
        self.others = Others(account)
        self._halt_seen = False  # since everything was to be closed

    # The port.

    @property
    def report(self) -> VenueReport:
        """Return the evidence on the last close time seen."""
        return self.account.report

    @property
    def accepted(self) -> int:
        """Return the last close time whose orders arrived; -1 for none."""
        return self.account.accepted

    @property
    def batches(self) -> int:
        """Return of how many closes orders arrived."""
        return self.account.batches

    @property
    def evidence(self) -> int:
        """Return on how many closes something happened."""
        return self.account.evidence

    def has(self, client_order_id: str) -> bool:
        """Return whether an order of this id was asked for."""
        return self.account.has(client_order_id)

    def observe(self, batch: BarBatch) -> VenueReport:
        """Close an interval: what the venue said in it is its report; a repeat repeats it."""
        if batch.seq != self.account.report.seq:
            if batch.seq != self.account.observed + 1:
                raise JournalError(f"venue saw close {self.account.observed}, then {batch.seq}")
            self.parents.tick(batch.close_ms)
            for record in self.others.adoptions(batch):
                self.write(record)
            self.write(bars_record(batch))
            self._stir_all()
        return self.account.report

    def flatten(self) -> None:
        """Close everything at once, durably, and hold nothing until trading is resumed."""
        self._halt_seen = False
        self.parents.stop("everything is being closed")
        self.write({"kind": "flatten"})
        self.commit()
        self._stir_all()

    def hear_state(self, state: int) -> None:
        """Learn what the risk desk may do; trading again, after a halt, lifts a flattening."""
        self._halt_seen |= state == TradingState.HALTED
        if self.account.flattening and self._halt_seen and state == TradingState.ACTIVE:
            self.write({"kind": "resume"})
            self.commit()

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Take orders decided at one close; a batch that was taken before is ignored.

        Raises:
            RejectedError: an id was used before, by another batch.
        """
        if orders.seq <= self.account.accepted:
            return
        if len(orders.intents):
            ids = [request.client_order_id for request in requests]
            repeated = sorted(known for known in ids if self.account.has(known))
            if repeated:
                raise RejectedError(f"client order id used before: {', '.join(repeated)}")
            market = [
                [request.client_order_id, request.symbol]
                for request in requests
                if request.kind == OrderKind.MARKET
            ]
            carried = self.parents.chosen(orders)
            self.write(
                {
                    "kind": "orders",
                    "seq": orders.seq,
                    "close_ms": orders.close_ms,
                    "intents": encode(orders.intents),
                    "ids": ids,
                    "market": market,
                    **({"carried": carried} if carried else {}),
                }
            )
            self._stir_all()
        self.account.accepted = orders.seq

    def commit(self) -> None:
        """Make everything taken, seen and said so far durable."""
        self._log.commit()

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Bring the account to where its log ends; what was on its way then is in doubt now."""
        self.parents.restore(self._applied(records))
        for known in [o.client_order_id for o in self.account.orders.values()]:
            self.lost(known)

    def _applied(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for record in records:
            self.account.apply(record)
            yield record

    # What the workers write.

    def write(self, record: dict[str, object]) -> None:
        """Append a record and let it count."""
        self._log.append(record)
        self.account.apply(record)
        self.parents.hear(str(record.get("id", "")))

    def _note(self, record: dict[str, object]) -> None:
        """Write down what an algorithm did, and wake who carries it out."""
        self._log.append(record)
        self.account.apply(record)
        self._stir_all()

    def place(self, slot: Slot, want: Want) -> Tracked:
        """Write down an order that should rest, durably; the caller sends it."""
        known, number = self.account.next_id(slot)
        record: dict[str, object] = {
            "kind": "place",
            "id": known,
            "purpose": slot.purpose.value,
            "slot": list(slot[1:]),
            "lots": want.lots,
            "prices": [None if math.isnan(x) else x for x in (want.price, want.trigger)],
            "ms": self.account.report.close_ms,
            "revision": number,
        }
        self.write(record)
        self.commit()
        return self.account.orders[known]

    def sending(self, order: Tracked) -> None:
        """Write down, durably, that a planned order leaves now."""
        self.write({"kind": "send", "id": order.client_order_id})
        self.commit()

    def lost(self, client_order_id: str) -> None:
        """Write down that it is not known what became of an order."""
        self.write({"kind": "lost", "id": client_order_id})

    def unsent(self, client_order_id: str) -> None:
        """Write down that an order surely never arrived."""
        self.write({"kind": "unsent", "id": client_order_id})

    def dropped(self, order: Tracked, code: str) -> None:
        """Write down that a planned order will never be sent."""
        self.write({"kind": "drop", "id": order.client_order_id, "code": code})
        self.on_change(order.slot.symbol)

    def rejected(self, order: Tracked, code: str) -> None:
        """Write down the venue's refusal."""
        self.write({"kind": "rejected", "id": order.client_order_id, "code": code})
        self.on_change(order.slot.symbol)

    # What the venue says.

    def hear_order(self, told: VenueOrder) -> bool:
        """Take the venue's word on an order; return whether it is one of ours."""
        order = self.account.orders.get(told.client_order_id)
        n = self.index.get(told.symbol)
        if order is None or n is None:
            return told.client_order_id in self.account.finished
        lots = told.side * self.instruments[n].to_lots(told.filled_qty)
        is_news = order.status is not told.status or abs(lots) > abs(order.reported_lots)
        if is_news and not order.is_ended:
            self.write(
                {
                    "kind": "status",
                    "id": told.client_order_id,
                    "status": told.status.value,
                    "lots": lots,
                    "venue_id": told.venue_order_id,
                }
            )
            self.on_change(n)
        return True

    def hear_trade(self, trade: VenueTrade) -> bool:
        """Take an execution; return whether it is one of ours. Twice is once."""
        n = self.index.get(trade.symbol)
        if n is None:
            return False
        key = f"{trade.symbol}/{trade.trade_id}"
        if key in self.account.booked:
            return True
        known = trade.client_order_id or self._named(trade.venue_order_id)
        taken_away = known.startswith(TAKEN_AWAY)
        if known not in self.account.orders and not taken_away:
            return False
        if trade.fee_asset not in ("", self.instruments[0].quote):
            structlog.get_logger().warning("fee_in_other_asset", asset=trade.fee_asset)
        self.write(
            {
                "kind": "trade",
                "id": known,
                "trade": key,
                "symbol": n,
                "lots": int(trade.side) * self.instruments[n].to_lots(trade.qty),
                "price": trade.price,
                "fee": trade.fee,
                "ms": trade.ts_ms,
                **({"liquidation": True} if taken_away else {}),
            }
        )
        self.on_change(n)
        return True

    def hear_funding(self, payment: FundingPayment) -> None:
        """Take a settlement; twice is once."""
        n = self.index.get(payment.symbol)
        key = f"funding/{payment.symbol}/{payment.payment_id}"
        if n is None or key in self.account.booked:
            return
        self.write(
            {
                "kind": "funding",
                "payment": key,
                "symbol": n,
                "amount": payment.amount,
                "ms": payment.ts_ms,
            }
        )

    def foreign(self, n: int, lots: int) -> None:
        """Write down by how much the venue's position of ``n`` differs from ours."""
        if self.account.foreign.get(n, 0) != lots:
            self.others.differs(n)
            self.write({"kind": "foreign", "symbol": n, "lots": lots})

    def _named(self, venue_order_id: str) -> str:
        for order in self.account.orders.values():
            if order.venue_order_id and order.venue_order_id == venue_order_id:
                return order.client_order_id
        return ""

    def _stir_all(self) -> None:
        for n in range(len(self.instruments)):
            self.on_change(n)
