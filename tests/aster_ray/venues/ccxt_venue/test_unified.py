"""What ccxt's own clients of other venues would send: read on the wire, before it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import ccxt
import pytest

from aster_ray.clock import LiveClock
from aster_ray.config import Secret
from aster_ray.errors import BadInputError
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderStatus, OrderTicket, OrderType, TimeInForce
from aster_ray.venues.ccxt_venue import unified_rows as rows
from aster_ray.venues.ccxt_venue.budget import RateBudget
from aster_ray.venues.ccxt_venue.exchange import open_exchange
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.listings import Listings
from aster_ray.venues.ccxt_venue.rules import instrument
from aster_ray.venues.ccxt_venue.turnstile import Turnstile
from aster_ray.venues.ccxt_venue.unified import TRADED, UnifiedDialect
from aster_ray.venues.ccxt_venue.wire import Wire
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect
from aster_ray.venues.credentials import Credentials

KEYS = Credentials(key=Secret("key"), secret=Secret("s" * 32), password=Secret("password"))
UNIFIED = "BTC/USDT:USDT"


class LeftError(BaseException):
    """A request was about to leave."""


def a_market() -> dict[str, Any]:
    """Return BTC as the venue lists it."""
    kinds = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]
    return {
        "id": "BTCUSDT", "symbol": UNIFIED, "base": "BTC",
        "quote": "USDT", "settle": "USDT", "baseId": "BTC", "quoteId": "USDT", "settleId": "USDT",
        "type": "swap", "spot": False, "margin": False, "swap": True, "future": False,
        "option": False, "contract": True, "linear": True, "inverse": False, "active": True,
        "contractSize": 1.0, "precision": {"amount": 0.001, "price": 0.1},
        "limits": {"amount": {"min": 0.001, "max": 1000.0},
                   "cost": {"min": 5.0}, "price": {}, "leverage": {}},
        "info": {"orderTypes": kinds},
    }  # fmt: skip


Act = Callable[[UnifiedDialect, Any, Any], Any]
Request = tuple[str, str, Any]


def talk(venue: str, act: Act, answers: list[Any]) -> tuple[list[Request], Any]:
    """Return method, path and parameters of every request of an action, and what it returns.

    Args:
        venue: ccxt's name.
        act: the action.
        answers: to its requests, one after the other; an exception is raised.
    """

    async def run() -> tuple[list[Request], Any]:
        exchange = open_exchange(VenueConfig(name=venue), KEYS)
        exchange.wire = Wire(Turnstile(RateBudget(1e6, 1e6), 1000.0))
        exchange.set_markets([a_market()])
        # Bybit would ask which kind of account it is.
        exchange.options |= {"enableUnifiedAccount": True, "enableUnifiedMargin": False}
        left: list[Request] = []

        async def fetch(
            url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            parts = urlsplit(url)
            raw = body or parts.query
            params = json.loads(raw) if raw.startswith(("{", "[")) else dict(parse_qsl(raw))
            left.append((method, parts.path, params[0] if isinstance(params, list) else params))
            answer = answers[len(left) - 1]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        exchange.fetch = fetch
        market = exchange.markets[UNIFIED]
        rules = instrument(market, exchange.precisionMode, {}, venue, "")
        assert rules is not None
        listings = Listings(Gateway(exchange, venue, LiveClock()))
        try:
            return left, await act(UnifiedDialect(exchange, listings), market, rules)
        except LeftError:
            return left, None
        finally:
            await exchange.close()

    return asyncio.run(run())


def sent_by(venue: str, act: Act) -> Request:
    """Return the first request of an action."""
    (first,), _ = talk(venue, act, [LeftError()])
    return first


def a_ticket(**fields: Any) -> OrderTicket:
    given = {"client_order_id": "id1", "side": Side.SELL, "qty": 29 * 0.001, **fields}
    return OrderTicket(symbol="BTCUSDT", **given)


LIMIT = {"type": OrderType.LIMIT, "price": 100_000.1, "time_in_force": TimeInForce.GTX}
STOP = {
    "type": OrderType.STOP_MARKET, "trigger_price": 99_000.3, "reduce_only": True, "on_mark": True,
}  # fmt: skip
WANTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "binanceusdm",
        LIMIT,
        {"quantity": "0.029", "price": "100000.1", "timeInForce": "GTX", "newClientOrderId": "id1"},
    ),
    (
        "binanceusdm",
        STOP,
        {
            "quantity": "0.029", "triggerPrice": "99000.3", "type": "STOP_MARKET",
            "workingType": "MARK_PRICE", "clientAlgoId": "id1", "reduceOnly": "true",
        },
    ),
    (
        "bybit",
        LIMIT,
        {"qty": "0.029", "price": "100000.1", "timeInForce": "PostOnly", "orderLinkId": "id1"},
    ),
    (
        "bybit",
        STOP,
        {
            "qty": "0.029", "triggerPrice": "99000.3", "triggerDirection": 2,
            "triggerBy": "MarkPrice", "reduceOnly": True, "orderLinkId": "id1",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "fields", "wanted"), WANTED)
def test_orders_go_out_as_exact_text(
    venue: str, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    method, _, params = sent_by(
        venue, lambda dialect, market, rules: dialect.place(market, a_ticket(**fields), rules)
    )
    assert method == "POST"
    found = {name: params.get(name) for name in wanted}
    if isinstance(wanted.get("reduceOnly"), str):
        found["reduceOnly"] = str(found["reduceOnly"]).lower()
    assert found == wanted
    assert not [name for name in params if "builder" in name.lower()]


@pytest.mark.parametrize(
    ("venue", "name"), [("binanceusdm", "origClientOrderId"), ("bybit", "orderLinkId")]
)  # fmt: skip
def test_orders_are_withdrawn_and_asked_for_by_our_id(venue: str, name: str) -> None:
    for act in ("cancel", "order"):
        _, _, params = sent_by(
            venue, lambda dialect, market, _, act=act: getattr(dialect, act)(market, "id1")
        )
        assert params[name] == "id1", act
        assert "None" not in params.values()


ALGO_ROW = {
    "algoId": 8, "clientAlgoId": "id1", "algoType": "CONDITIONAL", "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH", "timeInForce": "GTC",
    "quantity": "0.029", "algoStatus": "NEW", "triggerPrice": "99000.3", "price": "0.0",
    "workingType": "MARK_PRICE", "closePosition": False, "reduceOnly": True,
    "createTime": 5, "updateTime": 6, "actualOrderId": "", "actualPrice": "0.0",
}  # fmt: skip
ORDER_ROW = {
    "orderId": 7, "clientOrderId": "id2", "symbol": "BTCUSDT", "status": "NEW", "side": "BUY",
    "type": "LIMIT", "origType": "LIMIT", "timeInForce": "GTC", "price": "99000.1",
    "avgPrice": "0", "origQty": "0.010", "executedQty": "0", "cumQuote": "0", "stopPrice": "0",
    "reduceOnly": False, "closePosition": False, "positionSide": "BOTH", "time": 5, "updateTime": 5,
}  # fmt: skip
ABSENT = ccxt.OrderNotFound("binanceusdm Unknown order sent.")


def test_a_conditional_order_is_looked_for_where_the_venue_keeps_it() -> None:
    left, found = talk(
        "binanceusdm",
        lambda dialect, market, _: dialect.cancel(market, "id1"),
        [ABSENT, {**ALGO_ROW, "code": "200", "msg": "success"}, ABSENT, ALGO_ROW],
    )
    assert [(method, path.rpartition("/")[2]) for method, path, _ in left] == [
        ("DELETE", "order"), ("DELETE", "algoOrder"), ("GET", "order"), ("GET", "algoOrder"),
    ]  # fmt: skip
    assert [params.get("clientAlgoId") for _, _, params in left] == [None, "id1", None, "id1"]
    assert (found.client_order_id, found.venue_order_id) == ("id1", "8")
    assert (found.type, found.trigger_price) == (OrderType.STOP_MARKET, 99_000.3)


def test_what_rests_is_asked_for_in_both_places() -> None:
    left, found = talk(
        "binanceusdm", lambda dialect, _, __: dialect.open_orders(), [[ORDER_ROW], [ALGO_ROW]]
    )
    assert [path.rpartition("/")[2] for _, path, _ in left] == ["openOrders", "openAlgoOrders"]
    assert [order.client_order_id for order in found] == ["id2", "id1"]
    assert found[1].reduce_only


def listed(*names: str) -> dict[str, Any]:
    """Return orders as Bybit lists them."""
    rows_ = [
        {
            "orderId": f"o-{name}", "orderLinkId": name, "symbol": "BTCUSDT", "side": "Sell",
            "orderType": "Limit", "price": "100000.1", "qty": "0.029", "cumExecQty": "0.029",
            "avgPrice": "100000.1", "orderStatus": "Filled", "timeInForce": "GTC",
            "triggerPrice": "", "reduceOnly": False, "createdTime": "5", "updatedTime": "6",
        }
        for name in names
    ]  # fmt: skip
    return {"retCode": 0, "result": {"category": "linear", "list": rows_}, "time": 9}


def test_a_venue_that_only_lists_orders_is_asked_for_both_its_lists() -> None:
    left, found = talk(
        "bybit", lambda dialect, market, _: dialect.order(market, "id1"), [listed(), listed("id1")]
    )
    assert [path.rpartition("/")[2] for _, path, _ in left] == ["realtime", "history"]
    assert (found.status, found.filled_qty) == (OrderStatus.FILLED, 0.029)
    with pytest.raises(ccxt.OrderNotFound, match="bybit has no order id1"):
        # It may answer with others, were the name not understood.
        talk(
            "bybit",
            lambda dialect, market, _: dialect.order(market, "id1"),
            [listed("other"), listed()],
        )


@pytest.mark.parametrize("act", ["cancel", "order"])
def test_an_order_nobody_knows_is_absent(act: str) -> None:
    unknown = ccxt.OrderNotFound("okx order does not exist")
    with pytest.raises(ccxt.OrderNotFound):
        talk("okx", lambda dialect, market, _: getattr(dialect, act)(market, "id1"), [unknown])


def test_the_dead_mans_switch_is_set_where_there_is_one() -> None:
    def act(dialect: UnifiedDialect, market: Any, _: Any) -> Any:
        return dialect.cancel_all_after(market, 120_000)

    ((method, path, params),), _ = talk("binanceusdm", act, [{"symbol": "BTCUSDT"}])
    assert (method, path.rpartition("/")[2]) == ("POST", "countdownCancelAll")
    assert (params["symbol"], int(params["countdownTime"])) == ("BTCUSDT", 120_000)
    ((_, path, params),), _ = talk("bybit", act, [{"retCode": 0, "result": {}}])
    assert path.endswith("disconnected-cancel-all")
    with pytest.raises(ccxt.NotSupported, match="gate has no dead man's switch"):
        talk("gate", act, [])


def test_contracts_become_base_asset_and_back() -> None:
    market = {"contractSize": 0.01, "precision": {"amount": 0.1, "price": 0.1}, "limits": {}}
    row = {
        "id": 7, "clientOrderId": "id1", "status": "open", "side": "sell", "type": "limit",
        "amount": 2.9, "filled": 1.0, "average": 100.0, "price": 100.0, "timestamp": 5,
    }  # fmt: skip
    order = rows.order(row, "BTCUSDT", market)
    assert (order.qty, order.filled_qty) == (pytest.approx(0.029), 0.01)
    assert order.status is OrderStatus.PARTIALLY_FILLED
    rules = instrument({**a_market(), **market}, 4, {}, "okx", "")
    assert rules is not None
    assert (str(rules.lot), rules.min_lots, rules.max_lots) == ("0.001", 1, 10**15)
    assert rows.contracts_text(market, rules, 29 * 0.001) == "2.9"
    held = rows.position({"contracts": 2.9, "side": "short"}, "BTCUSDT", market)
    assert held.qty == pytest.approx(-0.029)


def test_venues_whose_orders_were_never_seen_are_for_reading_only() -> None:
    async def run() -> None:
        with pytest.raises(BadInputError, match="for reading only: orders go to aster, binance"):
            connect(VenueConfig(name="gate"), KEYS)

    asyncio.run(run())
    assert set(TRADED) == {venue for venue, _, _ in WANTED}
