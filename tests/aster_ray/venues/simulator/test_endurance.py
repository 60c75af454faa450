"""What runs for days does not grow: containers by count, and the process as the machine sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import ccxt.pro
import numpy as np
import pytest

from aster_ray.model.ids import DAY_MS, MINUTE_MS
from tests.aster_ray.venues.simulator.processes import Process, simulator
from tests.aster_ray.venues.simulator.scenes import Scene, a_market
from tests.aster_ray.venues.simulator.served import BTC, KEY, Venue

WARM_UP_DAYS, DAYS, A_DAY = 8, 2, 24
# What may be remembered at any time by an account that trades the whole day; the venue forgets an
# unfilled order after a week.
BOUNDS = {"open_orders": 10, "trades": 12_000, "book_levels": 800, "waiting": 5, "told": 0}
BOUNDS |= {"requests": 5_000, "nonces": 200, "listen_keys": 1, "streams": 30, "accepted": 0}


def test_orders_that_came_to_nothing_are_forgotten_after_a_week_and_fills_are_not() -> None:
    scene = Scene(a_market(minutes=60), leaps=True)
    kept = scene.market("BUY", "0.01")
    for day in range(20):
        scene.floor.now_ms += DAY_MS
        order = scene.limit("BUY", "0.01", 99_000)
        scene.exchange.cancel(order)
        assert len(scene.account.orders) <= 1 + min(day + 1, 9)
    assert kept.order_id in scene.account.orders
    assert len(scene.account.orders) == 9


class Session:
    """A client that trades all day."""

    def __init__(self, place: Process) -> None:
        self.place = place
        self.http, self.socket = place.http, place.socket
        self.count = 0

    async def hour(self, web: aiohttp.ClientSession, client: Any) -> None:
        """Trade, leave orders, withdraw them, and let an hour go by in which streams speak."""
        self.count += 1
        side = "buy" if self.count % 2 else "sell"
        await client.create_order(BTC, "market", side, 0.01)
        book = await client.fetch_order_book(BTC, 5)
        low = round(book["bids"][0][0] * 0.99, 1)
        for _ in range(3):
            await client.create_order(BTC, "limit", "buy", 0.01, low)
        await client.cancel_all_orders(BTC)
        await client.fetch_positions()
        wanted = {"bars": 1, "timeframe": "1h", "every": "15m"}
        async with web.post(f"{self.http}/control/advance", json=wanted) as response:
            assert response.status == 200, await response.text()


async def live(session: Session) -> tuple[list[int], dict[str, int]]:
    """Return the size of the process by hour after the warm-up, and of its containers."""
    client = ccxt.pro.aster(Venue.settings(session, KEY))  # type: ignore[arg-type]
    names = [
        f"{name}usdt@{kind}"
        for name in ("btc", "eth", "sol", "sui")
        for kind in ("kline_1h", "depth20", "aggTrade", "markPrice@1s")
    ]
    sizes: list[int] = []
    async with aiohttp.ClientSession() as web:
        try:
            await web.post(f"{session.http}/control/quota", json={"weight_limit": 10**9})
            await client.load_markets()
            key = (await client.fapiPrivatePostV3ListenKey())["listenKey"]
            path = f"/stream?streams={'/'.join([*names, key])}"
            async with web.ws_connect(session.socket + path, max_msg_size=0) as stream:

                async def drain() -> None:
                    async for _ in stream:
                        pass

                listening = asyncio.create_task(drain())
                for hour in range((WARM_UP_DAYS + DAYS) * A_DAY):
                    await session.hour(web, client)
                    if hour >= WARM_UP_DAYS * A_DAY:
                        sizes.append(session.place.rss())
                listening.cancel()
            async with web.get(f"{session.http}/control/sizes") as response:
                return sizes, await response.json()
        finally:
            await client.close()


@pytest.mark.slow
def test_days_of_trading_leave_the_simulator_as_large_as_it_was() -> None:
    with simulator("--pace", "stepped", "--time", "recorded") as process:
        at_rest = process.rss()
        sizes, held = asyncio.run(live(Session(process)))
    days = np.arange(len(sizes)) / A_DAY
    slope = float(np.polyfit(days, np.array(sizes) / 2**20, 1)[0])
    print(f"\nat rest {at_rest / 2**20:.0f} MiB, after {WARM_UP_DAYS} days {sizes[0] / 2**20:.0f}")
    print(f"{slope:+.3f} MiB a simulated day; remembered: {held}")
    assert at_rest < 200 * 2**20
    assert slope < 1.0
    for name, bound in BOUNDS.items():
        assert held[name] <= bound, name
    # A week of orders that came to nothing, and every one that filled.
    assert held["orders"] <= 9 * A_DAY * 3 + held["fills"]


def test_a_day_in_which_every_step_is_taken_leaves_containers_bounded() -> None:
    scene = Scene(a_market(minutes=300))
    sizes = []
    for _ in range(4):
        for _ in range(10):
            scene.limit("BUY", "0.01", 99_900)
        for order in scene.account.resting():
            scene.exchange.cancel(order)
        scene.exchange.advance(scene.floor.now_ms + 60 * MINUTE_MS)
        scene.heard()
        listing = scene.btc
        quotes = sum(len(part) for part in listing.liquidity._quotes.values())
        sizes.append((len(listing.trades) <= 2_000, quotes, listing.book.size))
    assert all(bounded for bounded, _, _ in sizes)
    assert max(quotes for _, quotes, _ in sizes) <= 90
    assert max(size for _, _, size in sizes) <= 90
