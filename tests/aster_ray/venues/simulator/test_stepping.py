"""An exchange whose time stands still, with the real client on its wires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from aster_ray.errors import BadInputError
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.stepping import Advance, read_advance
from tests.aster_ray.venues.simulator.scenes import START_MS, STEP_MS, a_market
from tests.aster_ray.venues.simulator.served import BTC, Venue, traded
from tests.aster_ray.venues.simulator.test_exchange import a_walk
from tests.aster_ray.venues.simulator.test_streams import listen, user_stream

NOW = START_MS + 10 * MINUTE_MS


def play(scenario: Callable[..., Coroutine[Any, Any, Any]], **how: Any) -> Any:
    async def run() -> Any:
        async with traded(**{"speed": 0.0, "step_ms": STEP_MS, **how}) as (venue, client):
            await client.load_markets()
            return await scenario(venue, client)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ({"until_ms": NOW + 5}, Advance(NOW + 5)),
        ({"until_ms": NOW}, Advance(NOW)),
        ({"bars": 1, "timeframe": "1h"}, Advance(START_MS - START_MS % HOUR_MS + HOUR_MS)),
        ({"bars": 2}, Advance(NOW + 2 * MINUTE_MS)),
        (
            {"bars": 1, "timeframe": "4h", "every": "1m"},
            Advance(NOW // (4 * HOUR_MS) * 4 * HOUR_MS + 4 * HOUR_MS, MINUTE_MS),
        ),
    ],
)
def test_how_far_time_moves_is_said_by_a_moment_or_by_bars(
    state: dict[str, Any], wanted: Advance
) -> None:
    assert read_advance(state, NOW) == wanted


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "give either"),
        ({"until_ms": NOW, "bars": 1}, "give either"),
        ({"until_ms": NOW - 1}, "until_ms must be within"),
        ({"until_ms": NOW + 400 * DAY_MS}, "until_ms must be within"),
        ({"until_ms": True}, "until_ms must be a whole number"),
        ({"bars": 0}, "bars must be a whole number from 1 on, was 0"),
        ({"bars": 1.5}, "bars must be a whole number"),
        ({"bars": 1, "timeframe": "7m"}, "timeframe '7m' is none of 1m"),
        ({"bars": 1, "every": 5}, "every 5 is none of"),
        ({"bars": 1, "speed": 5}, "unknown field speed"),
    ],
)
def test_what_cannot_be_meant_is_refused(state: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        read_advance(state, NOW)


def test_time_stands_still_until_it_is_moved_and_then_all_of_it_has_happened() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        before = await venue.control("GET", "clock")
        assert (before["pace"], before["now_ms"]) == ("stepped", START_MS)
        await asyncio.sleep(0.25)
        assert await venue.control("GET", "clock") == before
        async with aiohttp.ClientSession() as session:
            names = "btcusdt@kline_1h/btcusdt@kline_1m/btcusdt@markPrice@1s/ethusdt@depth5"
            market = await listen(session, venue, f"/stream?streams={names}")
            first = {message["stream"] for message in await market.hear(4)}
            assert first == set(names.split("/"))
            clock = await venue.advance(bars=2, timeframe="1h")
            assert clock["now_ms"] == START_MS - START_MS % HOUR_MS + 2 * HOUR_MS
            # Everything was with the sockets before the answer: nothing has to be waited for.
            heard = []
            while (
                not heard
                or heard[-1]["stream"] != "ethusdt@depth5"
                or heard[-1]["data"]["E"] < clock["now_ms"]
            ):
                heard += await market.hear(seconds=0.2)
            bars = [one["data"]["k"] for one in heard if "kline" in one["stream"]]
            hours = [bar for bar in bars if bar["i"] == "1h" and bar["x"]]
            minutes = [bar["t"] for bar in bars if bar["i"] == "1m" and bar["x"]]
            assert [bar["t"] for bar in hours] == [
                START_MS - START_MS % HOUR_MS + n * HOUR_MS for n in (0, 1)
            ]
            assert minutes == [START_MS + n * MINUTE_MS for n in range(90)]
        rows = await client.fetch_ohlcv(BTC, "1h", limit=3)
        assert rows[-1][0] == clock["now_ms"]
        assert [row[4] for row in rows[:2]] == [float(bar["c"]) for bar in hours]

    play(scenario, market=a_market(a_walk(2, 200)))


def test_orders_match_at_once_and_what_lies_between_two_moments_happens_to_them() -> None:
    async def scenario(venue: Venue, client: Any) -> list[Any]:
        told = []
        async with aiohttp.ClientSession() as session:
            listener = await user_stream(session, venue, client)
            for number in range(4):
                sent = await client.create_order(
                    BTC, "market", "buy", 0.01, None, {"clientOrderId": f"b{number}"}
                )
                assert sent["status"] == "open"
                filled = await listener.until("ORDER_TRADE_UPDATE", X="FILLED")
                book = await client.fetch_order_book(BTC, 5)
                stop = {
                    "stopLossPrice": book["bids"][0][0] - 20.0,
                    "reduceOnly": "true",
                    "clientOrderId": f"s{number}",
                }
                await client.create_order(BTC, "market", "sell", 0.01, None, stop)
                await venue.advance(bars=1, timeframe="1h")
                told.append((filled, await client.fetch_open_orders(BTC), book))
            told.append(
                await venue.control("GET", "accounts/0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a")
            )
        return told

    market = a_market(a_walk(11, 400, size=25.0))
    once, again = play(scenario, market=market), play(scenario, market=market)
    assert once == again
    books = once[-1]
    stopped = {fill["client_order_id"] for fill in books["fills"]} & {f"s{n}" for n in range(4)}
    assert stopped
    assert len(books["fills"]) >= 5


def test_streams_may_speak_on_the_way() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            market = await listen(session, venue, "/ws/btcusdt@markPrice")
            await market.hear()
            await venue.advance(bars=10, every="1m")
            times = [message["E"] for message in await market.hear(10, seconds=0.2)]
            assert times == [START_MS + n * MINUTE_MS for n in range(1, 11)]

    play(scenario, market=a_market(minutes=60))


def test_time_that_runs_by_itself_is_not_moved_and_time_ends_with_the_recording() -> None:
    async def wall(venue: Venue, _client: Any) -> None:
        refused = await venue.advance(bars=1)
        assert str(refused).startswith("400 time moves by itself here")
        assert (await venue.control("GET", "clock"))["pace"] == "wall"

    async def stepped(venue: Venue, _client: Any) -> None:
        assert str(await venue.advance(bars=0)).startswith("400 bars must be")
        clock = await venue.advance(bars=5, timeframe="1h")
        assert clock["is_over"]
        assert clock["end_ms"] == START_MS + 60 * MINUTE_MS

    play(wall, speed=60.0)
    play(stepped, market=a_market(minutes=60))


def test_a_reader_that_hears_nothing_does_not_hold_time_up() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            market = await listen(session, venue, "/ws/btcusdt@markPrice")
            await market.hear()
            await venue.control("POST", "sockets", {"action": "stall"})
            clock = await venue.advance(bars=1, timeframe="1h")
            assert clock["now_ms"] > START_MS
            assert await market.silent()

    play(scenario)
