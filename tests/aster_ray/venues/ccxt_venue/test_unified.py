"""What ccxt's own clients of other venues would send: read on the wire, before it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from aster_ray.config import Secret
from aster_ray.errors import BadInputError
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderStatus, OrderTicket, OrderType, TimeInForce
from aster_ray.venues.ccxt_venue import unified_rows as rows
from aster_ray.venues.ccxt_venue.budget import RateBudget
from aster_ray.venues.ccxt_venue.exchange import open_exchange
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


def sent_by(venue: str, act: Callable[[UnifiedDialect, Any, Any], Any]) -> tuple[str, str, Any]:
    """Return method, path and parameters of the first request of an action."""

    async def run() -> tuple[str, str, Any]:
        exchange = open_exchange(VenueConfig(name=venue), KEYS)
        exchange.wire = Wire(Turnstile(RateBudget(1e6, 1e6), 1000.0))
        exchange.set_markets([a_market()])
        # Bybit would ask which kind of account it is.
        exchange.options |= {"enableUnifiedAccount": True, "enableUnifiedMargin": False}
        left: list[tuple[str, str, Any]] = []

        async def fetch(
            url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            parts = urlsplit(url)
            raw = body or parts.query
            params = json.loads(raw) if raw.startswith(("{", "[")) else dict(parse_qsl(raw))
            left.append((method, parts.path, params[0] if isinstance(params, list) else params))
            raise LeftError

        exchange.fetch = fetch
        market = exchange.markets[UNIFIED]
        rules = instrument(market, exchange.precisionMode, {}, venue, "")
        assert rules is not None
        try:
            with pytest.raises(LeftError):
                await act(UnifiedDialect(exchange, None), market, rules)  # type: ignore[arg-type]
        finally:
            await exchange.close()
        return left[0]

    return asyncio.run(run())


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
