from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from aster_ray.errors import BadInputError
from aster_ray.model.enums import Side
from aster_ray.model.venue import (
    AccountEvent,
    Interrupted,
    OrderStatus,
    OrderTicket,
    OrderType,
    OrderUpdate,
    PositionUpdate,
)
from tests.aster_ray.venues.connected import trading
from tests.aster_ray.venues.simulator.scenes import START_MS, a_market
from tests.aster_ray.venues.simulator.served import Venue

QUICK = {"timeout_s": 3.0, "heartbeat_s": 0.4}


class Ear:
    """Hears an account's events."""

    def __init__(self, client: Any) -> None:
        self._events = client.events()
        self.heard: list[AccountEvent] = []

    async def until(self, wanted: Callable[[AccountEvent], bool], seconds: float = 5.0) -> Any:
        """Return the first event that is wanted."""
        async with asyncio.timeout(seconds):
            async for event in self._events:
                self.heard.append(event)
                if wanted(event):
                    return event
        raise AssertionError("the stream ended")

    async def interruption(self) -> Interrupted:
        found: Interrupted = await self.until(lambda event: isinstance(event, Interrupted))
        return found

    async def order(self, name: str, status: OrderStatus) -> OrderUpdate:
        found: OrderUpdate = await self.until(
            lambda event: (
                isinstance(event, OrderUpdate)
                and event.order.client_order_id == name
                and event.order.status is status
            )
        )
        return found

    async def close(self) -> None:
        await self._events.aclose()


@contextlib.asynccontextmanager
async def hearing(**how: Any) -> AsyncIterator[tuple[Venue, Any, Ear]]:
    how = {"config": QUICK, **how}
    async with trading(**how) as (venue, client):
        ear = Ear(client)
        try:
            yield venue, client, ear
        finally:
            await ear.close()


def play(scenario: Callable[..., Coroutine[Any, Any, None]], **how: Any) -> None:
    async def run() -> None:
        async with hearing(**how) as (venue, client, ear):
            assert (await ear.interruption()).why == "the stream begins"
            await scenario(venue, client, ear)

    asyncio.run(run())


async def buy(client: Any, name: str, qty: float = 0.01) -> None:
    await client.place(
        OrderTicket(
            symbol="BTCUSDT",
            client_order_id=name,
            side=Side.BUY,
            type=OrderType.MARKET,
            qty=qty,
        )
    )


def test_the_life_of_an_order_is_told_with_its_execution() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await buy(client, "told")
        new = await ear.order("told", OrderStatus.NEW)
        assert new.trade is None
        filled = await ear.order("told", OrderStatus.FILLED)
        trade = filled.trade
        assert trade is not None
        assert trade.client_order_id == "told"
        (asked,) = await client.trades("BTCUSDT", 0)
        for field in ("trade_id", "venue_order_id", "qty", "price", "fee", "fee_asset", "ts_ms"):
            assert getattr(trade, field) == getattr(asked, field), field
        assert filled.order == await client.order("BTCUSDT", "told")
        (position,) = [event for event in ear.heard if isinstance(event, PositionUpdate)]
        assert (position.symbol, position.qty) == ("BTCUSDT", 0.01)
        assert position.entry_price == trade.price

    play(scenario)


@pytest.mark.parametrize("action", ["drop", "abort"])
def test_a_lost_connection_comes_back_and_says_so(action: str) -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await buy(client, "before")
        known = await ear.order("before", OrderStatus.FILLED)
        await venue.control("POST", "sockets", {"action": action})
        gap = await ear.interruption()
        assert "closed by the venue" in gap.why
        assert START_MS <= gap.since_ms <= known.order.updated_ms + 60_000
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)

    play(scenario)


def test_what_happens_while_the_line_is_down_can_be_asked_for_since_then() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await venue.control("POST", "sockets", {"action": "stall"})
        await buy(client, "unheard")
        await asyncio.sleep(0.05)
        await venue.control("POST", "sockets", {"action": "abort"})
        await venue.control("POST", "sockets", {"action": "heal"})
        gap = await ear.interruption()
        assert [trade.qty for trade in await client.trades("BTCUSDT", gap.since_ms)] == [0.01]
        assert not [event for event in ear.heard if isinstance(event, OrderUpdate)]

    play(scenario)


