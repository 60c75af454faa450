"""Runs from the command line and from Python: the same results, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aster_ray
from aster_ray import cli
from aster_ray.cli import tables

Capture = pytest.CaptureFixture[str]
Answer = Callable[..., dict[str, Any]]
SHORT = ["--strategy", "momentum", "--symbols", "BTC,SOL", "--to", "2025-03-31"]
FILES = {"report.json", "report.html", "equity.parquet", "trades.parquet", "orders.parquet"}
HOUR_MS = 3_600_000
FIRST_MS = 1_704_067_200_000


def test_a_run_is_the_same_bytes_twice_wherever_it_is_written(
    answer: Answer, tmp_path: Path
) -> None:
    printed = answer("backtest", *SHORT, "--out", "one")
    assert answer("backtest", *SHORT, "--out", "two/deep") == printed
    first, second = tmp_path / "one", tmp_path / "two" / "deep"
    assert {path.name for path in first.iterdir()} >= FILES
    assert (first / "report.json").read_bytes() == (second / "report.json").read_bytes()
    assert str(tmp_path) not in (first / "report.json").read_text()
    assert json.loads((first / "report.json").read_text()) == printed


def test_a_run_without_a_place_goes_below_runs_and_can_be_printed_again(
    answer: Answer, capsys: Capture, tmp_path: Path
) -> None:
    assert cli.main(["backtest", *SHORT]) == 0
    text = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"run {folder.name}" in text
    assert "buy and hold" in text
    assert "profit: gross" in text
    assert cli.main(["report", str(folder.relative_to(tmp_path))]) == 0
    assert capsys.readouterr().out == text
    assert answer("report", str(folder))["run"]["run_id"] == folder.name


def test_python_gives_what_the_command_gives(answer: Answer, tmp_path: Path) -> None:
    options = ["--param", "fast=12", "--capital", "5000", "--set", "costs.taker_fee=0.001"]
    printed = answer("backtest", *SHORT, *options, "--out", "cli")
    result = aster_ray.backtest(
        "momentum",
        params={"fast": 12},
        settings={"costs.taker_fee": 0.001},
        out="python",
        symbols=["BTC", "SOL"],
        end="2025-03-31",
        capital=5_000,
    )
    assert result.report == printed
    assert (tmp_path / "python" / "report.json").read_bytes() == (
        tmp_path / "cli" / "report.json"
    ).read_bytes()


def test_python_refuses_what_the_command_refuses() -> None:
    with pytest.raises(aster_ray.errors.ConfigError, match="unknown option 'capitol'"):
        aster_ray.backtest("momentum", capitol=5)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        aster_ray.nothing  # noqa: B018


def test_a_sweep_is_the_same_from_python_and_names_its_best_first(
    answer: Answer, capsys: Capture, tmp_path: Path
) -> None:
    grid = ["--grid", "fast=8:24:8", "--grid", "slow=40,80"]
    printed = answer("sweep", *SHORT, *grid, "--out", "sweep")
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text()) == printed
    assert printed["sets"] == len(printed["rows"]) == 6
    ranked = [row[printed["metric"]] for row in printed["rows"]]
    assert ranked == sorted(ranked, reverse=True)
    result = aster_ray.sweep(
        "momentum",
        {"fast": "8:24:8", "slow": [40, 80]},
        symbols="BTC,SOL",
        end="2025-03-31",
    )
    assert result.rows == printed["rows"]
    assert cli.main(["sweep", *SHORT, *grid, "--top", "2"]) == 0
    shown = capsys.readouterr().out
    assert "6 sets, by" in shown
    assert "the best of 6 is better than it will be: `python -m tune.sweep --holdout" in shown


def test_a_row_of_a_sweep_is_a_backtest_with_its_warmup_to_the_bit(
    answer: Answer, capsys: Capture
) -> None:
    grid = ["--grid", "fast=8,24", "--grid", "slow=40,80"]
    printed = answer("sweep", *SHORT, *grid)
    assert printed["warmup"] == 4 * 80 + 1
    assert printed["anchor"] == "2025-01-01T00:00:00Z"
    for row in printed["rows"]:
        params = [f"--param={name}={row[name]:g}" for name in ("fast", "slow")]
        report = answer("backtest", *SHORT, *params, "--warmup", str(printed["warmup"]))
        assert report["period"]["warmup_bars"] == printed["warmup"]
        assert row["total_return"] == report["summary"]["strategy"]["total_return"]
        assert row["max_drawdown"] == report["summary"]["strategy"]["max_drawdown"]
        assert row["round_trips"] == report["round_trips"]["all"]["round_trips"]
        assert row["denials"] == sum(report["denials"].values())
        for name in ("fees", "funding", "slippage"):
            assert row[name] == pytest.approx(-report["waterfall"][name], rel=1e-12)
    short = next(row for row in printed["rows"] if (row["fast"], row["slow"]) == (8, 40))
    alone = answer("backtest", *SHORT, "--param=fast=8", "--param=slow=40")
    assert alone["period"]["warmup_bars"] == 4 * 40 + 1
    assert alone["summary"]["strategy"]["total_return"] != short["total_return"]
    assert cli.main(["sweep", *SHORT, *grid]) == 0
    text = " ".join(capsys.readouterr().out.split())
    best = printed["rows"][0]
    again = f"--param fast={best['fast']:g} --param slow={best['slow']:g} --warmup 321"
    assert f"aster backtest {again}" in text


def test_price_jumps_are_notes_of_the_run(answer: Answer, tmp_path: Path) -> None:
    rows = [
        [FIRST_MS + row * HOUR_MS, *([100.0 + 0.01 * (row % 7)] * 4), 10.0] for row in range(300)
    ]
    rows[250][1:5] = [1_000.0, 1_000.0, 1_000.0, 1_000.0]
    write(tmp_path / "data", rows)
    notes = answer("backtest", "--strategy", "grid", "--data", "data")["data"]["notes"]
    (note,) = [note for note in notes if "jump" in note]
    assert note.startswith("BTCUSDT: 2 price jumps out of proportion: +8")
    assert "2024-01-11 10:00" in note


def test_seed_changes_the_built_in_market(answer: Answer) -> None:
    base = answer("backtest", *SHORT)
    other = answer("backtest", *SHORT, "--seed", "8")
    assert base["run"]["data"] != other["run"]["data"]
    assert base["run"]["run_id"] != other["run"]["run_id"]


def bars() -> list[list[float]]:
    """Return forty good hourly bars as rows of a file."""
    return [
        [FIRST_MS + row * HOUR_MS, 100.0 + row, 101.0 + row, 99.0 + row, 100.5 + row, 10.0]
        for row in range(40)
    ]


def write(folder: Path, rows: list[list[float]]) -> None:
    lines = ["ts,open,high,low,close,volume"]
    lines += [",".join(str(value) for value in row) for row in rows]
    folder.mkdir()
    (folder / "binance_um_BTCUSDT_1h.csv").write_text("\n".join(lines) + "\n")


def damaged(kind: str) -> list[list[float]]:
    rows = bars()
    if kind == "nan":
        rows[20][4] = float("nan")
    elif kind == "negative":
        rows[20][3] = -1.0
    elif kind == "unsorted":
        rows[20], rows[21] = rows[21], rows[20]
    elif kind == "duplicate":
        rows[20] = list(rows[19])
    elif kind == "impossible":
        rows[20][2] = rows[20][3] - 1.0
    return rows


@pytest.mark.parametrize("kind", ["nan", "negative", "unsorted", "duplicate", "impossible"])
def test_untrustworthy_bars_end_a_run_before_it_begins(
    capsys: Capture, tmp_path: Path, kind: str
) -> None:
    write(tmp_path / "data", damaged(kind))
    assert cli.main(["backtest", "--strategy", "grid", "--data", "data"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "BTCUSDT" in err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_gaps_are_forbidden_on_request(capsys: Capture, tmp_path: Path) -> None:
    rows = bars()
    del rows[20]
    write(tmp_path / "data", rows)
    arguments = ["backtest", "--strategy", "grid", "--data", "data", "--gaps", "forbid"]
    assert cli.main(arguments) == 2
    assert "missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("sharpe", None, "-"),
        ("max_drawdown", 0.1234, "12.34%"),
        ("trips", 12_345, "12,345"),
        ("net", -1234.5, "-1,234.50"),
        ("profit_factor", 0.12341, "0.1234"),
        ("longest_drawdown_ms", 72 * HOUR_MS, "3.0 d"),
        ("average_holding_ms", 5 * HOUR_MS, "5.0 h"),
        ("p99_ms", 1.5, "1.50 ms"),
        ("state", "done", "done"),
    ],
)
def test_numbers_are_shown_with_their_unit(name: str, value: object, shown: str) -> None:
    assert tables._measure(name, value) == shown


def test_runs_are_compared_side_by_side(answer: Answer, capsys: Capture, tmp_path: Path) -> None:
    first = answer("backtest", *SHORT, "--out", "one")
    second = answer("backtest", *SHORT, "--param", "fast=12", "--out", "two")
    assert cli.main(["report", "one", "two"]) == 0
    text = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {"compare.html", "compare.json"}
    assert f"written to runs/{folder.name}" in text
    assert "two less one: daily Sharpe" in text
    assert "warning" not in text
    printed = answer("report", "one", "two", "--out", "both")
    assert (tmp_path / "both" / "compare.json").read_bytes() == (
        folder / "compare.json"
    ).read_bytes()
    assert json.loads((folder / "compare.json").read_text()) == printed
    nets = [run["waterfall"]["net"] for run in (first, second)]
    assert printed["measures"]["net"] == {
        "values": nets,
        "differences": [nets[1] - nets[0]],
        "of": "common time",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one", "one"], "named twice"),
        (["one", "absent"], "no report at absent"),
        (["one", "two", "--out", "one/report.json"], "is a file"),
        (["one", "two", "--seed", "-1"], "--seed must be a whole number from 0 on, was -1"),
    ],
)
def test_a_comparison_that_cannot_be_made_writes_nothing(
    answer: Answer, capsys: Capture, arguments: list[str], words: str
) -> None:
    answer("backtest", *SHORT, "--to", "2025-01-31", "--out", "one")
    shutil.copytree("one", "two")
    before = sorted(Path().rglob("*"))
    assert cli.main(["report", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert sorted(Path().rglob("*")) == before
