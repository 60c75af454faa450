"""What a person reads of a run, a sweep, a comparison or a catalog."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aster_ray.cli import strategy
from aster_ray.cli.tables import (
    Render,
    comparison_table,
    quality_table,
    run_table,
    series_table,
    sweep_table,
)

NOON_MS = 1_735_732_800_000  # 2025-01-01 12:00 UTC
PLACE = Path("runs/one")


def printed(render: Render, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        render(console)
    return capture.get()


def words(text: str) -> str:
    return " ".join(text.split())


REPORT: dict[str, Any] = {
    "run": {"run_id": "backtest-1"},
    "data": {"symbols": ["BTCUSDT"], "missing": ["no mark price"], "notes": ["gaps were kept"]},
    "period": {"from": "2025-01-01", "to": "2025-02-01", "bars": 1_234},
    "summary": {
        "strategy": {"total_return": 0.1234, "sharpe": 1.5, "round_trips": 1_200, "calmar": None},
        "buy_and_hold": {"total_return": -0.05, "sharpe": 0.01234},
    },
    "waterfall": {"gross": 120.0, "fees": -20.5, "net": 99.5},
    "by_strategy": {"momentum": {"round_trips": 3, "win_rate": 0.5, "net": 99.5}},
    "exit_reasons": {"stop": {"round_trips": 2}, "halt": {"round_trips": 0}, "text": "ignored"},
    "denials": {"DAILY_OPENS": 4, "MARGIN": 0},
    "risk": {"liquidations": 1, "halted_at": "2025-01-20 00:00"},
    "session": {
        "restarts": {"risk": {"count": 2, "longest_ms": 1.5}, "feed": {"count": 0}, "all": 2},
        "latency": {"median_ms": 90_000_000.0, "closes": 1_000},
        "held_ms": 260_000_000,
        "wall_ms": 83_602.73,
        "commands": ["not shown"],
        "dropped": {},
        "execution": {
            "BTCUSDT market": {
                "orders": 1_053,
                "children": 1_060,
                "notional": 1_235_994.5605,
                "filled": 0.5,
                "delay_bps": 0.0,
                "spread_bps": 0.0,
                "impact_bps": -1.92,
                "fees_bps": 4.0,
                "opportunity_bps": 0.0,
                "total_bps": 2.08,
                "total": 257.09,
                "maker": 0.25,
                "mean_bps": 2.5,
                "mean_low_bps": -1.25,
                "mean_high_bps": 6.5,
            },
            "ETHUSDT twap": {
                "orders": 2,
                "notional": 50.0,
                "filled": 0.0,
                "total_bps": 0.5,
                "total": 0.0025,
                "mean_bps": 0.5,
                "mean_low_bps": None,
                "mean_high_bps": None,
            },
            "orders": [{"symbol": "BTCUSDT"}],
        },
        "resumed": True,
    },
}


def test_a_run_shows_its_numbers_its_exits_and_its_warnings() -> None:
    text = words(printed(run_table(REPORT, PLACE)))
    assert text.startswith("run backtest-1: BTCUSDT 2025-01-01 to 2025-02-01, 1,234 bars")
    assert "total return 12.34% -5.00%" in text
    assert "sharpe 1.50 0.01234" in text
    assert "round trips 1,200 -" in text  # buying and holding has none
    assert "calmar - -" in text
    assert "profit: gross 120.00 -> fees -20.50 -> net 99.50" in text
    assert "momentum 3 50.00% - - - - 99.50" in text
    assert "exits: stop 2 denied: DAILY_OPENS 4 liquidations: 1" in text
    assert "note: no mark price note: gaps were kept" in text
    assert "halted at 2025-01-20 00:00 written to runs/one" in text


def test_a_session_shows_tables_lines_and_single_numbers_but_no_lists() -> None:
    text = words(printed(run_table(REPORT, PLACE)))
    assert "restarts count longest" in text
    assert "risk 2 1.50 ms" in text
    assert "feed 0 -" in text
    assert "latency: median 25.0 h, closes 1,000" in text
    assert "held: 3.0 d wall: 83.6 s" in text
    assert "dropped: none" in text
    assert "resumed: True" in text
    assert "not shown" not in text


def test_what_executions_cost_is_told_apart_from_luck_and_without_empty_columns() -> None:
    text = words(printed(run_table(REPORT, PLACE)))
    heading = "execution orders notional filled total total bps maker fees bps impact bps"
    assert f"{heading} mean bps (95 %) ─" in text
    first = "BTCUSDT market 1,053 1,235,994.56 50.00% 257.09 2.08 25.00% 4.00 -1.92"
    assert f"{first} 2.50 (-1.25 to 6.50) ETHUSDT" in text
    assert "ETHUSDT twap 2 50.00 0.00% 0.0025 0.5 - - - 0.5 resumed" in text


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_no_number_is_cut_however_narrow_the_terminal(width: int) -> None:
    text = printed(run_table(REPORT, PLACE), width)
    assert "…" not in text
    assert ("1,235,994.56" in text) == (width == 160)


def test_a_report_that_lacks_nearly_everything_is_still_shown() -> None:
    text = words(printed(run_table({}, PLACE)))
    assert text.startswith("run -: - to -, 0 bars")
    assert text.endswith("written to runs/one")
    for word in ("profit", "exits", "denied", "liquidations", "halted", "note", "round trips"):
        assert word not in text


SWEEP = {
    "metric": "sharpe",
    "sets": 2,
    "anchor": "2025-01-01",
    "warmup": 1_200,
    "rows": [
        {"bars": 24.0, "sharpe": 2.0, "total_return": 0.1, "win_rate": None},
        {"bars": 48.5, "sharpe": -0.001, "total_return": -0.1, "win_rate": 0.25},
    ],
}


def test_a_sweep_shows_its_best_sets_and_how_to_run_the_first_again() -> None:
    text = words(printed(sweep_table(SWEEP, ("bars",), 20)))
    assert "24 2.00 10.00% - 48.5 -0.001 -10.00% 25.00%" in text
    assert "2 sets, by sharpe" in text
    assert "as warm-up; the first row again, to the bit: aster backtest --param bars=24" in text
    assert "--warmup 1200" in text
    assert "48.5" not in printed(sweep_table(SWEEP, ("bars",), 1))


def test_a_sweep_without_rows_or_without_a_warm_up_promises_no_repetition() -> None:
    nothing = printed(sweep_table(SWEEP | {"rows": [], "sets": 0}, ("bars",), 20))
    assert "bars" in nothing
    plain = {key: value for key, value in SWEEP.items() if key != "warmup"}
    for text in (nothing, printed(sweep_table(plain, ("bars",), 20))):
        assert "aster backtest" not in text


def luck(**changes: Any) -> dict[str, Any]:
    row = {
        "name": "b",
        "daily_sharpe_difference": 0.5,
        "interval": {"low": -0.1, "high": 1.0},
        "undefined": None,
    }
    return row | changes


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (luck(), "b less a: daily Sharpe +0.50 (95 % interval -0.10 to 1.00), cannot be told"),
        (luck(interval={"low": 0.1, "high": 1.0}), "(95 % interval 0.10 to 1.00), more than luck"),
        (luck(interval={"low": -2.0, "high": -0.1}), "-2.00 to -0.10), more than luck"),
        (luck(interval=None, undefined="too short"), "b less a: too short"),
        (luck(daily_sharpe_difference=None, undefined="no days"), "b less a: no days"),
    ],
)
def test_a_comparison_says_whether_a_difference_is_more_than_luck(
    row: dict[str, Any], told: str
) -> None:
    text = words(printed(comparison_table(comparison(beside_first=[row]), PLACE)))
    assert told in text


def comparison(**changes: Any) -> dict[str, Any]:
    return {
        "period": {"from": "2025-01-01", "to": "2025-02-01"},
        "measured_over": "744 common bars",
        "runs": [{"name": "a"}, {"name": "b"}],
        "measures": {
            "total_return": {"values": [0.1, 0.08], "differences": [-0.02]},
            "sharpe": {"values": [1.0, 1.5], "differences": [0.5]},
            "calmar": {"values": [None, 2.0], "differences": [None]},
            "round_trips": {"values": [7, 7], "differences": [0]},
        },
        "beside_first": [],
        "warnings": ["other fees"],
    } | changes


def test_a_comparison_puts_a_difference_beside_each_other_run() -> None:
    text = words(printed(comparison_table(comparison(), PLACE)))
    assert text.startswith("2025-01-01 to 2025-02-01, 744 common bars")
    assert "total return 10.00% 8.00% -2.00 points" in text
    assert "sharpe 1.00 1.50 +0.5" in text
    assert "calmar - 2.00 -" in text
    assert "round trips 7 7 0" in text
    assert "warning: other fees written to runs/one" in text


SERIES = {
    "origin": "btc.csv",
    "venue": "aster",
    "market": "perp",
    "symbol": "BTCUSDT",
    "kind": "bars",
    "timeframe": "1h",
    "rows": 1_000,
    "first_ms": NOON_MS,
    "last_ms": NOON_MS + 86_400_000,
    "missing_bars": 3,
    "warnings": [],
}


def test_series_are_listed_with_their_extent_and_what_was_ignored() -> None:
    payload = {"series": [SERIES], "ignored": [{"file": "notes.txt", "reason": "no table"}]}
    text = words(printed(series_table(payload)))
    extent = "2025-01-01 12:00 2025-01-02 12:00"
    assert f"aster perp BTCUSDT bars 1h 1,000 {extent}" in text
    assert "ignored notes.txt: no table" in text
    text = words(printed(quality_table(payload)))
    assert f"btc.csv 1,000 {extent} 3 none" in text
    noisy = SERIES | {"warnings": ["a gap", "no volume"]}
    assert "3 a gap; no volume" in words(printed(quality_table({"series": [noisy], "ignored": []})))


def test_strategies_are_listed_with_their_parameters() -> None:
    item = {"name": "bars", "default": 24.0, "low": 1.0, "high": 240.0, "doc": "look-back"}
    payload = {"strategies": [{"name": "m", "summary": "goes along", "parameters": [item]}]}
    text = words(printed(strategy._table(payload)))
    assert text.startswith("m: goes along")
    assert text.endswith("bars 24 1 240 look-back")
