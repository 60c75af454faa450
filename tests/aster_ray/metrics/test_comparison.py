from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from aster_ray.errors import BadInputError
from aster_ray.metrics import performance
from aster_ray.metrics.comparison import compare, load_runs
from aster_ray.metrics.comparison_page import render_comparison
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.files import write_run_files
from aster_ray.metrics.report import build_report
from tests.aster_ray.metrics.accounts import DAY
from tests.aster_ray.metrics.conftest import START_MS, two_months

CONFIG = {"costs": {"taker_fee": 0.001}, "risk": {"profile": "standard"}}


def written(folder: Path, name: str, facts: RunFacts) -> Path:
    return write_run_files(build_report(facts), facts, folder / name)


def a_run(**changes: Any) -> RunFacts:
    return two_months(**({"config": CONFIG} | changes))


def later(facts: RunFacts, bars: int) -> RunFacts:
    """Return the same market and equity from ``bars`` bars on, as a run of its own."""
    capital = float(facts.equity[bars - 1])
    kept = facts.fills[facts.fills["ms"] > facts.close_ms[bars - 1]]
    return replace(
        facts,
        capital=capital,
        close_ms=facts.close_ms[bars:],
        equity=facts.equity[bars:],
        gross=facts.gross[bars:],
        fills=kept[:0],
    )


@pytest.mark.parametrize("lost", ["another run's", "the last row", "the order"])
def test_a_curve_that_is_not_of_the_report_beside_it_is_refused(tmp_path: Path, lost: str) -> None:
    one, two = written(tmp_path, "a", a_run()), written(tmp_path, "b", later(a_run(), 24))
    file = one / "equity.parquet"
    table = pq.read_table(file)
    if lost == "another run's":
        file.write_bytes((two / "equity.parquet").read_bytes())
    elif lost == "the last row":
        pq.write_table(table.slice(0, len(table) - 1), file)
    else:
        rows = np.arange(len(table))
        rows[[3, 4]] = rows[[4, 3]]
        pq.write_table(table.take(rows), file)
    with pytest.raises(BadInputError, match=r"a/equity\.parquet is not of this report"):
        load_runs([one, two])


def test_runs_of_equal_names_are_told_apart(tmp_path: Path) -> None:
    for place in ("x/runs", "y/runs", "y/other"):
        (tmp_path / place).mkdir(parents=True)
    one, two, three = (
        written(tmp_path / place, "paper-1", a_run()) for place in ("x/runs", "y/runs", "y/other")
    )
    names = [[run.name for run in load_runs(runs)] for runs in ([one, two], [two, three])]
    assert names == [["x/runs/paper-1", "y/runs/paper-1"], ["runs/paper-1", "other/paper-1"]]


def test_a_run_beside_itself_differs_in_nothing(tmp_path: Path) -> None:
    runs = load_runs([written(tmp_path, "a", a_run()), written(tmp_path, "b", a_run())])
    content = compare(runs, 7).content
    assert all(content["same"].values())
    assert content["warnings"] == []
    assert content["measured_over"] == "the whole runs"
    for name, row in content["measures"].items():
        assert row["differences"] in ([0], [None]), name
        assert row["values"][0] == row["values"][1]
    assert content["measures"]["sharpe"]["differences"] == [0.0]
    (beside,) = content["beside_first"]
    assert beside["daily_correlation"] == pytest.approx(1.0)
    assert beside["interval"] == {"low": 0.0, "high": 0.0}
    assert beside["days"] == 60


def test_whole_runs_keep_the_numbers_of_their_reports(tmp_path: Path) -> None:
    other = a_run(seed=1)
    equity = other.equity + np.linspace(0.0, 50.0, len(other.equity))
    other = replace(other, equity=equity)
    runs = load_runs([written(tmp_path, "a", a_run()), written(tmp_path, "b", other)])
    measures = compare(runs, 7).content["measures"]
    for place, facts in enumerate((a_run(), other)):
        summary = build_report(facts)["summary"]["strategy"]
        for name, value in summary.items():
            assert measures[name]["values"][place] == value
    gap = measures["total_return"]["differences"][0]
    assert gap == pytest.approx(50.0 / 10_000.0)


def test_different_periods_are_measured_over_their_common_time(tmp_path: Path) -> None:
    facts, bars = a_run(), 20 * 24
    runs = load_runs([written(tmp_path, "a", facts), written(tmp_path, "b", later(facts, bars))])
    found = compare(runs, 7)
    content = found.content
    assert content["period"]["from_ms"] == START_MS + 20 * DAY
    assert any("periods differ" in text for text in content["warnings"])
    assert any("capital differs" in text for text in content["warnings"])
    curve = np.concatenate([[facts.equity[bars - 1]], facts.equity[bars:]])
    sharpe = performance.sharpe(performance.returns(curve), 8_760.0)
    row = content["measures"]["sharpe"]
    assert row["values"] == pytest.approx([sharpe, sharpe])
    assert row["differences"] == pytest.approx([0.0], abs=1e-9)
    assert "final_equity" not in content["measures"]
    trips = content["measures"]["round_trips"]
    assert trips["of"] == "whole run"
    assert trips["differences"] == [None]
    assert found.growth[:, 0].tolist() == [1.0, 1.0]
    assert found.growth[0] == pytest.approx(found.growth[1])
    assert found.drawdown.max() == pytest.approx(performance.max_drawdown(curve))


