"""What arrives on the sockets, with ccxt.pro where it works and a bare socket where it does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import ccxt
import pytest

from aster_ray.model.ids import MINUTE_MS
from aster_ray.venues.simulator import sockets
from tests.aster_ray.venues.simulator.scenes import START_MS, a_market
from tests.aster_ray.venues.simulator.served import BTC, Venue, traded

ALWAYS = {"ws": {"keepAlive": 300}}


def play(scenario: Callable[..., Coroutine[Any, Any, None]], **how: Any) -> None:
    async def run() -> None:
        async with traded(**how) as (venue, client):
            await client.load_markets()
            await scenario(venue, client)

    asyncio.run(run())


class Listener:
    """A bare socket, and what it heard."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def hear(self, count: int = 1, seconds: float = 3.0) -> list[dict[str, Any]]:
        """Return the next messages."""
        return [
            json.loads(await asyncio.wait_for(self.socket.receive_str(), seconds))
            for _ in range(count)
        ]

    async def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Return the next message of a kind whose order or body has these values."""
        while True:
            (message,) = await self.hear()
            body = message.get("o", message)
            if message.get("e") == kind and all(body.get(k) == v for k, v in wanted.items()):
                return message

    async def silent(self, seconds: float = 0.4) -> bool:
        """Return whether nothing comes for a while."""
        try:
            await self.hear(seconds=seconds)
        except TimeoutError:
            return True
        return False


async def listen(session: aiohttp.ClientSession, venue: Venue, path: str) -> Listener:
    return Listener(await session.ws_connect(f"{venue.socket}{path}"))


async def user_stream(session: aiohttp.ClientSession, venue: Venue, client: Any) -> Listener:
    key = (await client.fapiPrivatePostV3ListenKey())["listenKey"]
    return await listen(session, venue, f"/ws/{key}")


def test_ccxt_watches_the_market() -> None:
    async def scenario(_venue: Venue, client: Any) -> None:
        found = await asyncio.wait_for(
            asyncio.gather(
                client.watch_trades(BTC),
                client.watch_order_book(BTC, 20),
                client.watch_ohlcv(BTC, "1m"),
                client.watch_bids_asks([BTC]),
                client.watch_ticker(BTC),
                client.watch_mark_price("ETH/USDT:USDT"),
            ),
            10,
        )
        trades, book, bars, best, ticker, mark = found
        assert trades[-1]["price"] == pytest.approx(100_000.0)
        assert len(book["bids"]) == 20
        assert book["bids"][0][0] < book["asks"][0][0]
        assert bars[-1][4] == pytest.approx(100_000.0)
        assert best[BTC]["bid"] < best[BTC]["ask"]
        assert ticker["last"] == pytest.approx(100_000.0)
        assert mark["markPrice"] == pytest.approx(3_000.0, rel=1e-3)

    play(scenario)


def test_every_bar_is_said_to_close_once_and_in_order() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await listen(session, venue, "/ws/btcusdt@kline_1m")
            closed: list[dict[str, Any]] = []
            while len(closed) < 4:
                (message,) = await listener.hear()
                if message["k"]["x"]:
                    closed.append(message["k"])
        opens = [bar["t"] for bar in closed]
        assert opens == [opens[0] + MINUTE_MS * n for n in range(4)]
        first = (opens[0] - START_MS) // MINUTE_MS
        for bar in closed:
            row = (bar["t"] - START_MS) // MINUTE_MS
            assert row >= first
            assert (float(bar["o"]), float(bar["c"])) == (100_000.0 + row, 100_001.0 + row)
            assert float(bar["v"]) == pytest.approx(60.0)

    bars = [(100_000.0 + n, 100_001.0 + n, 100_000.0 + n, 100_001.0 + n) for n in range(600)]
    play(scenario, market=a_market(bars), speed=200.0)


def test_the_user_stream_tells_the_life_of_an_order() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await user_stream(session, venue, client)
            sent = await client.create_order(
                BTC, "market", "buy", 0.01, None, {"clientOrderId": "told"}
            )
            messages = await listener.hear(3)
            assert [m["e"] for m in messages] == [
                "ORDER_TRADE_UPDATE",
                "ACCOUNT_UPDATE",
                "ORDER_TRADE_UPDATE",
            ]
            new, account, trade = messages
            assert (new["o"]["x"], new["o"]["c"]) == ("NEW", "told")
            assert (trade["o"]["X"], trade["o"]["z"]) == ("FILLED", "0.010")
            assert str(trade["o"]["i"]) == sent["id"]
            assert account["a"]["P"][0]["pa"] == "0.010"
            # ccxt reads what is sent.
            parsed = client.parse_ws_order(trade["o"], client.market(BTC))
            assert (parsed["status"], parsed["filled"], parsed["id"]) == (
                "closed",
                0.01,
                sent["id"],
            )

    play(scenario)


def test_the_wrapped_and_the_bare_stream_say_the_same() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            wrapped = await listen(session, venue, "/stream?streams=btcusdt@depth5")
            bare = await listen(session, venue, "/ws/btcusdt@depth5")
            (one,), (two,) = await wrapped.hear(), await bare.hear()
            assert one["stream"] == "btcusdt@depth5"
            assert set(one["data"]) == set(two)
            assert len(two["b"]) == 5

    play(scenario)


def test_commands_are_answered_and_held_to_their_limits() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await listen(session, venue, "/fstream/ws")
            say = listener.socket.send_str
            await say(
                json.dumps({"method": "SUBSCRIBE", "params": ["ethusdt@forceOrder"], "id": 1})
            )
            await say(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2}))
            await say(json.dumps({"method": "SUBSCRIBE", "params": ["doge@trade"], "id": 3}))
            await say(json.dumps({"method": "UNSUBSCRIBE", "params": ["ethusdt@forceOrder"]}))
            await say(json.dumps({"method": "DANCE", "id": 5}))
            await say("[")
            answers = await listener.hear(6)
            assert answers[0] == {"result": None, "id": 1}
            assert answers[1] == {"result": ["ethusdt@forceOrder"], "id": 2}
            assert [answer.get("code") for answer in answers[2:]] == [2, None, 2, 3]
            for _ in range(12):
                await say("{}")
            kinds = [(await listener.socket.receive(3)).type for _ in range(20)]
            assert kinds[-1] in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)

    play(scenario)


def test_a_listen_key_that_expires_is_silent_on_a_socket_that_stays() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await user_stream(session, venue, client)
            await venue.control("POST", "listen-keys")
            assert (await listener.hear())[0]["e"] == "listenKeyExpired"
            await client.create_order(BTC, "market", "buy", 0.01)
            assert await listener.silent()
            assert not listener.socket.closed
            again = await user_stream(session, venue, client)
            await client.create_order(BTC, "market", "buy", 0.01)
            await again.until("ORDER_TRADE_UPDATE", X="FILLED")
            await client.fapiPrivatePutV3ListenKey()
            await client.fapiPrivateDeleteV3ListenKey()
            with pytest.raises(ccxt.AuthenticationError):
                await client.fapiPrivatePutV3ListenKey()

    play(scenario)


async def keep_watching(client: Any) -> None:
    """Watch until the connection fails."""
    for _ in range(300):
        await asyncio.wait_for(client.watch_trades(BTC), 10)
    raise AssertionError("300 updates came through")


def test_sockets_are_dropped_or_aborted_and_come_back() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        for action in ("drop", "abort"):
            await client.watch_trades(BTC)
            # Nothing may arrive any more: ccxt says nothing of a loss while nobody waits.
            await venue.control("POST", "sockets", {"action": "stall"})
            watching = asyncio.ensure_future(keep_watching(client))
            await asyncio.sleep(0.3)
            await venue.control("POST", "sockets", {"action": action})
            await venue.control("POST", "sockets", {"action": "heal"})
            with pytest.raises(ccxt.NetworkError):
                await watching
            assert await asyncio.wait_for(client.watch_trades(BTC), 5)

    play(scenario)


def test_a_stalled_socket_looks_alive_and_does_not_even_answer_pings() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.watch_trades(BTC)
        await venue.control("POST", "sockets", {"action": "stall"})
        with pytest.raises(ccxt.RequestTimeout):
            await keep_watching(client)
        assert len(venue.desk.requests) > 0
        await venue.control("POST", "sockets", {"action": "heal"})
        assert await asyncio.wait_for(client.watch_trades(BTC), 5)

    play(scenario, options=ALWAYS)


def test_messages_come_twice_or_in_the_wrong_order() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await listen(session, venue, "/ws/btcusdt@aggTrade")
            ids = [message["a"] for message in await listener.hear(20)]
            assert ids == sorted(set(ids))
            await venue.control("POST", "sockets", {"action": "duplicate"})
            ids = [message["a"] for message in await listener.hear(40)]
            assert len(set(ids)) < len(ids)
            await venue.control("POST", "sockets", {"action": "heal"})
            await venue.control("POST", "sockets", {"action": "reorder"})
            ids = [message["a"] for message in await listener.hear(60)]
            assert ids != sorted(ids)
            refused = await venue.control("POST", "sockets", {"action": "melt"})
            assert refused.startswith("400 action 'melt' is none of")

    play(scenario)


def test_the_control_endpoint_shows_the_books() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.create_order(BTC, "market", "buy", 0.01, None, {"newOrderRespType": "RESULT"})
        await client.create_order(BTC, "limit", "buy", 0.01, 99_000)
        books = await venue.control("GET", f"accounts/{venue.account.user}")
        assert books["positions"] == {"BTCUSDT:BOTH": "0.010"}
        assert len(books["open_orders"]) == 1
        total = sum(float(row["amount"]) for row in books["income"])
        assert total == pytest.approx(float(books["wallet"]))
        assert sum(float(fill["qty"]) for fill in books["fills"]) == pytest.approx(0.01)
        asked = await venue.control("GET", "requests")
        assert [row["path"] for row in asked[-2:]] == ["/fapi/v3/order"] * 2
        assert (await venue.control("GET", "accounts/0x0")).startswith("404")
        for path, state, words in (
            ("faults", {"kind": "flood"}, "none of json"),
            ("clock", {"skew_ms": "late"}, "skew_ms must be a whole number"),
            ("agents", {"user": "me"}, "must be addresses"),
            ("quota", {"weight_limit": 1.5}, "weight_limit must be"),
            ("faults", [1], "must be a JSON object"),
        ):
            refused = await venue.control("POST", path, state)
            assert refused.startswith("400")
            assert words in refused
        await venue.fault("reset", count=3)
        assert await venue.control("DELETE", "faults") == {"done": True}
        assert (await client.fetch_ticker(BTC))["last"] > 0

    play(scenario)


def test_streams_of_every_contract_tell_of_all_of_them() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            for name, kind in (
                ("!ticker@arr", "24hrTicker"),
                ("!markPrice@arr@1s", "markPriceUpdate"),
                ("!markPrice@arr", "markPriceUpdate"),
            ):
                listener = await listen(session, venue, f"/stream?streams={name}")
                (message,) = await listener.hear()
                assert message["stream"] == name
                assert [row["e"] for row in message["data"]] == [kind, kind]
                assert {row["s"] for row in message["data"]} == {"BTCUSDT", "ETHUSDT"}
            listener = await listen(session, venue, "/ws/!bookTicker")
            symbols = {message["s"] for message in await listener.hear(4)}
            assert symbols == {"BTCUSDT", "ETHUSDT"}

    play(scenario)


def test_a_book_kept_by_its_changes_is_the_book() -> None:
    """As the venue's documents tell clients to: a snapshot, then what changed since."""

    async def scenario(venue: Venue, client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            listener = await listen(session, venue, "/ws/btcusdt@depth@100ms")
            await asyncio.sleep(0.3)  # the stream has begun
            asked = {"symbol": "BTCUSDT", "limit": 1000}
            snapshot = await client.fapiPublicGetV3Depth(asked)
            book = {side: {row[0]: row[1] for row in snapshot[side]} for side in ("bids", "asks")}
            last, changes = int(snapshot["lastUpdateId"]), 0
            for minute in range(6):
                if minute % 2:
                    await client.create_order(BTC, "limit", "buy", 0.01, 99_000.0 + minute)
                else:
                    await client.create_order(BTC, "market", "sell", 0.4)
                await venue.advance(bars=1)
                events = [await listener.until("depthUpdate")]
                while events[-1]["E"] < START_MS + MINUTE_MS * (minute + 1):
                    events.append(await listener.until("depthUpdate"))
                for event in events:
                    assert event["pu"] == last
                    assert event["U"] == last + 1
                    last = event["u"]
                    for side, key in (("bids", "b"), ("asks", "a")):
                        changes += len(event[key])
                        book[side].update({row[0]: row[1] for row in event[key]})
                whole = await client.fapiPublicGetV3Depth(asked)
                assert int(whole["lastUpdateId"]) == last
                for side, kept in book.items():
                    stands = {price: qty for price, qty in kept.items() if float(qty)}
                    assert stands == {row[0]: row[1] for row in whole[side]}
            assert changes > 50

    bars = [
        (100_000.0 + 7 * n, 100_007.0 + 7 * n, 100_000.0 + 7 * n, 100_007.0 + 7 * n)
        for n in range(60)
    ]
    play(scenario, market=a_market(bars), speed=0.0)


async def first_socket(venue: Venue) -> sockets.Socket:
    """Return the one connection, once it is there."""
    async with asyncio.timeout(3):
        while not venue.hub.sockets:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (found,) = venue.hub.sockets
    return found


def test_the_venue_pings_unless_it_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_PING_SECONDS", 0.05)

    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(f"{venue.socket}/ws/btcusdt@bookTicker", autoping=0)
            kinds = []
            while kinds.count(aiohttp.WSMsgType.PING) < 2:
                kinds.append((await socket.receive(3.0)).type)
            await venue.control("POST", "sockets", {"action": "stall"})
            with contextlib.suppress(TimeoutError):  # what was on its way still comes
                while True:
                    await socket.receive(0.3)
            await venue.control("POST", "sockets", {"action": "heal"})
            while (await socket.receive(3.0)).type is not aiohttp.WSMsgType.PING:
                pass

    play(scenario)


def test_a_reader_that_falls_too_far_behind_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_MOST_WAITING", 50)

    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(f"{venue.socket}/ws/btcusdt@forceOrder")
            await first_socket(venue)
            for number in range(51):  # all at once: nothing could be sent between them
                venue.hub.publish("btcusdt@forceOrder", {"n": number})
            ended = {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE}
            async with asyncio.timeout(3):
                while (await socket.receive()).type not in ended:
                    pass
            async with asyncio.timeout(3):
                while venue.hub.sockets:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    play(scenario)


def test_what_is_no_command_and_no_stream_changes_nothing() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        async with aiohttp.ClientSession() as session:
            names = "btcusdt@nothing/xxxusdt@ticker/btcusdt@kline_7m/ethusdt@markPrice@1s"
            listener = await listen(session, venue, f"/stream?streams={names}")
            await listener.socket.send_bytes(b"\x00\x01")
            await listener.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 4})
            while (message := (await listener.hear())[0]).get("id") != 4:
                assert message["stream"] == "ethusdt@markPrice@1s"
            assert message["result"] == ["ethusdt@markPrice@1s"]

    play(scenario)


