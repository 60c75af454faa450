from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from aster_ray.errors import BadInputError
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.venue import BarUpdate, BookUpdate, Interrupted, MarketEvent, MarkUpdate
from aster_ray.venues.aster import market_streams
from tests.aster_ray.venues.connected import reading
from tests.aster_ray.venues.simulator.scenes import START_MS, a_market
from tests.aster_ray.venues.simulator.served import Venue

SYMBOLS = ("BTCUSDT", "ETHUSDT")
QUICK = {"timeout_s": 3.0, "heartbeat_s": 5.0, "stale_s": 4.0}


class Ear:
    """Hears a market's events."""

    def __init__(self, client: Any, symbols: tuple[str, ...] = SYMBOLS) -> None:
        self.events = client.stream(symbols, MINUTE_MS)
        self.heard: list[MarketEvent] = []

    async def until(self, wanted: Callable[[MarketEvent], bool], seconds: float = 8.0) -> Any:
        """Return the first event that is wanted."""
        async with asyncio.timeout(seconds):
            async for event in self.events:
                self.heard.append(event)
                if wanted(event):
                    return event
        raise AssertionError("the stream ended")

    async def interruption(self) -> Interrupted:
        found: Interrupted = await self.until(lambda event: isinstance(event, Interrupted))
        return found

    async def every_kind(self) -> None:
        """Return once each kind was heard of each symbol from now on."""
        missing = {(kind, s) for kind in (BarUpdate, MarkUpdate, BookUpdate) for s in SYMBOLS}
        while missing:
            event = await self.until(lambda event: not isinstance(event, Interrupted))
            missing.discard((type(event), event.symbol))


def play(scenario: Callable[..., Coroutine[Any, Any, None]], **how: Any) -> None:
    async def run() -> None:
        async with reading(**{"config": QUICK, **how}) as (venue, client):
            ear = Ear(client)
            try:
                await scenario(venue, client, ear)
            finally:
                await ear.events.aclose()

    asyncio.run(run())


def test_bars_marks_and_books_are_told_of_every_symbol_over_one_socket() -> None:
    async def scenario(venue: Venue, client: Any, ear: Ear) -> None:
        await ear.every_kind()
        assert not [event for event in ear.heard if isinstance(event, Interrupted)]
        assert venue.desk.requests[-1].path != "/fapi/v3/listenKey"
        for event in ear.heard:
            if isinstance(event, BookUpdate):
                assert len(event.bids) == len(event.asks) == 5
                assert event.bids[0][0] < event.asks[0][0]
            elif isinstance(event, MarkUpdate):
                assert event.funding.ts_ms % (8 * 60 * MINUTE_MS) == 0
                assert event.mark.price > 0.0
            elif isinstance(event, BarUpdate):
                assert event.timeframe_ms == MINUTE_MS
                assert event.bar.open_ms <= event.event_ms < event.bar.open_ms + 2 * MINUTE_MS

    play(scenario, config={**QUICK, "book_levels": 5})


@pytest.mark.parametrize(("book_ms", "name"), [(100, "depth20@100ms"), (250, "depth20")])
def test_books_are_asked_for_at_the_pace_wanted(book_ms: int, name: str) -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        wanted = set(venue.hub.wanted())
        assert {stream for stream in wanted if "depth" in stream} == {
            f"{symbol.lower()}@{name}" for symbol in SYMBOLS
        }

    play(scenario, config={**QUICK, "book_ms": book_ms})