@pytest.mark.parametrize(
    ("changes", "aspect", "words"),
    [
        (
            {"config": CONFIG | {"costs": {"taker_fee": 0.002}}},
            "costs",
            "costs differ: taker_fee 0.001 | 0.002",
        ),
        (
            {"config": CONFIG | {"risk": {"profile": "off"}}},
            "risk",
            "risk differ: profile standard | off",
        ),
        ({"provenance": {"run_id": "x", "sources": "y"}}, "code", "the code that ran differs"),
    ],
)
def test_what_else_differs_is_said(
    tmp_path: Path, changes: dict[str, Any], aspect: str, words: str
) -> None:
    runs = load_runs([written(tmp_path, "a", a_run()), written(tmp_path, "b", a_run(**changes))])
    content = compare(runs, 7).content
    assert content["same"][aspect] is False
    (warning,) = content["warnings"]
    assert words in warning


def test_other_bars_of_the_same_period_are_noticed_and_other_warm_up_is_not(
    tmp_path: Path,
) -> None:
    facts = a_run()
    bars = facts.market.bars.copy()
    bars[700, 1, 3] += 0.01
    moved = replace(facts, market=replace(facts.market, bars=bars))
    runs = load_runs([written(tmp_path, "a", facts), written(tmp_path, "b", moved)])
    assert any("recorded data differ" in text for text in compare(runs, 7).content["warnings"])
    bars = facts.market.bars.copy()
    bars[3, :, :4] += 1.0
    one, two = (
        later(replace(facts, market=market), 48)
        for market in (facts.market, replace(facts.market, bars=bars))
    )
    runs = load_runs([written(tmp_path, "c", one), written(tmp_path, "d", two)])
    assert compare(runs, 7).content["warnings"] == []


def test_a_real_difference_is_told_from_luck(tmp_path: Path) -> None:
    facts = a_run(length=240)
    better = replace(facts, equity=facts.equity * 1.0002 ** np.arange(len(facts.equity)))
    runs = load_runs([written(tmp_path, "a", facts), written(tmp_path, "b", better)])
    (beside,) = compare(runs, 7).content["beside_first"]
    assert beside["interval"]["low"] > 0.0
    assert "better than a" in render_comparison(compare(runs, 7))


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    facts = a_run()
    one = written(tmp_path, "a", facts)
    with pytest.raises(BadInputError, match="named twice"):
        load_runs([one, tmp_path / "." / "a"])
    with pytest.raises(BadInputError, match="at most 12"):
        load_runs([tmp_path / str(number) for number in range(13)])
    with pytest.raises(BadInputError, match="no report at"):
        load_runs([one, tmp_path / "none"])
    early = replace(
        facts, close_ms=facts.close_ms[:9], equity=facts.equity[:9], gross=facts.gross[:9]
    )
    early = replace(early, fills=facts.fills[:0])
    runs = load_runs([written(tmp_path, "b", early), written(tmp_path, "c", later(facts, 48))])
    with pytest.raises(BadInputError, match=r"share no time .*--from and --to"):
        compare(runs, 7)
    euros = replace(facts, market=replace(facts.market, symbols=("BTCEUR", "ETHEUR")))
    with pytest.raises(BadInputError, match=r"different currencies .*a USDT, d EUR"):
        compare(load_runs([one, written(tmp_path, "d", euros)]), 7)
    (one / "equity.parquet").unlink()
    with pytest.raises(BadInputError, match=r"has no equity\.parquet"):
        load_runs([one, written(tmp_path, "e", facts)])
    (one / "equity.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInputError, match="cannot be read"):
        load_runs([one, written(tmp_path, "f", facts)])


def test_a_run_without_bars_has_nothing_to_compare(tmp_path: Path) -> None:
    facts, empty = a_run(), np.empty(0)
    still = replace(
        facts, close_ms=facts.close_ms[:0], equity=empty, gross=empty, fills=facts.fills[:0]
    )
    with pytest.raises(BadInputError, match="no tradable bar"):
        load_runs([written(tmp_path, "a", facts), written(tmp_path, "b", still)])


def test_same_runs_same_bytes_and_page_says_what_the_content_says(tmp_path: Path) -> None:
    folders = [
        written(tmp_path, "a", a_run()),
        written(tmp_path, "<b>", later(a_run(), 24)),
    ]
    one, two = (compare(load_runs(folders), 7) for _ in range(2))
    assert json.dumps(one.content, allow_nan=False) == json.dumps(two.content, allow_nan=False)
    page = render_comparison(one)
    assert page == render_comparison(two)
    assert "<b></th>" not in page
    assert "&lt;b&gt;" in page
    for text in ("Side by side", "Could the difference be luck?", "Sharpe ratio, annual"):
        assert text in page
    for warning in one.content["warnings"]:
        assert warning.split(" (")[0] in page


def test_runs_of_one_folder_name_are_told_apart_by_their_parents(tmp_path: Path) -> None:
    folders = [written(tmp_path / name, "run", a_run()) for name in ("x", "y")]
    assert [run.name for run in load_runs(folders)] == ["x/run", "y/run"]