def test_of_best_prices_and_bars_nothing_is_said_while_nothing_changes() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        pairs = ("bookTicker", "kline_1m", "aggTrade", "depth@100ms", "depth5@100ms")
        names = "/".join(["!bookTicker", "!markPrice@arr@1s", *(f"btcusdt@{x}" for x in pairs)])
        async with aiohttp.ClientSession() as session:
            listener = await listen(session, venue, f"/stream?streams={names}")
            said: list[str] = []

            async def read() -> None:
                while True:
                    said.append((await listener.hear())[0]["stream"])

            reading = asyncio.ensure_future(read())
            told = await venue.advance(bars=2, timeframe="1m")  # answers when all of it was sent
            assert told["now_ms"] > START_MS
            await asyncio.sleep(0.5)
            assert {"btcusdt@kline_1m", "!bookTicker", "btcusdt@bookTicker"} <= set(said)
            said.clear()
            # Time stands still: what speaks by the wall's clock goes on, the others say nothing.
            async with asyncio.timeout(10):
                while len(set(said)) < 2 or len(said) < 10:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            reading.cancel()
            await asyncio.wait([reading])
        assert set(said) == {"btcusdt@depth5@100ms", "!markPrice@arr@1s"}

    play(scenario, speed=0.0, step_ms=5_000)
