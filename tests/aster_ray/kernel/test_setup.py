from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from aster_ray.kernel.records import LIMITS
from aster_ray.kernel.setup import build_setup
from aster_ray.model.enums import Sizing
from tests.factories import a_config, an_instrument

FIFTEEN_MINUTES = 900_000


def test_every_limit_is_set_from_the_configuration() -> None:
    config = a_config(
        risk={"max_symbol": 0.11, "daily_loss": 0.07},
        sizing={"mode": "kelly", "kelly_cap": 0.05},
        exits={"basis": "price", "holding_hours": 1.5, "give_back": 0.4, "recentre_bars": 9},
    )
    setup = build_setup([an_instrument()], config, FIFTEEN_MINUTES, 3)
    limits = setup.limits[0]
    assert setup.strategies == 3
    assert limits["max_symbol"] == 0.11
    assert limits["daily_loss"] == 0.07
    assert limits["sizing"] == Sizing.KELLY
    assert limits["kelly_cap"] == 0.05
    assert limits["margin_basis"] == 0
    assert limits["holding_ms"] == 5_400_000
    assert limits["recentre_bars"] == 9
    assert limits["bars_per_day"] == 96
    assert [limits[f"tier_gain_{k}"] for k in (1, 2, 3)] == [0.08, 0.15, 0.25]
    assert [limits[f"tier_lock_{k}"] for k in (1, 2, 3)] == [0.03, 0.08, 0.15]
    standard = build_setup([an_instrument()], a_config(), FIFTEEN_MINUTES, 1).limits[0]
    unset = [name for name in LIMITS.names or () if standard[name] == 0]
    assert not unset


def test_the_standard_profile_is_the_documented_one() -> None:
    limits = build_setup([an_instrument()], a_config(), 3_600_000, 1).limits[0]
    expected = {
        "max_position_risk": 0.05,
        "max_symbol": 0.20,
        "max_asset": 0.30,
        "max_gross": 3.0,
        "daily_loss": 0.05,
        "soft_drawdown": 0.15,
        "hard_drawdown": 0.20,
        "max_var": 0.05,
        "max_daily_opens": 20,
        "kelly_cap": 0.1,
        "min_fraction": 0.01,
        "max_fraction": 0.20,
        "holding_ms": 36 * 3_600_000,
        "give_back": 0.30,
        "give_back_armed": 0.08,
        "margin_basis": 1,
    }
    assert {name: limits[name] for name in expected} == pytest.approx(expected)


def test_rules_come_from_the_instrument_and_costs_from_the_configuration() -> None:
    instruments = [
        an_instrument("BTC", lot=Decimal("0.005"), tick=Decimal("0.1"), taker_fee=0.0009),
        an_instrument("ETH", min_lots=7, max_lots=900, min_notional=5.0),
    ]
    costs = {"taker_fee": 0.0004, "maker_fee": -0.0001, "slippage": 0.0003, "half_spread": 0.0002}
    config = a_config(risk={"leverage": {"ETH": 25.0}}, costs=costs)
    rules = build_setup(instruments, config, FIFTEEN_MINUTES, 1).rules
    assert rules["lot"].tolist() == [0.005, 0.001]
    assert rules["tick"].tolist() == [0.1, 0.01]
    assert rules["min_lots"].tolist() == [1, 7]
    assert rules["max_lots"][1] == 900
    assert rules["min_notional"].tolist() == [0.0, 5.0]
    assert rules["leverage"].tolist() == [1.0, 25.0]
    assert rules["taker_fee"].tolist() == [0.0004, 0.0004]
    assert rules["maker_fee"].tolist() == [-0.0001, -0.0001]
    assert rules["slippage"].tolist() == [0.0003, 0.0003]
    own = a_config(costs={**costs, "from_instruments": True, "liquidation_fee": None})
    rules = build_setup(instruments, own, FIFTEEN_MINUTES, 1).rules
    assert rules["taker_fee"].tolist() == [0.0009, 0.0006]
    assert rules["half_spread"].tolist() == [0.0001, 0.0001]
    assert rules["slippage"].tolist() == [0.0003, 0.0003]  # no contract rule
    assert rules["liquidation_fee"].tolist() == [0.025, 0.025]


def test_contracts_on_one_asset_share_its_index() -> None:
    pair = [
        an_instrument("BTC"),
        an_instrument("ETH"),
        an_instrument("BTC", symbol="BTCUSDC", quote="USDC"),
    ]
    assert build_setup(pair, a_config(), FIFTEEN_MINUTES, 1).rules["asset"].tolist() == [0, 1, 0]


def test_brackets_are_copied_row_by_row() -> None:
    setup = build_setup([an_instrument()], a_config(), FIFTEEN_MINUTES, 1)
    assert setup.rules["brackets"].tolist() == [3]
    expected = [[0.0, 0.01, 0.0, 50.0], [5e4, 0.02, 500.0, 25.0], [2.5e5, 0.05, 8000.0, 10.0]]
    np.testing.assert_allclose(setup.brackets[0, :3], expected)
