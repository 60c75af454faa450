from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.errors import BadInputError
from aster_ray.model.ids import (
    CLIENT_ORDER_ID,
    DAY_MS,
    TIMEFRAMES,
    Symbol,
    client_order_id,
    parse_symbol,
    parse_symbols,
    parse_timeframe,
    timeframe_name,
)


@pytest.mark.parametrize(
    "text", ["BTC", "btc", " BTCUSDT ", "BTC/USDT", "BTC/USDT:USDT", "btc-usdt", "BTC_USDT"]
)
def test_every_spelling_is_one_symbol(text: str) -> None:
    assert parse_symbol(text) == Symbol("BTC", "USDT")


def test_a_symbol_has_a_venue_id_and_a_unified_name() -> None:
    symbol = parse_symbol("1000pepeusdc")
    assert symbol.venue_id == "1000PEPEUSDC"
    assert symbol.unified == "1000PEPE/USDC:USDC"
    assert parse_symbol(symbol.unified) == parse_symbol(symbol.venue_id) == symbol


@pytest.mark.parametrize("text", ["USDCUSDT", "USDC/USDT"])
def test_a_quote_asset_can_be_a_base(text: str) -> None:
    assert parse_symbol(text) == Symbol("USDC", "USDT")


@pytest.mark.parametrize(
    "text", ["", " ", "USDT", "BTC/", "/USDT", "BTC/EUR", "BTC/USDT:BTC", "B TC", "BTC!", "BTC:"]
)
def test_what_is_no_linear_perpetual_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInputError, match="cannot be read: write a perpetual as BTC") as caught:
        parse_symbol(text)
    assert repr(text) in str(caught.value)
    assert caught.value.exit_code == 2


def test_several_symbols_keep_their_order_and_lose_repetitions() -> None:
    found = parse_symbols(["sol", "BTC", "SOLUSDT", "ETH/USDT"])
    assert [symbol.base for symbol in found] == ["SOL", "BTC", "ETH"]


def test_timeframes_rise_and_divide_the_day() -> None:
    lengths = list(TIMEFRAMES.values())
    assert list(TIMEFRAMES) == ["1m", "3m", "5m", "15m", "30m", "1h", "4h"]
    assert lengths == sorted(lengths)
    assert all(DAY_MS % length == 0 for length in lengths)
    assert all(timeframe_name(parse_timeframe(name)) == name for name in TIMEFRAMES)


@pytest.mark.parametrize("text", ["2h", "1H", "60", "", "1d"])
def test_an_unknown_timeframe_names_the_known_ones(text: str) -> None:
    with pytest.raises(BadInputError, match="use one of 1m, 3m, 5m, 15m, 30m, 1h, 4h"):
        parse_timeframe(text)
    with pytest.raises(BadInputError, match="7200000 ms"):
        timeframe_name(7_200_000)


@given(
    st.sampled_from(["BTCUSDT", "1000PEPEUSDT"]),
    st.integers(0, 2**45),
    st.sampled_from(["market", "stop", "place_level"]),
    st.integers(-1, 500),
    st.integers(-1, 20),
)
def test_client_order_ids_fit_the_venue_and_repeat(
    symbol: str, close_ms: int, kind: str, sleeve: int, level: int
) -> None:
    first = client_order_id(symbol, close_ms, kind, sleeve, level)
    assert CLIENT_ORDER_ID.fullmatch(first)
    assert first == client_order_id(symbol, close_ms, kind, sleeve, level)


def test_every_part_of_a_decision_changes_its_id() -> None:
    ids = {
        client_order_id("BTCUSDT", 1, "market"),
        client_order_id("ETHUSDT", 1, "market"),
        client_order_id("BTCUSDT", 2, "market"),
        client_order_id("BTCUSDT", 1, "stop"),
        client_order_id("BTCUSDT", 1, "market", 0),
        client_order_id("BTCUSDT", 1, "market", 0, 0),
        client_order_id("BTCUSDT", 1, "market", 0, 0, 1),
    }
    assert len(ids) == 7
