"""The host that the package describes, over the real client and the served exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.algos.child import Action, Cancel, Place
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.parent_orders import ParentOrders
from aster_ray.engine.ports import MarketClient, TradingClient
from aster_ray.errors import OutcomeUnknownError, RejectedError, RetryableError
from aster_ray.model.venue import VenueOrder
from aster_ray.venues.connect import connect
from aster_ray.venues.simulator.amounts import UNIT
from tests.aster_ray.venues.connected import OWN, config_of
from tests.aster_ray.venues.simulator.served import Venue, served

RULES = {"BTCUSDT": packaged_instruments()["BTCUSDT"]}
# How long after its placing a request may still arrive: the venue's recvWindow.
WINDOW_MS = 5_000


@dataclass
class WireHost:
    venue: Venue
    market: MarketClient
    client: TradingClient
    config: ExecutionConfig
    journal: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.orders = ParentOrders(RULES, self.config)

    @property
    def now_ms(self) -> int:
        return self.venue.desk.exchange.floor.now_ms

    async def run(self, parent: Parent, crash_after: int = 0) -> None:
        await self.look()
        await self.obey(self.orders.start(parent, self.now_ms))
        steps = 0
        while self.orders.states:
            await self.venue.advance(until_ms=self.now_ms + 1_000)
            steps += 1
            if steps == crash_after:
                self.orders = ParentOrders(RULES, self.config, self.journal)
            await self.look()
            await self.ask()
            await self.obey(self.orders.tick(self.now_ms))
            assert steps < 400, "never ended"

    async def look(self) -> None:
        await self.obey(self.orders.market(await self.market.book("BTCUSDT", 20)))

    async def ask(self) -> None:
        """Query every child that may still trade."""
        for state in list(self.orders.states.values()):
            for child in state.children:
                if child.outstanding:
                    await self.query(child.placed)

    async def query(self, place: Place) -> None:
        found = await self.client.order("BTCUSDT", place.child_id)
        if found is not None:
            await self.hear(found)
        elif self.now_ms - place.ms > WINDOW_MS:
            await self.tell(place.child_id, Evidence.DONE)

    async def hear(self, order: VenueOrder) -> None:
        fills = [
            fill
            for fill in await self.client.trades("BTCUSDT", self.venue.desk.exchange.start_ms)
            if fill.venue_order_id == order.venue_order_id
        ]
        await self.obey(self.orders.heard(order, sum(fill.fee for fill in fills)))

    async def tell(self, child_id: str, evidence: Evidence, code: str = "") -> None:
        word = ChildUpdate(child_id=child_id, ms=self.now_ms, evidence=evidence, code=code)
        await self.obey(self.orders.update(word))

    async def obey(self, actions: Sequence[Action]) -> None:
        self.journal += [json.loads(json.dumps(record)) for record in self.orders.records()]
        for action in actions:
            if isinstance(action, Cancel):
                await self.cancel(action)
            else:
                await self.place(action)

    async def cancel(self, action: Cancel) -> None:
        try:
            gone = await self.client.cancel("BTCUSDT", action.child_id)
        except (OutcomeUnknownError, RetryableError) as error:
            self.errors.append(type(error).__name__)
        else:
            if gone is not None:
                await self.hear(gone)

    async def place(self, action: Place) -> None:
        try:
            taken = await self.client.place(self.orders.ticket(action))
        except RejectedError as error:
            await self.tell(action.child_id, Evidence.REJECTED, str(error))
        except OutcomeUnknownError as error:
            self.errors.append(type(error).__name__)
            await self.tell(action.child_id, Evidence.UNKNOWN)
        except RetryableError as error:
            self.errors.append(type(error).__name__)
            await self.tell(action.child_id, Evidence.DONE)
        else:
            await self.hear(taken)


def play(lots: int, fault: dict[str, Any] | None = None, **how: Any) -> WireHost:
    """Carry a parent out over the wire and return the host when it has ended."""
    crash_after = how.pop("crash_after", 0)
    config = ExecutionConfig(slice_ms=10_000, **how)

    async def run() -> WireHost:
        async with served(speed=0.0) as venue:
            market, client = connect(config_of(venue), OWN)
            try:
                host = WireHost(venue, market, client, config)
                if fault is not None:
                    await venue.fault(**fault)
                parent = Parent(
                    parent_id="ar-wire",
                    symbol="BTCUSDT",
                    lots=lots,
                    decision_price=100_000.0,
                    decided_ms=host.now_ms,
                    deadline_ms=host.now_ms + 115_000,
                )
                await host.run(parent, crash_after)
                assert await client.open_orders() == []
                held = sum(position.qty for position in await client.positions())
                (cost,) = host.orders.finished()
                assert held == pytest.approx(cost.filled * 0.001)
                return host
            finally:
                await client.close()
                await market.close()

    return asyncio.run(run())


def booked(host: WireHost) -> tuple[int, float]:
    fills = host.venue.account.fills
    side = sum(int(fill.side) * fill.lots for fill in fills)
    return side, sum(fill.commission for fill in fills) / UNIT


def the_cost(host: WireHost) -> dict[str, Any]:
    (end,) = [record for record in host.journal if record["kind"] == "algo_end"]
    return end


@pytest.mark.parametrize(
    "how",
    [
        {"algorithm": "market"},
        {"algorithm": "twap"},
        {"algorithm": "twap", "maker_first": True},
        {"algorithm": "adaptive"},
    ],
    ids=["market", "twap", "twap_maker_first", "adaptive"],
)
def test_a_parent_is_carried_out_by_the_real_client(how: dict[str, Any]) -> None:
    host = play(-60, **how)
    lots, fees = booked(host)
    assert lots == -60
    end = the_cost(host)
    assert (end["filled"], end["why"]) == (-60, "filled")
    assert end["fees"] == pytest.approx(fees, abs=1e-6)
    assert len({fill.order_id for fill in host.venue.account.fills}) <= end["children"]


@pytest.mark.parametrize("maker_first", [False, True])
def test_an_answer_lost_after_the_execution_trades_nothing_twice(maker_first: bool) -> None:
    fault = {"kind": "lost_ack", "path": "/order", "method": "POST", "count": 2}
    host = play(60, fault, algorithm="twap", maker_first=maker_first)
    assert host.errors[:2] == ["OutcomeUnknownError"] * 2
    lots, fees = booked(host)
    assert lots == 60
    assert the_cost(host)["fees"] == pytest.approx(fees, abs=1e-6)


def test_a_restart_in_the_middle_goes_on_where_it_was() -> None:
    host = play(60, algorithm="twap", maker_first=True, crash_after=21)
    assert booked(host)[0] == 60
    placed = [record["child_id"] for record in host.journal if record["kind"] == "algo_place"]
    assert len(set(placed)) == len(placed) == the_cost(host)["children"]