def test_the_last_word_on_every_bar_is_heard_even_by_a_reader_who_comes_late() -> None:
    bars = [(100_000.0 + n, 100_001.0 + n, 100_000.0 + n, 100_001.0 + n) for n in range(600)]

    async def scenario(_venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.until(lambda event: isinstance(event, BarUpdate))
        await asyncio.sleep(1.5)  # five bars close while nobody reads
        seen: dict[int, BarUpdate] = {}
        while len(seen) < 6:
            event = await ear.until(
                lambda event: isinstance(event, BarUpdate) and event.symbol == "BTCUSDT"
            )
            seen[event.bar.open_ms] = event
        opens = sorted(seen)[1:-1]  # the first may have begun, the last still forms
        assert opens == [opens[0] + MINUTE_MS * n for n in range(len(opens))]
        for open_ms in opens:
            row = (open_ms - START_MS) // MINUTE_MS
            assert seen[open_ms].bar[1:] == (
                100_000.0 + row, 100_001.0 + row, 100_000.0 + row, 100_001.0 + row, 60.0,
            )  # fmt: skip

    play(scenario, market=a_market(bars), speed=200.0)


@pytest.mark.parametrize("action", ["drop", "abort"])
def test_a_lost_socket_comes_back_and_says_so(action: str) -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        await venue.control("POST", "sockets", {"action": action})
        gap = await ear.interruption()
        known = max(event.event_ms for event in ear.heard if isinstance(event, BarUpdate))
        assert known - MINUTE_MS <= gap.since_ms <= known + MINUTE_MS
        await ear.every_kind()

    play(scenario)


def test_a_socket_that_says_nothing_is_made_anew() -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        await venue.control("POST", "sockets", {"action": "stall"})
        healing = asyncio.ensure_future(_heal(venue, 0.9))
        assert (await ear.interruption()).why == "nothing was heard for 0.6 s"
        await healing
        await ear.until(lambda event: isinstance(event, BookUpdate))

    play(scenario, config={**QUICK, "stale_s": 0.6})


async def _heal(venue: Venue, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await venue.control("POST", "sockets", {"action": "heal"})


def test_one_silent_stream_on_a_living_socket_is_noticed() -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        # The venue forgets one subscription and keeps the others.
        (socket,) = venue.hub.sockets
        venue.hub._listeners["ethusdt@markPrice@1s"].discard(socket)
        gap = await ear.interruption()
        assert gap.why == "markPriceUpdate of ETHUSDT was silent for 1.5 s"
        await ear.every_kind()

    play(scenario, config={**QUICK, "stale_s": 1.5})


def test_messages_twice_or_out_of_order_do_no_harm() -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        for action in ("duplicate", "reorder"):
            await venue.control("POST", "sockets", {"action": action})
            await ear.every_kind()
            await venue.control("POST", "sockets", {"action": "heal"})
        assert not [event for event in ear.heard if isinstance(event, Interrupted)]

    play(scenario)


def test_many_symbols_share_few_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "SYMBOLS_A_SOCKET", 1)

    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        assert len(venue.hub.sockets) == 2
        streams = sorted(len(socket.streams) for socket in venue.hub.sockets)
        assert streams == [3, 3]

    play(scenario)


def test_a_venue_that_changed_its_words_is_complained_of_once() -> None:
    async def scenario(venue: Venue, _client: Any, ear: Ear) -> None:
        await ear.every_kind()
        for _ in range(5):
            venue.hub.publish("btcusdt@kline_1m", {"e": "kline", "E": 1})
        assert "not understood: KeyError 'k'" in (await ear.interruption()).why
        await ear.every_kind()
        assert len([event for event in ear.heard if isinstance(event, Interrupted)]) == 1

    play(scenario)


def test_an_unknown_symbol_is_refused_before_anything_is_opened() -> None:
    async def run() -> None:
        async with reading(config=QUICK) as (venue, client):
            ear = Ear(client, ("BTCUSDT", "DOGEUSDT"))
            with pytest.raises(BadInputError, match="DOGEUSDT"):
                await ear.interruption()
            assert venue.hub.sockets == set()

    asyncio.run(run())


def test_closing_the_client_ends_the_stream() -> None:
    async def scenario(_venue: Venue, client: Any, ear: Ear) -> None:
        await ear.every_kind()
        await client.close()
        with pytest.raises(AssertionError, match="the stream ended"):
            await ear.until(lambda _: False)

    play(scenario)
