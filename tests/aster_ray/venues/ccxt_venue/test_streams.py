"""The generic streams over ccxt.pro's real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aster_ray.model.enums import Side
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.venue import (
    BarUpdate,
    BookUpdate,
    Interrupted,
    MarkUpdate,
    OrderStatus,
    OrderTicket,
    OrderType,
    OrderUpdate,
    PositionUpdate,
)
from aster_ray.venues.ccxt_venue import streams
from tests.aster_ray.venues.connected import reading_generic, trading_generic

SYMBOLS = ("BTCUSDT", "ETHUSDT")
QUICK = {"stale_s": 3.0, "book_levels": 5}


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_PAUSE_S", 0.05)


async def until(events: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    """Return what is heard up to what is wanted."""
    heard = []
    async with asyncio.timeout(8):
        async for event in events:
            heard.append(event)
            if wanted(event):
                return heard
    raise AssertionError("the stream ended")


async def every_kind(events: Any) -> list[Any]:
    """Return what is heard until each kind was told of each symbol."""
    missing = {(kind, s) for kind in (BarUpdate, MarkUpdate, BookUpdate) for s in SYMBOLS}

    def last(event: Any) -> bool:
        missing.discard((type(event), getattr(event, "symbol", "")))
        return not missing

    return await until(events, last)


def test_the_market_is_told_of_and_a_loss_is_said() -> None:
    async def run() -> None:
        async with reading_generic(config=QUICK) as (venue, client):
            events = client.stream(SYMBOLS, MINUTE_MS)
            for event in await every_kind(events):
                assert not isinstance(event, Interrupted)
                if isinstance(event, BookUpdate):
                    assert len(event.bids) == len(event.asks) == 5
                    assert event.bids[0][0] < event.asks[0][0]
                elif isinstance(event, MarkUpdate):
                    assert event.mark.price > 0.0
                    assert event.funding.ts_ms % (8 * 60 * MINUTE_MS) == 0
                else:
                    assert event.bar.close > 0.0
            await venue.control("POST", "sockets", {"action": "abort"})
            heard = await until(events, lambda event: isinstance(event, Interrupted))
            assert "NetworkError" in heard[-1].why
            await every_kind(events)
            await client.close()
            assert [event async for event in events][1000:] == []

    asyncio.run(run())


def test_the_life_of_an_order_is_told_and_a_loss_is_said() -> None:
    async def run() -> None:
        async with trading_generic() as (venue, client):
            events = client.events()
            assert (await anext(events)).why == "the stream begins"
            pending = asyncio.ensure_future(
                until(events, lambda e: isinstance(e, OrderUpdate) and e.trade is not None)
            )
            async with asyncio.timeout(5):
                while not any(len(socket.streams) for socket in venue.hub.sockets):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await client.place(
                OrderTicket(
                    symbol="BTCUSDT",
                    client_order_id="told",
                    side=Side.SELL,
                    type=OrderType.MARKET,
                    qty=0.01,
                )
            )
            heard = await pending
            told = heard[-1]
            assert told.trade.client_order_id == told.order.client_order_id == "told"
            assert (told.trade.qty, told.trade.side) == (0.01, Side.SELL)
            assert told.trade.fee > 0.0
            assert told.order.status is OrderStatus.FILLED
            held = [event for event in heard if isinstance(event, PositionUpdate)]
            assert held[-1].qty == -0.01
            await venue.control("POST", "sockets", {"action": "abort"})
            lost = await until(events, lambda event: isinstance(event, Interrupted))
            assert "NetworkError" in lost[-1].why
            pending = asyncio.ensure_future(
                until(events, lambda e: isinstance(e, OrderUpdate) and e.trade is not None)
            )
            async with asyncio.timeout(5):
                while not any(len(socket.streams) for socket in venue.hub.sockets):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await client.place(
                OrderTicket(
                    symbol="BTCUSDT",
                    client_order_id="again",
                    side=Side.BUY,
                    type=OrderType.MARKET,
                    qty=0.01,
                )
            )
            heard = await pending
            assert heard[-1].trade.client_order_id == "again"
            assert any(isinstance(event, Interrupted) for event in heard)
            await events.aclose()

    asyncio.run(run())
