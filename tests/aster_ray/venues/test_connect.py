from __future__ import annotations

import asyncio
import io
import logging
import sys
import traceback
from typing import Any

import ccxt
import pytest
import structlog

from aster_ray import log
from aster_ray.config import Secret
from aster_ray.errors import AsterError, BadInputError, RejectedError, RetryableError
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderTicket, OrderType
from aster_ray.venues.aster.exchange import refuse_builders
from aster_ray.venues.aster.signer import address_of
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect, connect_market
from aster_ray.venues.credentials import Credentials, read_credentials
from tests.aster_ray.venues.connected import OWN, config_of, trading
from tests.aster_ray.venues.simulator.served import KEY, WALLET, Venue, served

AGENT_KEY = "0x" + "22" * 32
AGENT = address_of(Secret(AGENT_KEY))
BUY = OrderTicket(
    symbol="BTCUSDT", client_order_id="one", side=Side.BUY, type=OrderType.MARKET, qty=0.01
)


async def fails(act: Any) -> AsterError:
    with pytest.raises(AsterError) as raised:
        await act
    return raised.value


def test_an_agent_trades_for_its_wallet_once_it_is_approved() -> None:
    async def run() -> None:
        credentials = Credentials(wallet=WALLET, key=Secret(AGENT_KEY))
        async with trading(credentials) as (venue, client):
            error = await fails(client.balance())
            assert type(error) is BadInputError
            assert "-2015" in str(error)
            await venue.control("POST", "agents", {"user": WALLET, "agent": AGENT})
            await client.place(BUY)
            await asyncio.sleep(0.05)
            assert venue.account.position("BTCUSDT").lots == 10
            (sent,) = [r for r in venue.desk.requests if r.path.endswith("/order")]
            assert (sent.params["user"], sent.params["signer"]) == (WALLET, AGENT)

    asyncio.run(run())


def test_no_request_of_a_whole_life_carries_a_builder() -> None:
    async def run() -> None:
        async with trading() as (venue, client):
            events = client.events()
            await anext(events)
            await client.set_leverage("BTCUSDT", 5)
            await client.place(BUY)
            await client.cancel("BTCUSDT", "one")
            await client.order("BTCUSDT", "one")
            for ask in (client.open_orders, client.positions, client.balance):
                await ask()
            await client.trades("BTCUSDT", 0)
            await client.funding_payments(0)
            await client.cancel_all_after("BTCUSDT", 60_000)
            await events.aclose()
            assert 14 <= len(venue.desk.requests) <= 60
            for row in venue.desk.requests:
                assert "uilder" not in f"{row.path} {row.params}"
                assert "feeRate" not in row.params

    asyncio.run(run())


def test_a_client_whose_builder_fee_is_switched_on_sends_nothing_any_more() -> None:
    async def run() -> None:
        async with trading() as (venue, client):
            await client.open_orders()
            count = len(venue.desk.requests)
            exchange = client._gateway.exchange  # type: ignore[attr-defined]
            exchange.options["builderFee"] = True
            for act in (client.place(BUY), client.balance()):
                assert "builder fee was switched on" in str(await fails(act))
            exchange.options["builderFee"] = False
            for call in (
                exchange.fapiPrivatePostV3Order({"symbol": "BTCUSDT", "builder": "0x1"}),
                exchange.fapiPrivatePostV3Order({"symbol": "BTCUSDT", "feeRate": "0.001"}),
                exchange.fapiPrivateGetV3Builder(),
                exchange.fapiPrivatePostV3ApproveBuilder({"maxFeeRate": "0.001"}),
            ):
                assert "no builder fee is ever paid" in str(await fails(call))
            assert len(venue.desk.requests) == count

    asyncio.run(run())


def test_a_builder_is_found_however_deep_it_is_hidden() -> None:
    refuse_builders("v3/order", {"symbol": "BTCUSDT"})
    with pytest.raises(BadInputError, match="builder"):
        refuse_builders("v3/batchOrders", {"batchOrders": [{"Builder": "0x1"}]})


def test_reading_needs_no_key_and_trading_without_one_is_refused_before_anything_is_sent() -> None:
    async def run() -> None:
        async with served() as venue:
            market = connect_market(config_of(venue))
            await market.instruments()
            gateway = market._gateway  # type: ignore[attr-defined]
            error = await fails(gateway.ask("x", gateway.exchange.fapiPrivateGetV3OpenOrders))
            assert type(error) is BadInputError
            await market.close()

    asyncio.run(run())


