"""Light verbs end to end: configuration, strategies, data, and the options of runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli, settings
from aster_ray.cli import api
from aster_ray.cli.options import RunOptions

Capture = pytest.CaptureFixture[str]
Answer = Callable[..., dict[str, Any]]


def test_show_merges_every_source(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("[session]\ncapital = 1\nseed = 2\n[risk]\nmax_gross = 2\n")
    monkeypatch.setenv("ASTER__SESSION__SEED", "3")
    monkeypatch.setenv("ASTER__RISK__MAX_GROSS", "4")
    shown = answer("config", "show", "--config", "mine.toml", "--seed", "5", "--symbols", "BTC,ETH")
    assert shown["session"]["capital"] == 1.0
    assert shown["session"]["seed"] == 5
    assert shown["risk"]["max_gross"] == 4.0
    assert shown["data"]["symbols"] == ["BTC", "ETH"]


def test_what_show_prints_is_a_file_that_means_the_same(capsys: Capture, tmp_path: Path) -> None:
    fast = "strategies.momentum.fast=12"
    arguments = ["--risk", "aggressive", "--set", fast, "--from", "2024-01-01"]
    assert cli.main(["config", "show", *arguments]) == 0
    text = capsys.readouterr().out
    tomllib.loads(text)
    (tmp_path / "copy.toml").write_text(text)
    expected = api.load_settings(
        options={"risk": "aggressive", "start": "2024-01-01"}, assignments=[fast]
    )
    assert settings.load(tmp_path / "copy.toml", {}) == expected


def test_check_says_yes_and_the_schema_names_sections(answer: Answer) -> None:
    assert answer("config", "check", "--param", "momentum.fast=12")["ok"] is True
    assert set(answer("config", "schema")["properties"]) == set(settings.SECTIONS)


def test_results_are_written_below_out(answer: Answer, tmp_path: Path) -> None:
    shown = answer("config", "show", "--out", "results/deep")
    written = tmp_path / "results" / "deep" / "config.json"
    assert json.loads(written.read_text()) == shown
    assert [path.name for path in written.parent.iterdir()] == ["config.json"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["deep"]


def test_strategies_are_listed_with_their_bounds(answer: Answer) -> None:
    listed = {item["name"]: item for item in answer("strategy", "list")["strategies"]}
    assert {"momentum", "mean_reversion", "volatility", "grid"} <= set(listed)
    for item in listed.values():
        assert item["summary"]
        for parameter in item["parameters"]:
            assert parameter["low"] <= parameter["default"] <= parameter["high"]


def test_a_new_strategy_is_accepted_as_it_is(
    answer: Answer, capsys: Capture, tmp_path: Path
) -> None:
    assert Path(answer("strategy", "new", "my_idea")["file"]) == Path("my_idea.py")
    assert answer("config", "check", "--strategy", "my_idea.py")["ok"] is True
    assert cli.main(["strategy", "new", "my_idea"]) == 2
    assert "already there" in capsys.readouterr().err


def test_the_built_in_market_is_listed(answer: Answer) -> None:
    symbols = {row["symbol"] for row in answer("data", "list")["series"]}
    assert symbols == {f"{base}USDT" for base in ("BTC", "ETH", "SOL", "SUI", "ASTER", "PENGU")}


def test_recorded_data_is_imported_and_verified(
    answer: Answer, capsys: Capture, recorded_data: Path, tmp_path: Path
) -> None:
    source = recorded_data / "binance_um_SUIUSDT_1h.parquet"
    imported = answer("data", "import", str(source), "catalog")
    assert imported["rows"] > 0
    verified = answer("data", "verify", "--data", "catalog")
    assert verified["rows"] == imported["rows"]
    assert str(tmp_path) not in json.dumps(verified)
    assert cli.main(["data", "list", "--data", "catalog"]) == 0
    assert "SUIUSDT" in capsys.readouterr().out


def test_symbols_that_a_script_left_empty_are_not_all_of_them(capsys: Capture) -> None:
    for verb in ("backtest", "paper", "sweep"):
        assert cli.main([verb, "--symbols", ""]) == 2
        assert "--symbols is empty: name symbols, or leave it out" in capsys.readouterr().err


def test_every_run_option_stands_for_a_setting() -> None:
    plain = {"as_json", "config", "out", "settings", "strategy", "param"}
    assert set(RunOptions.__dataclass_fields__) - plain == set(api.OPTION_PATHS) - {
        "speed",
        "venue",
    }
    for section, key in api.OPTION_PATHS.values():
        assert key in settings.SECTIONS[section].__dataclass_fields__
