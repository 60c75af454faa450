"""The sections of aster.toml as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aster_ray import log, settings
from aster_ray.config import Secret, read_assignments
from aster_ray.errors import ConfigError


def load(*assignments: str) -> settings.Settings:
    return settings.load(None, {}, read_assignments(assignments))


def test_the_defaults_are_those_of_the_design() -> None:
    risk = load().risk
    assert (risk.max_position_risk, risk.max_symbol, risk.max_asset) == (0.05, 0.20, 0.30)
    assert (risk.max_gross, risk.daily_loss, risk.max_var) == (3.0, 0.05, 0.05)
    assert (risk.soft_drawdown, risk.hard_drawdown, risk.max_daily_opens) == (0.15, 0.20, 20)
    exits, costs = load().exits, load().costs
    assert exits.tier_gains == (0.08, 0.15, 0.25)
    assert exits.tier_locks == (0.03, 0.08, 0.15)
    assert (exits.holding_hours, exits.give_back, exits.give_back_armed) == (36.0, 0.30, 0.08)
    assert (costs.maker_fee, costs.taker_fee, costs.slippage) == (0.0002, 0.0006, 0.0005)


@pytest.mark.parametrize("profile", ["standard", "conservative", "aggressive", "off"])
def test_every_profile_is_valid(profile: str) -> None:
    assert load(f"risk.profile={profile}").risk.profile == profile


def test_profiles_preset_what_is_not_said() -> None:
    careful = load("risk.profile=conservative").risk
    assert (careful.soft_drawdown, careful.hard_drawdown) == (0.10, 0.15)
    bold = load("risk.profile=aggressive", "risk.max_gross=4", "risk.leverage.btc=20").risk
    assert (bold.max_symbol, bold.max_gross, bold.daily_loss) == (1.0, 4.0, 0.15)
    assert bold.leverage == {
        "BTC": 20.0,
        "ETH": 50.0,
        "SOL": 25.0,
        "SUI": 25.0,
        "ASTER": 10.0,
        "PENGU": 5.0,
    }
    assert load("risk.profile=off").risk.enabled is False


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("session.capital=0", "session.capital must be greater than 0, was 0.0"),
        ("session.capital=-5", "session.capital must be greater than 0"),
        ("session.seed=-1", "session.seed must be between"),
        ("session.speed=-1", "session.speed must be at least 0"),
        ("risk.profile=wild", "risk.profile must be one of standard"),
        ("risk.soft_drawdown=0.5", "soft_drawdown must not exceed hard_drawdown"),
        ("risk.hard_drawdown=1.5", "hard_drawdown must be at most 1"),
        ("risk.leverage.BTC=500", "leverage.BTC must be between 1 and 125"),
        ("sizing.mode=all_in", "sizing.mode must be one of fixed"),
        ("sizing.min_fraction=0.9", "min_fraction must not exceed max_fraction"),
        ("exits.basis=equity", "exits.basis must be one of margin, price"),
        ("exits.tier_gains=0.1,0.2", "tier_gains must be three rising fractions"),
        ("exits.tier_locks=0.09,0.1,0.2", "tier_locks must lie below tier_gains"),
        ("costs.taker_fee=6", "taker_fee must be between -0.01 and 0.05"),
        ("data.timeframe=2h", "data.timeframe must be one of 1m"),
        ("data.gaps=perhaps", "data.gaps must be one of allow, forbid"),
        ("data.symbols=B?C", "data.symbols: symbol 'B?C' cannot be read"),
        ("data.start=yesterday", "'yesterday' is not a date"),
        ("strategies.use=", "use must name at least one strategy"),
        ("strategies.use=grid,grid", "use names 'grid' more than once"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_remedy(assignment: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(assignment)
    assert expected in str(caught.value)


def test_reversed_dates_are_refused() -> None:
    with pytest.raises(ConfigError, match="the period runs backwards"):
        load("data.start=2025-01-01", "data.end=2024-01-01")


def test_the_file_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aster.toml").write_text("[session]\ncapital = 500\n")
    assert settings.load(None, {}).session.capital == 500.0
    other = tmp_path / "other.toml"
    other.write_text("[session]\nseed = 3\n")
    assert settings.load(other, {}).session.capital == 10_000.0


def test_where_data_lies_is_no_part_of_the_digest() -> None:
    assert load().digest() == load("data.path=elsewhere", "session.speed=5").digest()
    assert load().digest() != load("session.seed=8").digest()


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]
    return found


def test_the_schema_names_every_key_with_its_default() -> None:
    schema = settings.schema()
    json.dumps(schema, allow_nan=False)
    assert set(properties(schema)) == set(settings.SECTIONS)
    risk = properties(schema)["risk"]
    assert risk["additionalProperties"] is False
    assert risk["properties"]["max_gross"] == {"type": "number", "default": 3.0}
    assert risk["properties"]["leverage"]["type"] == "object"
    assert properties(properties(schema)["exits"])["tier_gains"]["items"] == {"type": "number"}
    assert properties(schema)["strategies"]["additionalProperties"]["type"] == "object"


def test_secrets_of_the_settings_are_masked_in_every_log_line() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Venue:
        api_key: Secret = field(default_factory=Secret)
        name: str = "aster"

    given = {"venue": Venue(api_key=Secret("hunter2hunter2")), "other": Venue()}
    assert settings.secret_values(given) == ["hunter2hunter2"]
    log.conceal(settings.secret_values(given))
    assert log.redact_text("signed with hunter2hunter2") == "signed with ***"
    log._known.clear()
