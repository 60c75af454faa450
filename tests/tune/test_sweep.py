"""``python -m tune.sweep``: the local sweep's numbers, from trials of Ray Tune."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aster_ray.cli import main as aster
from aster_ray.cli import output
from tune import blocks, node
from tune.sweep import main

MARKET = ["--strategy", "momentum", "--symbols", "BTC", "--timeframe", "4h", "--from", "2025-01-01"]
GRID = ["--grid", "fast=5:20:5", "--grid", "slow=15,30,60"]


def result_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "block_size", lambda *_: 3)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node", "small_blocks")
@pytest.mark.parametrize("metric", ["sharpe", "max_drawdown"])
def test_rows_are_those_of_the_local_sweep(
    metric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*MARKET, *GRID, "--json", "--metric", metric]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 0
    found = result_of(capsys)
    assert aster(["sweep", *asked]) == 0
    local = result_of(capsys)
    assert {key: found[key] for key in local} == local
    assert found["sets"] == 10  # fast below slow
    written = tmp_path / "out" / "sweep.json"
    assert json.loads(written.read_text()) == found
    assert list((tmp_path / "out").iterdir()) == [written]
    assert found["selection"]["tried"] == 10
    assert 0.0 < found["selection"]["deflated"] < 1.0


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node", "small_blocks")
def test_the_best_sets_are_judged_on_bars_the_search_never_saw(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = [*MARKET, *GRID, "--json"]
    draw = ["--samples", "6", "--seed", "5", "--top", "2"]
    assert main([*asked, *draw, "--holdout", "0.4"]) == 0
    found = result_of(capsys)
    cut = found["holdout"]["from_ms"]
    first = found["holdout"]["rows"]
    assert len(first) == 2
    assert [row["fitted"] for row in first] == [row["sharpe"] for row in found["rows"][:2]]
    assert len(found["rows"]) == 6
    until, since = (_text(cut), _text(cut))
    # The same sets on the two periods by the plain sweep; times given as moments end before them.
    assert aster(["sweep", *asked, "--to", until, "--seed", "5"]) == 0
    fitted = {(row["fast"], row["slow"]): row for row in result_of(capsys)["rows"]}
    for row in found["rows"]:
        assert fitted[row["fast"], row["slow"]] == row
    market = [part for part in asked if part not in ("--from", "2025-01-01")]
    assert aster(["sweep", *market, "--from", since, "--seed", "5"]) == 0
    later = {(row["fast"], row["slow"]): row for row in result_of(capsys)["rows"]}
    for row in first:
        # Anchored elsewhere, averages differ in the last digits; trades do not.
        plain = later[row["fast"], row["slow"]]
        assert row["held_out"] == pytest.approx(plain["sharpe"], rel=1e-3)
        assert row["held_out_outcome"]["round_trips"] == plain["round_trips"]


def _text(ms: int) -> str:
    from aster_ray.data.columns import moment

    return moment(ms).replace(" ", "T").removesuffix("Z")


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node")
def test_a_guided_search_is_the_same_for_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*MARKET, "--grid", "fast=3:40", "--grid", "slow=10:120", "--json"]
    asked += ["--search", "optuna", "--samples", "50"]
    results = []
    for seed in ("1", "1", "2"):
        assert main([*asked, "--seed", seed, "--data", ""]) == 0
        results.append(result_of(capsys))
    assert results[0] == results[1]
    assert results[0]["sets"] == 50
    drawn = [{(row["fast"], row["slow"]) for row in one["rows"]} for one in results]
    assert len(drawn[0]) == 50
    assert drawn[0] != drawn[2]
    assert all(fast < slow for fast, slow in drawn[0])


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node", "small_blocks")
def test_an_interrupted_sweep_is_continued_to_the_same_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [*MARKET, *GRID, "--json"]
    out = tmp_path / "out"

    @contextmanager
    def interrupting(*_: object) -> Iterator[output.Progress]:
        def interrupt(done: int, total: int) -> None:
            if done < total:
                os.kill(os.getpid(), signal.SIGINT)

        yield interrupt

    with monkeypatch.context() as patch:
        patch.setattr(output, "progress", interrupting)
        assert main([*asked, "--out", str(out)]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"--resume {out}" in captured.err
    assert (out / "tune" / "request.json").is_file()
    assert not (out / "sweep.json").exists()

    assert main([*asked, "--out", str(out)]) == 2
    assert "holds an interrupted sweep" in capsys.readouterr().err
    assert main([*asked, "--resume", str(out), "--capital", "500"]) == 2
    assert "is a sweep of other data, settings or sets" in capsys.readouterr().err

    record = out / "tune" / "request.json"
    kept = record.read_text()
    record.write_text(kept[:20])
    assert main([*asked, "--resume", str(out)]) == 2
    assert "request.json is damaged: begin the sweep anew" in capsys.readouterr().err
    record.write_text(kept)

    assert main([*asked, "--resume", str(out)]) == 0
    found = result_of(capsys)
    assert aster(["sweep", *asked]) == 0
    assert found["rows"] == result_of(capsys)["rows"]
    assert [path.name for path in out.iterdir()] == ["sweep.json"]


FAULTS = {
    "no grid": ([], "needs a grid"),
    "a grid with samples": ([*GRID, "--samples", "3", "--search", "grid"], "takes no --samples"),
    "a draw without a count": ([*GRID, "--search", "random"], "needs --samples"),
    "an unknown search": ([*GRID, "--search", "luck"], "must be one of grid, random, optuna"),
    "an unknown metric": ([*GRID, "--metric", "beauty"], "--metric 'beauty' must be one of sharpe"),
    "an unknown parameter": (["--grid", "width=1,2"], "has no parameter 'width'"),
    "a holdout of everything": ([*GRID, "--holdout", "1"], "--holdout must lie above 0"),
    "a holdout of nothing": ([*GRID, "--holdout", "0.0001"], "fewer than 50 on one side"),
    "no allowed set": (["--grid", "fast=50", "--grid", "slow=20"], "fast must be below slow"),
    "nothing to resume": ([*GRID, "--resume", "nowhere"], "holds no interrupted sweep"),
    "a guided search to resume": (
        [*GRID, "--search", "optuna", "--samples", "9", "--resume", "nowhere"],
        "continues grid and random searches",
    ),
    "a folder of data that is none": ([*GRID, "--data", "nowhere"], "does not exist"),
    "more samples than anybody waits for": (
        [*GRID, "--samples", "100001"],
        "Invalid value for '--samples'",
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_bad_input_is_one_line_and_starts_no_ray(
    fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def started() -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(node, "ray_node", started)
    arguments, message = FAULTS[fault]
    assert main([*MARKET, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert message in captured.err
