from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from aster_ray.data.instruments import (
    instrument_for,
    instruments_for,
    packaged_instruments,
    read_instruments,
    unknown_brackets,
)
from aster_ray.data.synthetic import PROFILES
from aster_ray.errors import BadInputError
from aster_ray.kernel.market import simple_market
from aster_ray.kernel.records import MAX_BRACKETS

MAJORS = ["BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "LTC", "BCH", "AVAX"]
NAMES = [*MAJORS, "SUI", "ASTER", "PENGU"]


def test_the_packaged_contracts_are_there_with_source_and_date() -> None:
    rules = packaged_instruments()
    assert set(rules) == {f"{name}USDT" for name in NAMES}
    for instrument in rules.values():
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", instrument.as_of)
        assert instrument.source.startswith(("approximate", "Aster exchangeInfo"))


def test_bitcoin_has_the_venue_filters() -> None:
    btc = packaged_instruments()["BTCUSDT"]
    assert (btc.tick, btc.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert (btc.min_lots, btc.max_lots, btc.min_notional) == (1, 10_000, 5.0)
    assert btc.liquidation_fee == 0.025
    aster = packaged_instruments()["ASTERUSDT"]
    assert (aster.tick, aster.to_qty(aster.max_lots)) == (Decimal("0.0001"), 200_000.0)


@pytest.mark.parametrize("name", [*NAMES, "?"])
def test_margin_is_continuous_and_never_above_what_opening_takes(name: str) -> None:
    brackets = unknown_brackets() if name == "?" else packaged_instruments()[f"{name}USDT"].brackets
    assert len(brackets) <= MAX_BRACKETS
    for before, step in pairwise(brackets):
        below = step.floor * before.rate - before.deduction
        above = step.floor * step.rate - step.deduction
        assert above == pytest.approx(below, rel=1e-12)
        assert step.leverage < before.leverage
    assert all(step.rate < 1.0 / step.leverage for step in brackets)


@pytest.mark.parametrize(
    ("name", "leverage"),
    [("BTC", 50), ("ETH", 50), ("SOL", 25), ("SUI", 25), ("ASTER", 10), ("PENGU", 5)],
)
def test_the_aggressive_profile_fits_the_first_bracket(name: str, leverage: int) -> None:
    assert packaged_instruments()[f"{name}USDT"].brackets[0].leverage >= leverage


def test_the_built_in_market_trades_on_the_packaged_grids() -> None:
    for symbol, profile in PROFILES.items():
        instrument = packaged_instruments()[symbol]
        assert 1 / instrument.tick == Decimal(profile[3])
        assert 1 / instrument.lot == Decimal(profile[4])


def test_a_known_symbol_ignores_prices_and_warns_of_nothing() -> None:
    instrument, warning = instrument_for("btc", np.empty(0))
    assert instrument is packaged_instruments()["BTCUSDT"]
    assert warning is None


@pytest.mark.parametrize(
    ("prices", "tick", "lot"),
    [
        ([1.23, 4.567, np.nan], "0.001", "0.1"),
        ([25_000.0, 25_010.0], "1", "0.00001"),
        ([0.00001234], "1E-8", "1"),
        ([0.5, 0.25], "0.01", "1"),
        ([1 / 3], "1E-8", "1"),
    ],
)
def test_an_unknown_symbol_gets_its_tick_from_decimals_and_a_warning(
    prices: list[float], tick: str, lot: str
) -> None:
    instrument, warning = instrument_for("FOO/USDT", np.array(prices))
    assert instrument.tick == Decimal(tick)
    assert instrument.lot == Decimal(lot)
    assert instrument.brackets == unknown_brackets()
    assert warning is not None
    assert warning.startswith("FOOUSDT: no packaged contract rules; tick")


def test_an_unknown_symbol_without_prices_is_refused() -> None:
    with pytest.raises(BadInputError, match="FOOUSDT has no packaged rules and no price"):
        instrument_for("FOO", np.array([np.nan]))


def test_a_market_gets_all_its_instruments_in_order() -> None:
    market = simple_market(np.full((4, 2, 4), 12.5))
    instruments, warnings = instruments_for(market)
    assert [instrument.symbol for instrument in instruments] == ["S0USDT", "S1USDT"]
    assert len(warnings) == 2


def test_damaged_rules_are_refused() -> None:
    with pytest.raises(BadInputError, match="not TOML"):
        read_instruments("[")
    with pytest.raises(BadInputError, match="lack 'brackets'"):
        read_instruments("[defaults]\n[instruments.BTCUSDT]\n")
    broken = (
        '[defaults]\nsource=""\nas_of=""\n[brackets]\nx=[[0, 0.01, 5]]\n[instruments.BTCUSDT]\n'
        'tick=0.1\nlot=0.01\nmin_qty=0.015\nmax_qty=1\nbrackets="x"\n'
    )
    with pytest.raises(BadInputError, match=r"min_qty must be whole lots of 0\.01, was 0\.015"):
        read_instruments(broken)
