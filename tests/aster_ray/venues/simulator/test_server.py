"""The real ccxt client of Aster trades here; only its addresses are changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import ccxt
import pytest

from aster_ray.venues.simulator.amounts import to_units
from tests.aster_ray.venues.simulator.served import BTC, WALLET, Venue, served, traded

AGENT_KEY = "0x" + "22" * 32


def play(scenario: Callable[..., Coroutine[Any, Any, None]], **how: Any) -> None:
    """Run a scenario with a venue and a client."""

    async def run() -> None:
        async with traded(**how) as (venue, client):
            await scenario(venue, client)

    asyncio.run(run())


async def filled(client: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Return an order once it has reached the book and ended."""
    for _ in range(100):
        found: dict[str, Any] = await client.fetch_order(order["id"], BTC)
        if found["status"] != "open":
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"order {order['id']} is still open")


async def fails(act: Awaitable[Any]) -> Exception:
    """Return what an action raises."""
    with pytest.raises(ccxt.BaseError) as raised:
        await act
    return raised.value


def test_ccxt_loads_the_markets_with_their_rules() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        markets = await client.load_markets()
        btc = markets[BTC]
        assert set(markets) == {BTC, "ETH/USDT:USDT"}
        assert (btc["swap"], btc["linear"], btc["contractSize"]) == (True, True, 1.0)
        assert btc["precision"]["price"] == 0.1
        assert btc["precision"]["amount"] == 0.001
        assert btc["limits"]["cost"]["min"] == 5
        assert btc["limits"]["market"]["max"] == 10
        assert abs(await client.fetch_time() - client.milliseconds()) < 5000
        paths = [row.path for row in venue.desk.requests]
        assert not [path for path in paths if "uilder" in path]

    play(scenario)


def test_ccxt_reads_the_market() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await asyncio.sleep(0.5)
        bars = await client.fetch_ohlcv(BTC, "1m", limit=20)
        assert len(bars) == 20
        assert {bar[4] for bar in bars} == {100_000.0}
        marks = await client.fetch_ohlcv(BTC, "5m", limit=3, params={"price": "mark"})
        assert all(99_000 < bar[4] < 101_000 for bar in marks)
        index = await client.fetch_ohlcv(BTC, "5m", limit=3, params={"price": "index"})
        assert index[-1][4] == pytest.approx(100_000.0)
        book = await client.fetch_order_book(BTC, 20)
        assert len(book["bids"]) == len(book["asks"]) == 20
        assert book["bids"][0][0] < book["asks"][0][0]
        ticker = await client.fetch_ticker(BTC)
        assert (ticker["symbol"], ticker["last"], ticker["percentage"]) == (BTC, 100_000.0, 0.0)
        assert set(await client.fetch_tickers()) == {BTC, "ETH/USDT:USDT"}
        best = await client.fetch_bids_asks([BTC])
        assert best[BTC]["bid"] < best[BTC]["ask"]
        prices = await client.fetch_last_prices()
        assert prices[BTC]["price"] == 100_000.0
        trades = await client.fetch_trades(BTC, limit=10)
        assert len(trades) == 10
        since = trades[5]["timestamp"]
        assert (await client.fetch_trades(BTC, since=since))[0]["timestamp"] >= since
        rate = await client.fetch_funding_rate(BTC)
        assert (rate["fundingRate"], rate["symbol"]) == (0.0001, BTC)
        assert rate["nextFundingTimestamp"] % 28_800_000 == 0
        assert set(await client.fetch_funding_rates()) == {BTC, "ETH/USDT:USDT"}
        await client.fetch_funding_rate_history(BTC, limit=5)
        intervals = await client.fetch_funding_intervals()
        assert intervals[BTC]["interval"] == "8h"
        assert int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"]) > 10

    play(scenario)


