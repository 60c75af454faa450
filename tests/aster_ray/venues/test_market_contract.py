from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.errors import AsterError, BadInputError, RejectedError, RetryableError
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from tests.aster_ray.venues.connected import reading
from tests.aster_ray.venues.simulator.scenes import HISTORY, START_MS, a_market
from tests.aster_ray.venues.simulator.served import Venue

FIRST_MS = START_MS - HISTORY * MINUTE_MS


def play(scenario: Callable[..., Coroutine[Any, Any, None]], **how: Any) -> None:
    async def run() -> None:
        async with reading(**how) as (venue, client):
            await scenario(venue, client)

    asyncio.run(run())


async def fails(act: Coroutine[Any, Any, Any]) -> AsterError:
    with pytest.raises(AsterError) as raised:
        await act
    return raised.value


def test_instruments_come_with_the_venues_own_rules() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        found = {rules.symbol: rules for rules in await client.instruments()}
        assert list(found) == ["BTCUSDT", "ETHUSDT"]
        for symbol, rules in found.items():
            known = packaged_instruments()[symbol]
            assert (rules.tick, rules.lot) == (known.tick, known.lot)
            assert (rules.min_lots, rules.max_lots) == (known.min_lots, known.max_lots)
            assert rules.min_notional == known.min_notional
            assert rules.brackets == known.brackets
            assert rules.funding_interval_ms == known.funding_interval_ms
            assert rules.source == "aster: its own rules"
        assert {row.path for row in venue.desk.requests} == {
            "/fapi/v3/exchangeInfo",
            "/fapi/v3/leverageBracket",
            "/fapi/v3/fundingInfo",
        }

    play(scenario)


def test_without_an_account_a_careful_margin_table_is_assumed_and_named() -> None:
    async def scenario(_venue: Venue, client: Any) -> None:
        (rules, _) = await client.instruments()
        assert rules.source == "aster: its own rules; margin table assumed"
        assert max(step.leverage for step in rules.brackets) == 10

    play(scenario, credentials=None)


def test_bars_come_oldest_first_from_where_they_were_asked_for() -> None:
    bars = [(100_000.0 + n, 100_002.0 + n, 99_999.0 + n, 100_001.0 + n) for n in range(600)]

    async def scenario(_venue: Venue, client: Any) -> None:
        found = await client.bars("BTCUSDT", MINUTE_MS, 0, 7)
        assert [bar.open_ms for bar in found] == [FIRST_MS + MINUTE_MS * n for n in range(7)]
        await asyncio.sleep(0.2)
        found = await client.bars("BTCUSDT", MINUTE_MS, START_MS + MINUTE_MS, 3)
        assert [bar.open for bar in found[:2]] == [100_001.0, 100_002.0]
        assert found[0][2:] == (100_003.0, 100_000.0, 100_002.0, 60.0)
        hours = await client.bars("BTCUSDT", HOUR_MS, FIRST_MS, 2)
        assert hours[0].open_ms % HOUR_MS == 0
        assert await client.bars("BTCUSDT", MINUTE_MS, START_MS * 2, 5) == []
        marks = await client.mark_bars("BTCUSDT", MINUTE_MS, START_MS - MINUTE_MS * 5, 5)
        assert [mark.open_ms for mark in marks] == [
            START_MS - MINUTE_MS * n for n in range(5, 0, -1)
        ]
        assert {mark.volume for mark in marks} == {0.0}

    play(scenario, market=a_market(bars), speed=2000.0, step_ms=15_000)


def test_settled_funding_is_listed() -> None:
    async def scenario(_venue: Venue, client: Any) -> None:
        await asyncio.sleep(0.1)
        (rate,) = await client.funding_rates("BTCUSDT", START_MS, 10)
        assert rate.ts_ms == START_MS + 30 * MINUTE_MS
        assert rate.rate == pytest.approx(0.0003)
        assert await client.funding_rates("BTCUSDT", rate.ts_ms + 1, 10) == []

    play(scenario, market=a_market(minutes=60, funding=0.0003), speed=20_000.0, step_ms=60_000)


def test_the_book_has_the_depth_asked_for() -> None:
    async def scenario(_venue: Venue, client: Any) -> None:
        book = await client.book("BTCUSDT", 7)
        assert len(book.bids) == len(book.asks) == 7
        assert np.all(np.diff([price for price, _ in book.bids]) < 0)
        assert np.all(np.diff([price for price, _ in book.asks]) > 0)
        assert book.bids[0][0] < book.asks[0][0]
        assert abs(await client.server_time_ms() - client._gateway.clock.now_ms()) < 5000

    play(scenario)


def test_an_unknown_symbol_is_named_with_what_was_meant() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        error = await fails(client.bars("BTCUSD", MINUTE_MS, 0, 5))
        assert type(error) is BadInputError
        assert "did you mean BTCUSDT?" in str(error)
        assert "aster" in str(error)

    play(scenario)


QUESTIONS: list[tuple[str, dict[str, Any], type[AsterError]]] = [
    ("json", {"status": 429, "code": -1003}, RetryableError),
    ("json", {"status": 418, "code": -1003}, RetryableError),
    ("json", {"status": 503, "code": -1000}, RetryableError),
    ("json", {"status": 500, "code": -1006}, RetryableError),
    ("json", {"status": 400, "code": -1007}, RetryableError),
    ("json", {"status": 400, "code": -1120, "text": "Invalid interval."}, RejectedError),
    ("html", {"status": 418}, RetryableError),
    ("html", {"status": 403}, RetryableError),
    ("html", {"status": 502}, RetryableError),
    ("html", {"status": 200}, RetryableError),
    ("reset", {"count": 2}, RetryableError),
    ("lost_ack", {"count": 2}, RetryableError),
    ("slow", {"seconds": 0.9}, RetryableError),
    ("slow_ack", {"seconds": 0.9}, RetryableError),
]


@pytest.mark.parametrize(("kind", "fields", "family"), QUESTIONS)
def test_a_question_that_fails_may_be_asked_again(
    kind: str, fields: dict[str, Any], family: type[AsterError]
) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.bars("BTCUSDT", MINUTE_MS, 0, 5)
        client._gateway.exchange.timeout = 500 if kind.startswith("slow") else 10_000
        await venue.fault(kind, "/klines", **fields)
        error = await fails(client.bars("BTCUSDT", MINUTE_MS, 0, 5))
        assert type(error) is family
        assert "aster bars of BTCUSDT" in str(error)
        assert "http" not in str(error).lower().replace("http 4", "").replace("http 5", "").replace(
            "http 2", ""
        )

    play(scenario)


def test_a_venue_that_cannot_be_reached_says_so() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.server_time_ms()
        client._exchange.urls["api"]["fapiPublic"] = "http://127.0.0.1:9/fapi"
        error = await fails(client.server_time_ms())
        assert type(error) is RetryableError
        assert str(error) == "aster time: cannot be reached"

    play(scenario)


def test_after_a_refusal_for_too_many_requests_polls_wait_as_long_as_the_venue_says() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.server_time_ms()
        await venue.fault("json", "/time", status=429, code=-1003)
        error = await fails(client.server_time_ms())
        assert isinstance(error, RetryableError)
        assert error.retry_after_ms == 1000
        count = len(venue.desk.requests)
        later = await fails(client.server_time_ms())
        assert isinstance(later, RetryableError)
        assert later.retry_after_ms is not None
        assert 0 < later.retry_after_ms <= 1001
        assert len(venue.desk.requests) == count

    play(scenario, config={"max_wait_s": 0.1})
