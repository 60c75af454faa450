from __future__ import annotations

import json
from dataclasses import replace
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from aster_ray.metrics.facts import RunFacts, no_fills, no_orders
from aster_ray.metrics.files import to_json
from aster_ray.metrics.report import build_report, iso, plain
from tests.aster_ray.metrics.conftest import two_months

SECTIONS = [
    "format",
    "run",
    "period",
    "summary",
    "caveats",
    "waterfall",
    "round_trips",
    "extreme_round_trips",
    "by_symbol",
    "by_strategy",
    "by_sleeve",
    "by_side",
    "exit_reasons",
    "monthly_returns",
    "yearly_returns",
    "rolling_sharpe",
    "drawdowns",
    "resampled",
    "activity",
    "denials",
    "open_positions",
    "risk",
    "costs",
    "data",
    "config",
]


def test_sections_come_in_a_fixed_order(facts: RunFacts) -> None:
    assert list(build_report(facts)) == SECTIONS
    assert list(build_report(two_months(session={"hops": {}}))) == [*SECTIONS, "session"]


def test_equal_facts_give_equal_bytes(facts: RunFacts) -> None:
    assert to_json(build_report(facts)) == to_json(build_report(two_months()))


def test_order_of_keys_in_the_configuration_does_not_matter(facts: RunFacts) -> None:
    turned = {name: dict(reversed(part.items())) for name, part in facts.config.items()}
    other = two_months(config=dict(reversed(turned.items())))
    assert to_json(build_report(other)) == to_json(build_report(facts))


def test_one_different_fill_gives_different_bytes(facts: RunFacts) -> None:
    fills = facts.fills.copy()
    fills["fee"][0] += 1e-9
    assert to_json(build_report(replace(facts, fills=fills))) != to_json(build_report(facts))


def test_numbers_of_the_report_agree_with_one_another(facts: RunFacts) -> None:
    report = build_report(facts)
    change = facts.equity[-1] - facts.capital
    assert report["waterfall"]["net"] == pytest.approx(change)
    assert report["summary"]["strategy"]["profit"] == pytest.approx(change)
    for cut in ("by_symbol", "by_strategy"):
        assert sum(row["net"] for row in report[cut].values()) == pytest.approx(change)
    assert sum(row["net"] for row in report["by_sleeve"]) == pytest.approx(change)
    deepest = report["drawdowns"][0]
    assert deepest["depth"] == report["risk"]["max_drawdown"]
    assert iso(deepest["peak_ms"]) == report["risk"]["peak_at"]
    assert iso(deepest["trough_ms"]) == report["risk"]["trough_at"]
    assert report["yearly_returns"] == {
        "2024": pytest.approx(report["summary"]["strategy"]["total_return"])
    }
    closed = report["round_trips"]["all"]
    assert closed["round_trips"] == 29
    for cut in ("by_side", "exit_reasons"):
        assert sum(row["net"] for row in report[cut].values()) == pytest.approx(closed["net"])
    held = sum(row["net"] for row in report["open_positions"])
    assert closed["net"] + held == pytest.approx(change)


def test_period_denials_and_positions(facts: RunFacts) -> None:
    report = build_report(facts)
    assert report["period"]["from"] == "2024-01-01T00:00:00Z"
    assert report["period"]["to"] == "2024-03-01T00:00:00Z"
    assert (report["period"]["days"], report["period"]["bars"]) == (60.0, 1_440)
    assert report["denials"] == {"drawdown": 3, "no_edge": 1}
    (held,) = report["open_positions"]
    assert (held["symbol"], held["level"], held["qty"]) == ("ETHUSDT", 1, 1.0)
    assert report["activity"]["orders_by_state"] == {"filled": 1}
    assert report["activity"]["fills_by_kind"] == {"market": 58, "funding": 29, "ladder_entry": 1}
    assert list(report["monthly_returns"]) == ["2024-01", "2024-02"]
    assert report["run"]["run_id"] == "0123456789abcdef"
    assert report["data"]["notes"] == ["ETHUSDT: no funding recorded"]


def test_a_note_about_missing_data_is_said_once(facts: RunFacts) -> None:
    market = replace(facts.market, missing=("ETHUSDT: no mark price",))
    noted = replace(facts, market=market, notes=("ETHUSDT: no mark price", "seen"))
    data = build_report(noted)["data"]
    assert (data["missing"], data["notes"]) == (["ETHUSDT: no mark price"], ["seen"])


def test_costs_are_stated_per_symbol_and_the_currency_once(facts: RunFacts) -> None:
    report = build_report(facts)
    assert report["costs"]["by_symbol"]["ETHUSDT"] == {"taker_fee": 0.001, "market_order": 0.0005}
    assert report["data"]["quote"] == "USDT"
    costly = two_months(config={"costs": {"taker_fee": 0.001}})
    assert build_report(costly)["costs"]["settings"] == {"taker_fee": 0.001}


def test_halt_and_liquidations_are_named() -> None:
    risk = build_report(two_months(halted_ms=1_704_070_800_000, liquidations=2))["risk"]
    assert (risk["halted_at"], risk["liquidations"]) == ("2024-01-01T01:00:00Z", 2)
    assert risk["daily_value_at_risk"] is not None


@pytest.mark.parametrize("bars", [0, 1, 2])
def test_a_run_too_short_to_measure_still_reports(facts: RunFacts, bars: int) -> None:
    short = replace(
        facts,
        close_ms=facts.close_ms[:bars],
        equity=np.full(bars, facts.capital),
        gross=np.zeros(bars),
        fills=no_fills(),
        orders=no_orders(),
    )
    report = build_report(short)
    assert report["summary"]["strategy"]["sharpe"] is None
    assert report["summary"]["confidence"]["strategy"]["sharpe"] is None
    assert report["round_trips"]["all"]["win_rate"] is None
    json.dumps(report, allow_nan=False)


def test_ruin_reports_the_loss_and_leaves_ratios_undefined(facts: RunFacts) -> None:
    equity = facts.equity.copy()
    equity[-1] = -1.0
    report = build_report(replace(facts, equity=equity))
    mine = report["summary"]["strategy"]
    assert mine["total_return"] == pytest.approx(-1.0001)
    assert (mine["sharpe"], mine["cagr"], mine["calmar"]) == (None, None, None)
    assert report["risk"]["peak_leverage"] is None


class Colour(IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (np.float64("inf"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (Colour.RED, 3),
        ((1, 2.5), [1, 2.5]),
        ({1: np.array([1.0, np.nan])}, {"1": [1.0, None]}),
    ],
)
def test_values_become_plain_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hold a object"):
        plain({"a": object()})


def test_moments_are_utc() -> None:
    assert iso(None) is None
    assert iso(0) == "1970-01-01T00:00:00Z"