def test_ccxt_trades_and_reads_its_books() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.set_leverage(10, BTC)
        resting = await client.create_order(
            BTC, "limit", "buy", 0.05, 99_000, {"postOnly": True, "clientOrderId": "mine-1"}
        )
        assert (resting["status"], resting["timeInForce"]) == ("open", "GTX")
        named = await client.fetch_order(None, BTC, {"clientOrderId": "mine-1"})
        assert named["id"] == resting["id"]
        assert [row["id"] for row in await client.fetch_open_orders()] == [resting["id"]]
        gone = await client.cancel_order(resting["id"], BTC)
        assert gone["status"] == "canceled"
        sent = await client.create_order(BTC, "market", "buy", 0.05)
        assert (sent["status"], sent["filled"]) == ("open", 0)  # acknowledged, not yet traded
        done = await filled(client, sent)
        assert (done["status"], done["filled"]) == ("closed", 0.05)
        trades = await client.fetch_my_trades(BTC)
        assert sum(trade["amount"] for trade in trades) == pytest.approx(0.05)
        assert {trade["order"] for trade in trades} == {sent["id"]}
        assert trades[0]["fee"]["cost"] > 0
        (position,) = await client.fetch_positions()
        assert (position["side"], position["contracts"], position["leverage"]) == ("long", 0.05, 10)
        assert position["marginMode"] == "cross"
        balance = await client.fetch_balance()
        assert balance["USDT"]["total"] == pytest.approx(venue.account.wallet / 1e8)
        assert balance["USDT"]["free"] < balance["USDT"]["total"]
        result = await client.create_order(
            BTC, "market", "sell", 0.05, None, {"reduceOnly": True, "newOrderRespType": "RESULT"}
        )
        assert (result["status"], result["filled"]) == ("closed", 0.05)
        assert await client.fetch_positions() == []
        ledger = await client.fetch_ledger("USDT")
        assert sum(row["amount"] * (1 if row["direction"] == "in" else -1) for row in ledger) == (
            pytest.approx(venue.account.wallet / 1e8)
        )
        assert (await client.fetch_trading_fee(BTC))["taker"] == 0.0004
        orders = await client.fetch_orders(BTC)
        assert [row["status"] for row in orders] == ["canceled", "closed", "closed"]

    play(scenario)


def test_ccxt_sends_conditional_orders_batches_and_cancels_all() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await filled(client, await client.create_order(BTC, "market", "buy", 0.05))
        reduce = {"reduceOnly": "true"}
        stop = await client.create_order(
            BTC, "market", "sell", 0.05, None, {"stopLossPrice": 99_000, **reduce}
        )
        profit = await client.create_order(
            BTC, "limit", "sell", 0.05, 101_000, {"takeProfitPrice": 101_000, **reduce}
        )
        trail = await client.create_order(
            BTC, "market", "sell", 0.05, None, {"trailingPercent": 1, "quantity": "0.05", **reduce}
        )
        kinds = [row.request.kind.value for row in venue.account.resting()]
        assert kinds == ["STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"]
        assert stop["triggerPrice"] == 99_000
        assert profit["price"] == 101_000
        assert trail["reduceOnly"] is True
        legs = await client.create_orders(
            [
                {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 99_000},
                {"symbol": BTC, "type": "limit", "side": "buy", "amount": 5, "price": 99_000},
            ]
        )
        assert [leg["status"] for leg in legs] == ["open", None]
        assert legs[1]["info"]["code"] == -2019
        batch = await client.cancel_orders([int(stop["id"]), 12], BTC)
        assert [row["status"] for row in batch] == ["canceled", None]
        await client.cancel_all_orders(BTC)
        assert await client.fetch_open_orders(BTC) == []

    play(scenario)


def test_ccxt_reads_the_account_as_a_whole() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await filled(client, await client.create_order(BTC, "market", "buy", 0.2))
        await client.create_order(BTC, "limit", "buy", 0.01, 99_000)
        held = await client.fetch_positions([BTC], {"method": "account"})
        (position,) = [row for row in held if row["contracts"]]
        (other,) = await client.fetch_positions([BTC])
        for name in ("side", "contracts", "entryPrice", "leverage", "marginMode", "symbol"):
            assert position[name] == other[name], name
        assert position["liquidationPrice"] == pytest.approx(other["liquidationPrice"], rel=1e-2)
        whole = await client.fapiPrivateGetV4Account()
        margins, account = venue.desk.exchange.floor.margins, venue.account
        assert to_units(whole["totalWalletBalance"]) == account.wallet
        assert to_units(whole["availableBalance"]) == pytest.approx(
            margins.available(account), rel=1e-3
        )
        assert float(whole["totalOpenOrderInitialMargin"]) == pytest.approx(990 / 20)
        assert float(whole["assets"][0]["initialMargin"]) == pytest.approx(
            float(whole["totalPositionInitialMargin"]) + 990 / 20
        )
        assert (await client.fapiPrivateGetV3StpMode())["stpMode"] == "EXPIRE_TAKER"
        await client.fapiPrivatePostV3StpMode({"stpMode": "EXPIRE_BOTH"})
        assert account.self_trade.value == "EXPIRE_BOTH"
        assert (await client.fapiPrivatePostV3Noop())["code"] in (200, "200")

    play(scenario)