def test_no_key_is_ever_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """ccxt's debug log and verbose output, our log, every error with its traceback."""
    shown, told = io.StringIO(), list[str]()
    handler = logging.StreamHandler(shown)
    ccxt_logger = logging.getLogger("ccxt.base.exchange")

    async def run() -> None:
        environ = {"ASTER_WALLET": WALLET, "ASTER_AGENT_KEY": AGENT_KEY}
        credentials = read_credentials(VenueConfig(), environ)
        assert credentials is not None
        async with trading(credentials, config={"timeout_s": 1.0}) as (venue, client):
            await venue.control("POST", "agents", {"user": WALLET, "agent": AGENT})
            exchange = client._gateway.exchange  # type: ignore[attr-defined]
            exchange.verbose = True
            await client.place(BUY)
            shown.write(f"{exchange!r}{exchange.signer!r}{client!r}{credentials!r}")
            shown.write(str({k: v for k, v in vars(exchange).items() if k != "markets"}))
            for kind, fields in (
                ("json", {"status": 400, "code": -2015}),
                ("html", {"status": 502}),
                ("lost_ack", {}),
                ("slow", {"seconds": 1.4}),
            ):
                await venue.fault(kind, "/order", method="POST", **fields)
                try:
                    await client.place(BUY)
                except AsterError:
                    told.append(traceback.format_exc())
                else:
                    raise AssertionError(kind)
        structlog.get_logger().error("told", key=AGENT_KEY, text=f"it is {AGENT_KEY}")

    ccxt_logger.addHandler(handler)
    ccxt_logger.setLevel(logging.DEBUG)
    log.configure(as_json=True, stream=shown)
    try:
        asyncio.run(run())
    finally:
        ccxt_logger.removeHandler(handler)
        ccxt_logger.setLevel(logging.NOTSET)
        structlog.reset_defaults()
    captured = capsys.readouterr()
    text = shown.getvalue() + captured.out + captured.err + "".join(told)
    assert "signature=" in captured.out  # ccxt really was talking
    assert "nobody knows what became of it" in text
    secret = AGENT_KEY.removeprefix("0x")
    assert secret not in text
    assert str(int(secret, 16)) not in text
    # Signatures stay in what somebody switched on by hand; errors have none.
    assert len(told) == 4
    assert "signature=" not in "".join(told)


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("aster_ray.venues.aster", "aster_ray.venues.ccxt_venue")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "coincurve", None)
    with pytest.raises(BadInputError, match=r"coincurve.*pip install aster-ray"):
        connect_market(VenueConfig(), OWN)


def test_an_unknown_venue_is_named() -> None:
    with pytest.raises(BadInputError, match="venue of ccxt such as aster"):
        connect_market(VenueConfig(name="nowhere"))
    local = {"rest": "http://x", "stream": "ws://x"}
    with pytest.raises(BadInputError, match="apply to aster, not to bybit"):
        connect_market(VenueConfig(name="bybit", **local))


def test_the_two_sides_share_a_connection_that_ends_with_the_last() -> None:
    async def run() -> None:
        async with served() as venue:
            market, account = connect(config_of(venue), OWN)
            await account.balance()
            await account.close()
            await account.close()
            assert len(await market.instruments()) == 2
            await market.close()
            error = await fails(market.server_time_ms())
            assert isinstance(error, RejectedError | RetryableError)

    asyncio.run(run())


def test_every_request_is_weighed_as_the_venue_weighs_it() -> None:
    async def run() -> None:
        async with trading() as (_venue, client):
            weighed: list[int] = []
            exchange = client._gateway.exchange  # type: ignore[attr-defined]
            weigh = exchange.wire._weigh

            def noted(method: str, path: str, params: Any) -> int:
                weighed.append(weigh(method, path, params))
                return weighed[-1]

            exchange.wire._weigh = noted
            await client.place(BUY)
            for ask in (client.open_orders, client.positions, client.balance):
                await ask()
            await client.trades("BTCUSDT", 0)
            await client.funding_payments(0)
            await client.cancel_all_after("BTCUSDT", 0)
            await exchange.fetch_order_book("BTC/USDT:USDT", 100)
            await exchange.fetch_ohlcv("BTC/USDT:USDT", "1m", None, 1000)
            used = int(exchange.last_response_headers["X-MBX-USED-WEIGHT-1M"])
            assert sum(weighed) == used

    asyncio.run(run())


def test_ccxt_is_the_version_whose_defects_are_known() -> None:
    assert ccxt.__version__ == "4.5.90"


def test_every_key_has_an_account_of_its_own() -> None:
    async def run() -> None:
        async with served() as venue:
            await _buys(venue, Credentials(key=Secret(KEY)))
            await _buys(venue, Credentials(key=Secret(AGENT_KEY)))
            assert {WALLET, AGENT} <= set(venue.desk.exchange.floor.users)

    asyncio.run(run())


async def _buys(venue: Venue, credentials: Credentials) -> None:
    market, account = connect(config_of(venue), credentials)
    try:
        await account.place(BUY)
    finally:
        await account.close()
        await market.close()
