from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.errors import BadInputError
from aster_ray.model.instrument import Bracket, Instrument, continuous_brackets

BTC = Instrument(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    min_lots=1,
    max_lots=10_000,
    min_notional=5.0,
    brackets=continuous_brackets(
        [(Decimal(0), Decimal("0.004"), 125), (Decimal(50_000), Decimal("0.005"), 100)]
    ),
)


def test_lots_round_toward_zero_but_survive_float_noise() -> None:
    assert BTC.to_lots(0.3) == 300  # 0.3 // 0.001 is 299.0
    assert BTC.to_lots(0.2999) == 299
    assert BTC.to_lots(-0.2999) == -299
    assert BTC.to_lots(0.0) == 0


@given(st.integers(-(10**9), 10**9), st.sampled_from(["0.001", "0.1", "1", "0.00000001"]))
def test_whole_lots_survive_the_way_through_floats_and_text(lots: int, step: str) -> None:
    instrument = replace(BTC, lot=Decimal(step))
    assert instrument.to_lots(instrument.to_qty(lots)) == lots
    assert Decimal(instrument.qty_text(lots)) == abs(lots) * Decimal(step)


def test_wire_text_is_exact() -> None:
    assert BTC.qty_text(-300) == "0.300"
    assert BTC.price_text(60_000.05000000001) == "60000.1"
    assert BTC.price_text(0.1 + 0.2) == "0.3"
    penny = replace(BTC, tick=Decimal("0.000001"))
    assert penny.price_text(0.0300004) == "0.030000"
    assert penny.to_ticks(0.03) == 30_000


def test_maintenance_margin_follows_the_brackets() -> None:
    assert BTC.maintenance_margin(10_000.0) == pytest.approx(40.0)
    assert BTC.maintenance_margin(-10_000.0) == pytest.approx(40.0)
    assert BTC.maintenance_margin(50_000.0) == pytest.approx(200.0)
    assert BTC.maintenance_margin(100_000.0) == pytest.approx(450.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tick": Decimal(0)}, "tick must be a positive decimal, was 0"),
        ({"lot": Decimal("NaN")}, "lot must be a positive decimal, was NaN"),
        ({"min_lots": 0}, "lots must satisfy"),
        ({"max_lots": 0}, "lots must satisfy"),
        ({"min_notional": float("nan")}, "min_notional must not be negative, was nan"),
        ({"taker_fee": 0.6}, "taker_fee must be a fraction"),
        ({"maker_fee": 0.2}, "maker_fee must be a fraction"),
        ({"funding_interval_ms": 0}, "funding_interval_ms must be positive"),
        ({"symbol": "ETHUSDT"}, "symbol must be base [+] quote"),
        ({"brackets": ()}, "first bracket must start at notional 0"),
        ({"brackets": (Bracket(0.0, 0.01, 5.0, 10.0),)}, "first bracket must deduct nothing"),
        ({"brackets": (Bracket(0.0, 1.5, 0.0, 10.0),)}, "needs a rate in"),
        (
            {"brackets": (Bracket(0.0, 0.01, 0.0, 10.0), Bracket(100.0, 0.02, 0.0, 5.0))},
            "maintenance margin jump by 1",
        ),
        (
            {"brackets": (Bracket(0.0, 0.01, 0.0, 10.0), Bracket(0.0, 0.02, 0.0, 5.0))},
            "must rise in floor",
        ),
    ],
)
def test_impossible_rules_cannot_be_built(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        replace(BTC, **change)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(BadInputError) as caught:
        replace(BTC, tick=Decimal(-1), half_spread=-0.1)
    assert "tick" in str(caught.value)
    assert "half_spread" in str(caught.value)