def test_ccxt_changes_the_account() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.set_margin_mode("isolated", BTC)
        assert isinstance(await fails(client.set_margin_mode("isolated", BTC)), ccxt.NoChange)
        await client.set_leverage(5, BTC)
        await filled(client, await client.create_order(BTC, "market", "buy", 0.05))
        (position,) = await client.fetch_positions()
        assert (position["marginMode"], position["leverage"]) == ("isolated", 5)
        await client.add_margin(BTC, 100)
        (after,) = await client.fetch_positions()
        assert after["collateral"] == pytest.approx(position["collateral"] + 100, abs=5)
        await client.reduce_margin(BTC, 50)
        moves = await client.fetch_margin_adjustment_history(BTC)
        assert [(move["type"], move["amount"]) for move in moves] == [("add", 100), ("reduce", 50)]
        await filled(client, await client.create_order(BTC, "market", "sell", 0.05))
        await client.set_position_mode(True)
        assert venue.account.hedge
        assert (await client.fetch_position_mode())["hedged"] is True
        long = await client.create_order(BTC, "market", "buy", 0.02, None, {"positionSide": "LONG"})
        await filled(client, long)
        (held,) = await client.fetch_positions()
        assert (held["side"], held["hedged"]) == ("long", True)

    play(scenario)


REFUSED: list[tuple[tuple[Any, ...], type[Exception], int]] = [
    (("market", "buy", 5.0, None), ccxt.InsufficientFunds, -2019),
    (("limit", "buy", 0.01, 103_000), ccxt.InvalidOrder, -4016),
    (("limit", "sell", 0.01, 97_000), ccxt.InvalidOrder, -4024),
    (("market", "sell", 0.01, None, {"reduceOnly": "true"}), ccxt.OperationRejected, -2022),
    (("market", "sell", 0.01, None, {"positionSide": "LONG"}), ccxt.InvalidOrder, -4061),
    (
        ("market", "buy", 0.01, None, {"stopLossPrice": 99_000}),
        ccxt.OrderImmediatelyFillable,
        -2021,
    ),
    (("limit", "buy", 0.01, 99_000, {"timeInForce": "PO"}), ccxt.InvalidOrder, -1115),
    (("limit", "buy", 0.01, 99_000, {"clientOrderId": "a b"}), ccxt.InvalidOrder, -4015),
]


def test_ccxt_understands_what_is_refused() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        for order, error, code in REFUSED:
            raised = await fails(client.create_order(BTC, *order))
            assert (type(raised), f'"code": {code}' in str(raised)) == (error, True), order
        assert venue.account.orders == {}
        # ccxt cuts amounts to the lot itself: 0.00123 becomes 0.001.
        done = await filled(client, await client.create_order(BTC, "market", "buy", 0.00123))
        assert done["amount"] == 0.001

    play(scenario)


def test_what_does_not_exist_is_not_found() -> None:
    async def scenario(_venue: Venue, client: Any) -> None:
        await client.load_markets()
        for act in (client.fetch_order("7", BTC), client.cancel_order("7", BTC)):
            assert isinstance(await fails(act), ccxt.OrderNotFound)
        raised = await fails(client.fapiPublicGetV3Depth({"symbol": "DOGEUSDT"}))
        assert isinstance(raised, ccxt.BadSymbol)

    play(scenario)


def test_an_agent_trades_for_its_wallet_once_it_is_approved() -> None:
    async def run() -> None:
        async with served() as venue:
            agent = ccxt.Exchange.eth_get_address_from_private_key(AGENT_KEY)
            options = {
                "cachedWalletAddress": WALLET,
                "signerAddress": agent,
                "privateKeyHashForCachedWalletAddress": ccxt.Exchange.hash(
                    AGENT_KEY.encode(), "keccak", "hex"
                ),
            }
            client = venue.client(AGENT_KEY, **options)
            try:
                refused = await fails(client.fetch_balance())
                assert isinstance(refused, ccxt.AuthenticationError)
                await venue.control("POST", "agents", {"user": WALLET, "agent": agent})
                await filled(client, await client.create_order(BTC, "market", "buy", 0.01))
                assert venue.account.position("BTCUSDT").lots == 10
                await venue.control(
                    "POST", "agents", {"user": WALLET, "agent": agent, "approved": False}
                )
                assert isinstance(await fails(client.fetch_balance()), ccxt.AuthenticationError)
            finally:
                await client.close()

    asyncio.run(run())


def test_a_wrong_chain_or_clock_does_not_get_in() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.fetch_balance()
        await venue.control("POST", "clock", {"skew_ms": 11_000})
        late = await fails(client.fetch_balance())
        assert "-4225" in str(late)
        await venue.control("POST", "clock", {"skew_ms": 0})
        client.options["v3ChainId"] = 714
        wrong = await fails(client.fetch_balance())
        assert isinstance(wrong, ccxt.AuthenticationError)
        assert "-1022" in str(wrong)

    play(scenario)


