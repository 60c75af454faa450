"""What ccxt.pro's caches and lists become: each change told once, strangers' contracts never."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.market import Bar
from aster_ray.model.venue import (
    BarUpdate,
    BookUpdate,
    Interrupted,
    MarkUpdate,
    OrderStatus,
    OrderUpdate,
    PositionUpdate,
)
from aster_ray.venues.ccxt_venue import unified_events as events

BTC, ETH, STRANGE = "BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT:USDT"
NAMES = {BTC: "BTCUSDT", ETH: "ETHUSDT"}
MARKETS = {name: {"contractSize": 0.1} for name in NAMES.values()}
NOW_MS = 1_700_000_000_000


def a_glance() -> events.Glance:
    return events.Glance(NAMES, lambda: NOW_MS)


def an_order(symbol: str = BTC, **fields: Any) -> dict[str, Any]:
    return {
        "id": 9, "clientOrderId": "id9", "symbol": symbol, "status": "open", "side": "buy",
        "type": "limit", "amount": 20.0, "filled": 5.0, "average": 100.0, "price": 101.0,
        "timestamp": NOW_MS, **fields,
    }  # fmt: skip


def a_trade(symbol: str = BTC) -> dict[str, Any]:
    return {
        "id": 3, "order": 9, "symbol": symbol, "side": "buy", "amount": 5.0, "price": 100.0,
        "takerOrMaker": "maker", "fee": {"cost": 0.01, "currency": "USDT"}, "timestamp": NOW_MS,
    }  # fmt: skip


def test_of_bars_each_change_is_told_once_and_those_that_are_over_are_forgotten() -> None:
    glance = a_glance()
    row = [0, 1.0, 2.0, 0.5, 1.5, 10.0]
    cached: dict[str, Any] = {BTC: {"1m": [row]}}
    ((key, told),) = glance.bars(cached, MINUTE_MS)
    assert told == BarUpdate("BTCUSDT", MINUTE_MS, Bar(0, 1.0, 2.0, 0.5, 1.5, 10.0), NOW_MS)
    assert key == ("bar", "BTCUSDT", 0)
    assert glance.bars(cached, MINUTE_MS) == []
    cached[BTC]["1m"] = [[n * MINUTE_MS, *row[1:]] for n in range(6)]
    assert [update.bar.open_ms for _, update in glance.bars(cached, MINUTE_MS)] == [
        n * MINUTE_MS for n in (3, 4, 5)
    ]
    for n in range(6, 50):
        cached[BTC]["1m"].append([n * MINUTE_MS, *row[1:]])
        assert len(glance.bars(cached, MINUTE_MS)) == 1
    assert len(glance._told) <= 6  # however long it lives
    assert glance.bars({BTC: {"1m": [[0, 1.0, 2.0, 0.5, 1.5, None]]}}, MINUTE_MS)[0][1].bar == Bar(
        0, 1.0, 2.0, 0.5, 1.5, 0.0
    )


def test_of_books_the_best_levels_are_told_when_they_change() -> None:
    glance = a_glance()
    book = {"bids": [[9.0, 1.0], [8.0, 2.0]], "asks": [[10.0, 3.0]], "timestamp": None}
    cached: dict[str, Any] = {BTC: book}  # there is none of the other yet
    ((key, told),) = glance.books(cached, 1)
    assert key == ("book", "BTCUSDT")
    assert told == BookUpdate(
        symbol="BTCUSDT", bids=((9.0, 1.0),), asks=((10.0, 3.0),), ts_ms=NOW_MS
    )
    book["bids"] = [[9.0, 1.0], [7.0, 2.0]]  # below what anybody asked for
    assert glance.books(cached, 1) == []
    book["asks"] = [[10.0, 2.0]]
    assert len(glance.books(cached, 1)) == 1


@pytest.mark.parametrize(
    ("info", "funding"),
    [({"r": "0.0001", "T": 28_800_000}, (28_800_000, 0.0001)), ({}, (0, 0.0))],
    ids=["with funding", "without"],
)
def test_a_ticker_without_a_mark_tells_nothing(
    info: dict[str, Any], funding: tuple[int, float]
) -> None:
    glance = a_glance()
    cached: dict[str, Any] = {
        BTC: {"markPrice": "100.5", "timestamp": 7, "info": info},
        ETH: {"last": 4.0},
    }
    ((_, told),) = glance.marks(cached)
    assert isinstance(told, MarkUpdate)
    assert (told.symbol, told.mark.ts_ms, told.mark.price) == ("BTCUSDT", 7, 100.5)
    assert (told.funding.ts_ms, told.funding.rate) == funding
    assert glance.marks(cached) == []


def test_orders_and_positions_of_contracts_nobody_knows_are_left_out() -> None:
    ((_, told),) = events.order_updates([an_order(STRANGE), an_order()], NAMES.get, MARKETS)
    assert isinstance(told, OrderUpdate)
    assert (told.order.qty, told.order.filled_qty) == (2.0, 0.5)
    assert told.order.status is OrderStatus.PARTIALLY_FILLED
    held = {"symbol": BTC, "contracts": 3.0, "side": "short", "entryPrice": 99.0}
    strange = {**held, "symbol": STRANGE}
    for found in ([strange, held], {"a": strange, "b": held}):
        ((_, position),) = events.position_updates(found, NAMES.get, MARKETS, NOW_MS)
        assert isinstance(position, PositionUpdate)
        assert (position.symbol, position.entry_price) == ("BTCUSDT", 99.0)
        assert position.qty == pytest.approx(-0.3)
        assert position.ts_ms == NOW_MS


def test_an_execution_comes_with_its_order_or_is_a_gap_to_be_asked_for() -> None:
    rows = [a_trade(STRANGE), a_trade()]
    ((_, told),) = events.executions(rows, lambda _row: an_order(), NAMES.get, MARKETS)
    assert isinstance(told, OrderUpdate)
    assert told.trade is not None
    assert (told.trade.client_order_id, told.trade.qty, told.trade.maker) == ("id9", 0.5, True)
    ((_, gap),) = events.executions(rows, lambda _row: None, NAMES.get, MARKETS)
    assert gap == Interrupted(NOW_MS, "an execution without order")
