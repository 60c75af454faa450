"""A parameter that the venue knows no value for is refused in its words, wherever it stands."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import ccxt
import pytest

from tests.aster_ray.venues.simulator.served import traded

BTC = {"symbol": "BTCUSDT"}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("fapiPrivatePostV3MarginType", {**BTC, "marginType": "SHARED"}, "-1130"),
    ("fapiPrivatePostV3PositionMargin", {**BTC, "type": 3, "amount": "1"}, "-1130"),
    ("fapiPrivateGetV3PositionMarginHistory", {**BTC, "type": 7}, "-1130"),
    ("fapiPrivateGetV3Income", {"incomeType": "GIFT"}, "-1130"),
    ("fapiPublicGetV3Depth", {**BTC, "limit": 7}, "-4021"),
    ("fapiPublicGetV3Klines", {**BTC, "interval": "9m"}, "-1120"),
]


def test_it_is_refused_with_the_venues_code() -> None:
    async def run() -> None:
        async with traded() as (venue, client):
            for method, params, code in WRONG:
                with pytest.raises(ccxt.BaseError) as refused:
                    await getattr(client, method)(params)
                assert code in str(refused.value), method
            async with aiohttp.ClientSession() as session:
                answer = await session.get(f"{venue.http}/fapi/v3/horoscope")
                assert (answer.status, await answer.text()) == (
                    404, "GET /fapi/v3/horoscope is not served",
                )  # fmt: skip

    asyncio.run(run())


def test_a_quota_may_be_changed_by_either_limit() -> None:
    async def run() -> None:
        async with traded() as (venue, client):
            await venue.control("POST", "quota", {"order_limit": 3})
            assert (venue.desk.quota.order_limit, venue.desk.quota.weight_limit) == (3, 2400)
            await venue.control("POST", "quota", {"weight_limit": 10})
            assert (venue.desk.quota.order_limit, venue.desk.quota.weight_limit) == (3, 10)

            async def bars() -> None:
                for _ in range(12):
                    await client.fapiPublicGetV3Klines({**BTC, "interval": "1m", "limit": 1})

            with pytest.raises(ccxt.RateLimitExceeded):
                await bars()

    asyncio.run(run())
