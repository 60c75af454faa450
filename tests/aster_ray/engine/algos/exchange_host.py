"""A host that carries parents out at the simulated exchange, four times a second.

It does what the package asks of a host: quotes and bars in, evidence in, records before actions.
Nothing is delayed and nothing is lost here; the exchange's own book decides what an order pays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.algos.child import Action, Cancel, Place
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.parent_orders import ParentOrders
from aster_ray.engine.algos.shortfall import Shortfall
from aster_ray.model.enums import Side
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.market import Bar
from aster_ray.model.venue import BarUpdate, BookUpdate, OrderType, TimeInForce
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.order import Order, Status
from aster_ray.venues.simulator.refusals import RefusedError
from tests.aster_ray.venues.simulator.scenes import Scene, a_market

STEP_MS = 250
BTC = packaged_instruments()["BTCUSDT"]


def walking_bars(minutes: int, seed: int, volatility: float = 0.0003) -> list[tuple[float, ...]]:
    """Return a random walk from 100,000, its bars as wide as their moves."""
    rng = np.random.default_rng(seed)
    closes = 100_000.0 * np.exp(np.cumsum(volatility * rng.standard_normal(minutes)))
    opens = np.concatenate([[100_000.0], closes[:-1]])
    wicks = np.abs(volatility * 0.5 * rng.standard_normal((2, minutes)))
    highs = np.maximum(opens, closes) * (1.0 + wicks[0])
    lows = np.minimum(opens, closes) * (1.0 - wicks[1])
    rows = np.round(np.column_stack([opens, highs, lows, closes]), 1)
    return [tuple(float(price) for price in row) for row in rows]


class ExchangeHost:
    """One exchange, one account, and the parents of one configuration."""

    def __init__(self, bars: Sequence[Any] | None, volume: float, **config: Any) -> None:
        market = a_market(bars, minutes=10, volume=volume)
        self.scene = Scene(market, deposit="50000000", step_ms=STEP_MS)
        self.config = ExecutionConfig(**config)
        self.orders = ParentOrders({"BTCUSDT": BTC}, self.config)
        self.sent: dict[str, Order] = {}
        self.told: dict[str, tuple[Any, ...]] = {}
        self.journal: list[dict[str, Any]] = []
        self.start_ms = self.scene.floor.now_ms

    @property
    def now_ms(self) -> int:
        return self.scene.floor.now_ms

    @property
    def mid(self) -> float:
        bid, ask = self.scene.btc.book.best(Side.BUY), self.scene.btc.book.best(Side.SELL)
        assert bid is not None
        assert ask is not None
        return 0.5 * (bid + ask) * float(BTC.tick)

    def restart(self) -> None:
        """Lose everything but the journal; then look at the market before the next tick."""
        self.orders = ParentOrders({"BTCUSDT": BTC}, ExecutionConfig(), self.journal)
        self.look()

    def carry_out(
        self, lots: int, norms: Norms | None = None, *, minutes: float = 5.0, restart_ms: int = 0
    ) -> Shortfall:
        """Trade a parent decided now at the middle of the quotes, with restarts on the way."""
        parent = Parent(
            parent_id=f"ar-{self.now_ms}",
            symbol="BTCUSDT",
            lots=lots,
            decision_price=self.mid,
            decided_ms=self.now_ms,
            deadline_ms=self.now_ms + int(minutes * MINUTE_MS),
        )
        self.look()
        self.obey(self.orders.start(parent, self.now_ms, norms))
        while self.orders.states:
            self.scene.exchange.advance(self.now_ms + STEP_MS)
            if restart_ms and (self.now_ms - parent.decided_ms) % restart_ms == 0:
                self.restart()
            self.look()
            self.hear()
            self.obey(self.orders.tick(self.now_ms))
            assert self.now_ms < parent.deadline_ms + MINUTE_MS, "never ended"
        (found,) = self.orders.finished()
        return found

    def look(self) -> None:
        """Show the book and the minute as it forms."""
        lot, tick, ms = float(BTC.lot), float(BTC.tick), self.now_ms
        sides = {
            side: tuple(
                (ticks * tick, lots * lot) for ticks, lots in self.scene.btc.book.levels(side, 20)
            )
            for side in Side
        }
        book = BookUpdate(symbol="BTCUSDT", bids=sides[Side.BUY], asks=sides[Side.SELL], ts_ms=ms)
        self.obey(self.orders.market(book))
        minute = self.scene.btc.candles.latest(MINUTE_MS)
        if minute is not None and minute.open_ms >= self.start_ms:
            price = minute.close * tick
            bar = Bar(minute.open_ms, price, price, price, price, minute.lots * lot)
            self.obey(self.orders.market(BarUpdate("BTCUSDT", MINUTE_MS, bar, ms)))

    def hear(self) -> None:
        """Tell what has happened to the children."""
        for known, order in list(self.sent.items()):
            state = (order.status, order.filled)
            if self.told.get(known) != state:
                self.told[known] = state
                self.obey(self.orders.update(self.word(known, order)))

    def word(self, known: str, order: Order) -> ChildUpdate:
        fills = [fill for fill in self.scene.account.fills if fill.order_id == order.order_id]
        open_now = order.status in (Status.NEW, Status.PARTIALLY_FILLED)
        return ChildUpdate(
            child_id=known,
            ms=self.now_ms,
            evidence=Evidence.OPEN if open_now else Evidence.DONE,
            filled=order.filled,
            cost=order.cost / UNIT / float(BTC.lot),
            fee=sum(fill.commission for fill in fills) / UNIT,
        )

    def obey(self, actions: Sequence[Action]) -> None:
        """Write down, then hand over."""
        self.journal += [json.loads(json.dumps(one)) for one in self.orders.records()]
        for action in actions:
            if isinstance(action, Cancel):
                order = self.sent[action.child_id]
                if order.is_open:
                    self.scene.exchange.cancel(order)
            else:
                self.place(action)
        if actions:
            self.hear()

    def place(self, place: Place) -> None:
        ticket = self.orders.ticket(place)
        fields: dict[str, Any] = {
            "side": ticket.side.name,
            "type": "MARKET" if ticket.type is OrderType.MARKET else "LIMIT",
            "quantity": BTC.qty_text(place.lots),
            "newClientOrderId": ticket.client_order_id,
        }
        if ticket.price is not None:
            force = {TimeInForce.IOC: "IOC", TimeInForce.GTX: "GTX"}[ticket.time_in_force]
            fields |= {"price": BTC.price_text(ticket.price), "timeInForce": force}
        try:
            self.sent[ticket.client_order_id] = self.scene.send(**fields)
        except RefusedError as refusal:
            self.obey(
                self.orders.update(
                    ChildUpdate(
                        child_id=place.child_id,
                        ms=self.now_ms,
                        evidence=Evidence.REJECTED,
                        code=str(refusal),
                    )
                )
            )
