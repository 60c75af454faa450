"""An account is closed until the venue says that nothing is left, whatever the wire does."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.errors import RetryableError
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderTicket, OrderType, VenuePosition
from aster_ray.venues.live import flatten as module
from aster_ray.venues.live.flatten import closing_tickets, flatten, holdings
from tests.aster_ray.venues.live.lives import USER, LiveScene
from tests.aster_ray.venues.live.wireless import Wire, Wireless
from tests.factories import an_instrument

RATES = {"unreachable": 0.15, "lost": 0.15, "lost ack": 0.2, "429": 0.15}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)


async def an_account(seed: int, wire: Wire) -> Wireless:
    """Return an account that holds BTC long and ETH short, with orders resting on both."""
    exchange = LiveScene(seed, 6).exchange
    client = Wireless(exchange, USER, Wire())
    for symbol, side, qty, away in (
        ("BTCUSDT", Side.BUY, 0.02, 0.985),
        ("ETHUSDT", Side.SELL, 0.5, 1.015),
    ):
        price = exchange.floor.listings[symbol].last_units / 1e8
        await client.place(
            OrderTicket(
                symbol=symbol,
                client_order_id=f"m{symbol}",
                side=side,
                type=OrderType.MARKET,
                qty=qty,
            )
        )
        await client.place(
            OrderTicket(
                symbol=symbol,
                client_order_id=f"l{symbol}",
                side=side,
                type=OrderType.LIMIT,
                qty=qty,
                price=round(price * away, 1),
            )
        )
    client.wire = wire
    return client


@pytest.mark.parametrize("seed", range(6))
def test_everything_is_closed_however_bad_the_wire_is(seed: int) -> None:
    async def run() -> None:
        client = await an_account(seed, Wire(seed, RATES if seed else {}))
        before = await holdings(Wireless(client.exchange, USER, Wire()))
        assert (len(before.orders), len(before.positions)) == (2, 2)
        told: list[str] = []
        left = await flatten(client, packaged_instruments(), rounds=60, told=told.append)
        assert left.is_flat
        assert not client.account.open_orders
        assert not list(client.account.held())
        assert told

    asyncio.run(run())


def test_one_symbol_alone_is_closed() -> None:
    async def run() -> None:
        client = await an_account(1, Wire())
        left = await flatten(client, {}, frozenset({"ETHUSDT"}))
        assert left.is_flat
        assert [position.symbol for position in client.account.held()] == ["BTCUSDT"]
        assert len(client.account.open_orders) == 1

    asyncio.run(run())


def test_what_the_venue_does_not_close_is_said() -> None:
    async def run() -> None:
        client = await an_account(2, Wire())

        async def nowhere(_ticket: OrderTicket) -> None:
            raise RetryableError("not today")

        client.place = nowhere  # type: ignore[assignment,method-assign]
        told: list[str] = []
        left = await flatten(client, {}, rounds=3, told=told.append)
        assert [position.symbol for position in left.positions] == ["BTCUSDT", "ETHUSDT"]
        assert left.orders == ()
        assert sum("not today" in line for line in told) == 6

    asyncio.run(run())


def test_a_venue_that_never_answers_is_an_error() -> None:
    async def run() -> None:
        client = await an_account(3, Wire())
        client.wire.is_down = True
        with pytest.raises(RetryableError, match="unreachable"):
            await flatten(client, {}, rounds=2)

    asyncio.run(run())


def test_a_position_beyond_the_largest_order_is_closed_in_parts() -> None:
    position = VenuePosition(
        symbol="BTCUSDT",
        qty=-2.5,
        entry_price=1.0,
        mark_price=1.0,
        unrealized=0.0,
        leverage=1.0,
        isolated=False,
        liquidation_price=None,
    )
    tickets = closing_tickets(position, an_instrument(lot=Decimal("0.001"), max_lots=1000))
    assert [ticket.qty for ticket in tickets] == [0.834, 0.833, 0.833]
    assert {ticket.side for ticket in tickets} == {Side.BUY}
    assert all(ticket.reduce_only for ticket in tickets)
    assert len({ticket.client_order_id for ticket in tickets}) == 3
    assert [ticket.qty for ticket in closing_tickets(position, None)] == [2.5]
