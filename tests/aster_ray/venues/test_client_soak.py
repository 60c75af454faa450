"""Everything at once: orders go out while connections are cut, stalled and refused."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from aster_ray.errors import OutcomeUnknownError, RetryableError
from aster_ray.model.enums import Side
from aster_ray.model.venue import Interrupted, OrderTicket, OrderType, OrderUpdate
from tests.aster_ray.venues.connected import trading
from tests.aster_ray.venues.simulator.served import Venue

PATIENCE = {"heartbeat_s": 0.4, "timeout_s": 1.0, "listen_key_s": 0.3}
TROUBLES = ("drop", "abort", "stall", "duplicate", "reorder", "keys", "lost", "html", "none")
ROUNDS = 30


class Book:
    """Keeps every execution that was heard of or, after an interruption, asked for."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.trades: set[str] = set()
        self.gaps = 0

    async def keep(self) -> None:
        async for event in self._client.events():
            if isinstance(event, OrderUpdate) and event.trade is not None:
                self.trades.add(event.trade.trade_id)
            elif isinstance(event, Interrupted):
                self.gaps += 1
                found = await persist(lambda e=event: self._client.trades("BTCUSDT", e.since_ms))
                self.trades |= {trade.trade_id for trade in found}


async def persist(ask: Any) -> Any:
    """Ask until there is an answer."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await ask()
            except RetryableError:
                await asyncio.sleep(0.05)


async def place(client: Any, name: str, side: Side) -> None:
    """Send an order once, whatever happens to the answer."""
    ticket = OrderTicket(
        symbol="BTCUSDT", client_order_id=name, side=side, type=OrderType.MARKET, qty=0.01
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await client.place(ticket)
            except RetryableError:
                await asyncio.sleep(0.05)
                continue
            except OutcomeUnknownError:
                if await persist(lambda: client.order("BTCUSDT", name)) is None:
                    continue
            return


async def disturb(venue: Venue, trouble: str) -> None:
    if trouble in ("drop", "abort", "stall", "duplicate", "reorder"):
        await venue.control("POST", "sockets", {"action": trouble})
    elif trouble == "keys":
        await venue.control("POST", "listen-keys")
    elif trouble == "lost":
        await venue.fault("lost_ack", "/order", method="POST")
    elif trouble == "html":
        await venue.fault("html", status=502, count=3)


def ours() -> list[str]:
    """Return the tasks of the client that still run."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(("Line.", "UserStream.", "Outlet."))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_execution_is_lost_and_no_order_is_sent_twice(seed: int) -> None:
    async def run() -> None:
        rng = random.Random(seed)
        async with trading(config=PATIENCE) as (venue, client):
            book = Book(client)
            assert ours() == []
            keeping = asyncio.ensure_future(book.keep())
            for number in range(ROUNDS):
                trouble = rng.choice(TROUBLES)
                await disturb(venue, trouble)
                for side in Side:
                    await place(client, f"{number}-{side.name}", side)
                # A stall must be noticed before it ends: then nothing would tell of it.
                await asyncio.sleep(1.2 if trouble == "stall" else rng.choice((0.05, 0.2, 1.0)))
                await venue.control("POST", "sockets", {"action": "heal"})
                await venue.control("DELETE", "faults")
            fills = {str(fill.trade_id) for fill in venue.account.fills}
            async with asyncio.timeout(15):
                while not fills <= book.trades:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            ids = [order.request.client_id for order in venue.account.orders.values()]
            assert len(ids) == len(set(ids)) == 2 * ROUNDS
            assert book.trades == fills
            assert book.gaps > 3
            assert len(ours()) == 2
            assert venue.account.position("BTCUSDT").lots == 0
            await client.close()
            await asyncio.wait_for(keeping, 5)
            await asyncio.sleep(0.3)
            assert ours() == []

    asyncio.run(run())