def test_a_stalled_connection_is_noticed_by_its_silent_pings() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await venue.control("POST", "sockets", {"action": "stall"})
        await asyncio.sleep(0.7)
        await venue.control("POST", "sockets", {"action": "heal"})
        await ear.interruption()
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)

    play(scenario)


def test_an_expired_key_is_replaced() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await venue.control("POST", "listen-keys")
        assert (await ear.interruption()).why == "the listen key expired"
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)

    play(scenario)


def test_the_key_is_extended_and_a_key_that_is_gone_is_replaced() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        def extended() -> int:
            return len([row for row in venue.desk.requests if row.method == "PUT"])

        async with asyncio.timeout(5):
            while extended() < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # The venue forgets the key without a word.
        venue.desk.keys._ends.clear()
        assert "the listen key is gone" in (await ear.interruption()).why
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)

    play(scenario, config={**QUICK, "listen_key_s": 0.05})


def test_events_that_come_twice_or_in_the_wrong_order_are_all_delivered() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        for action in ("duplicate", "reorder"):
            await venue.control("POST", "sockets", {"action": action})
            for number in range(6):
                await buy(client, f"{action}-{number}")
            await ear.order(f"{action}-4", OrderStatus.FILLED)
            await venue.control("POST", "sockets", {"action": "heal"})
        updates = [event for event in ear.heard if isinstance(event, OrderUpdate)]
        trades = [event.trade.trade_id for event in updates if event.trade is not None]
        assert len(trades) > len(set(trades))
        for number in range(5):
            statuses = {
                update.order.status
                for update in updates
                if update.order.client_order_id == f"duplicate-{number}"
            }
            assert statuses == {OrderStatus.NEW, OrderStatus.FILLED}

    play(scenario)


def test_funding_asks_the_reader_to_look_for_payments() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await buy(client, "long", 0.1)
        gap = await ear.until(
            lambda event: isinstance(event, Interrupted) and event.why == "funding was settled"
        )
        (payment,) = await client.funding_payments(gap.since_ms)
        assert payment.amount > 0.0

    market = a_market(minutes=200, funding=0.001)
    play(scenario, market=market, speed=2000.0, step_ms=60_000, config={**QUICK, "timeout_s": 5.0})


def test_a_message_nobody_understands_is_a_gap() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        (key,) = venue.desk.keys._ends
        told = {"e": "ORDER_TRADE_UPDATE", "E": START_MS, "o": {"s": "BTCUSDT"}}
        venue.desk.exchange.floor.tell(venue.account.number, told)
        assert "not understood" in (await ear.interruption()).why
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)
        assert list(venue.desk.keys._ends) == [key]

    play(scenario)


def test_a_venue_that_refuses_for_a_while_is_asked_again() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await venue.fault("html", "/listenKey", status=502, count=2)
        await venue.fault("reset", "/listenKey", count=2)
        await venue.control("POST", "sockets", {"action": "abort"})
        await ear.interruption()
        await buy(client, "after")
        await ear.order("after", OrderStatus.FILLED)

    play(scenario)


def test_keys_that_are_not_accepted_end_the_stream_with_the_reason() -> None:
    async def run() -> None:
        async with hearing() as (venue, _client, ear):
            await venue.fault("json", "/listenKey", status=400, code=-2015)
            with pytest.raises(BadInputError, match="does not accept the keys"):
                await ear.interruption()

    asyncio.run(run())


def test_closing_the_client_ends_the_stream() -> None:
    async def scenario(_venue: Venue, client: Any, ear: Ear) -> None:
        closing = asyncio.ensure_future(asyncio.sleep(0.05))
        closing.add_done_callback(lambda _: asyncio.ensure_future(client.close()))
        with pytest.raises(AssertionError, match="the stream ended"):
            await ear.until(lambda _: False)
        assert [event async for event in client.events()] == []

    play(scenario)