BEFORE: list[tuple[str, dict[str, Any], type[Exception]]] = [
    ("json", {"status": 429, "code": -1003}, ccxt.RateLimitExceeded),
    ("json", {"status": 418, "code": -1003}, ccxt.RateLimitExceeded),
    ("json", {"status": 503, "code": -1000}, ccxt.OperationRejected),
    ("json", {"status": 500, "code": -1006}, ccxt.BadResponse),
    ("json", {"status": 400, "code": -1007}, ccxt.RequestTimeout),
    ("html", {"status": 418}, ccxt.DDoSProtection),
    ("html", {"status": 403}, ccxt.ExchangeNotAvailable),
    ("html", {"status": 502}, ccxt.ExchangeNotAvailable),
    ("reset", {}, ccxt.ExchangeNotAvailable),
]


def test_a_fault_before_execution_leaves_nothing() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.load_markets()
        for kind, fields, error in BEFORE:
            await venue.fault(kind, "/order", method="POST", **fields)
            raised = await fails(client.create_order(BTC, "market", "buy", 0.01))
            assert type(raised) is error, (kind, fields)
        assert venue.desk.exchange.floor.users == {}
        assert venue.desk.faults.struck == len(BEFORE)
        await venue.fault("slow", "/order", method="POST", seconds=0.2)
        await filled(client, await client.create_order(BTC, "market", "buy", 0.01))

    play(scenario)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "lost_ack"}, ccxt.ExchangeNotAvailable),
        ({"kind": "slow_ack", "seconds": 0.8}, ccxt.RequestTimeout),
    ],
)
def test_an_order_whose_answer_is_lost_is_there(
    fault: dict[str, Any], error: type[Exception]
) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.load_markets()
        client.timeout = 500
        await venue.fault(fault.pop("kind"), "/order", method="POST", **fault)
        order = (BTC, "limit", "buy", 0.01, 99_000, {"clientOrderId": "once"})
        assert type(await fails(client.create_order(*order))) is error
        found = await client.fetch_order(None, BTC, {"clientOrderId": "once"})
        assert found["status"] == "open"
        again = await fails(client.create_order(*order))
        assert "-4116" in str(again)
        assert len(venue.account.orders) == 1

    play(scenario)


def test_who_asks_too_much_is_refused_and_then_banned() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.load_markets()
        await venue.control("POST", "quota", {"weight_limit": 3})
        for _ in range(3):
            await client.fetch_ticker(BTC)
        assert isinstance(await fails(client.fetch_ticker(BTC)), ccxt.RateLimitExceeded)
        assert int(client.last_response_headers["Retry-After"]) > 50
        for _ in range(25):
            await fails(client.fetch_ticker(BTC))
        assert venue.desk.requests[-1].status == 418

    play(scenario)


def test_the_dead_mans_switch_cancels_what_nobody_holds() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.load_markets()
        await client.create_order(BTC, "limit", "buy", 0.01, 99_000)
        switch = client.fapiPrivatePostV3CountdownCancelAll
        await switch({"symbol": "BTCUSDT", "countdownTime": 300})
        await asyncio.sleep(0.1)
        assert len(venue.account.open_orders) == 1
        await switch({"symbol": "BTCUSDT", "countdownTime": 0})
        await asyncio.sleep(0.5)
        assert len(venue.account.open_orders) == 1
        await switch({"symbol": "BTCUSDT", "countdownTime": 200})
        await asyncio.sleep(0.5)
        assert venue.account.open_orders == {}

    play(scenario)


def test_the_builder_is_asked_for_only_by_a_client_that_was_left_to_its_defaults() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        client.options["builderFee"] = True
        await filled(client, await client.create_order(BTC, "market", "buy", 0.01))
        paths = [row.path for row in venue.desk.requests]
        assert "/fapi/v3/approveBuilder" in paths
        fill = venue.account.fills[0]
        assert fill.commission == pytest.approx(fill.notional * 0.0014, abs=1)

    play(scenario)


def test_an_order_can_be_amended() -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        order = await client.create_order(BTC, "limit", "buy", 0.01, 99_000)
        amend = client.fapiPrivatePutV3Order if hasattr(client, "fapiPrivatePutV3Order") else None
        assert amend is None  # ccxt has no method for it, so the request is made by hand
        signed = client.sign(
            "v3/order",
            ["fapiPrivate"],
            "PUT",
            {"symbol": "BTCUSDT", "orderId": order["id"], "quantity": "0.02", "price": "99500"},
        )
        answer = await client.fetch(
            signed["url"], "PUT", headers=signed["headers"], body=signed["body"]
        )
        assert (answer["origQty"], answer["price"]) == ("0.020", "99500.0")
        await asyncio.sleep(0.05)
        (resting,) = venue.account.resting()
        assert resting.entry is not None
        assert (resting.entry.lots, resting.entry.ticks) == (20, 995_000)
        assert to_units(answer["price"]) == resting.entry.ticks * 10_000_000

    play(scenario)
