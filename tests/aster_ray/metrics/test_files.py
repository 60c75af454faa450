from __future__ import annotations

import json
from pathlib import Path

import pytest

from aster_ray.errors import BadInputError
from aster_ray.metrics import tearsheet
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.files import (
    check_run_folder,
    claim_run_folder,
    read_report,
    to_json,
    write_run_files,
)
from aster_ray.metrics.report import build_report

FILES = [
    "equity.parquet",
    "fills.parquet",
    "orders.parquet",
    "report.html",
    "report.json",
    "trades.parquet",
]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_new_folder_holds_every_file_and_nothing_else(facts: RunFacts, tmp_path: Path) -> None:
    report = build_report(facts)
    out = tmp_path / "runs" / "one"
    assert write_run_files(report, facts, out) == out
    assert names(tmp_path / "runs") == ["one"]
    assert names(tmp_path / "runs" / "one") == FILES
    assert read_report(tmp_path / "runs" / "one") == report
    assert read_report(tmp_path / "runs" / "one" / "report.json") == report


def test_two_runs_write_the_same_bytes(facts: RunFacts, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run_files(build_report(facts), facts, tmp_path / name)
    for file in FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_earlier_run_is_replaced_and_its_journal_kept(facts: RunFacts, tmp_path: Path) -> None:
    report = build_report(facts)
    write_run_files({**report, "run": {"run_id": "old"}}, facts, tmp_path / "run")
    (tmp_path / "run" / "journal.bin").write_bytes(b"records")
    write_run_files(report, facts, tmp_path / "run")
    assert names(tmp_path / "run") == sorted([*FILES, "journal.bin"])
    assert read_report(tmp_path / "run") == report


def test_an_empty_folder_is_taken(facts: RunFacts, tmp_path: Path) -> None:
    write_run_files(build_report(facts), facts, tmp_path)
    assert names(tmp_path) == FILES


def test_a_claimed_folder_receives_the_report_beside_its_journals(
    facts: RunFacts, tmp_path: Path
) -> None:
    folder = claim_run_folder(tmp_path / "session")
    (folder / "journal.bin").write_bytes(b"records")
    write_run_files(build_report(facts), facts, tmp_path / "session")
    assert names(folder) == sorted([*FILES, "journal.bin"])


@pytest.mark.parametrize("name", ["notes.txt", "report.json"])
def test_a_folder_of_other_files_is_left_alone(facts: RunFacts, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"format": "someone else"}')
    with pytest.raises(BadInputError, match="no run wrote"):
        write_run_files(build_report(facts), facts, tmp_path)
    assert names(tmp_path) == [name]


def test_a_path_that_cannot_be_a_folder_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="is a file"):
        check_run_folder(tmp_path / "file")
    with pytest.raises(BadInputError, match="cannot be written"):
        check_run_folder(tmp_path / "file" / "below")
    with pytest.raises(BadInputError, match="cannot be written"):
        claim_run_folder(tmp_path / "file" / "below")


def test_checking_creates_nothing(tmp_path: Path) -> None:
    check_run_folder(tmp_path / "a" / "b")
    assert names(tmp_path) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_a_full_disk_leaves_nothing_half_written(
    facts: RunFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "run"
    if not is_new:
        folder.mkdir()
    monkeypatch.setattr(tearsheet, "render", fail)
    with pytest.raises(BadInputError, match="No space left"):
        write_run_files(build_report(facts), facts, folder)
    assert names(tmp_path) == ([] if is_new else ["run"])
    assert is_new or names(folder) == []


def test_reports_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no report at"):
        read_report(tmp_path / "nowhere")
    file = tmp_path / "report.json"
    for text, message in [
        ("{", "is not a report"),
        ("[]", "has format None"),
        (json.dumps({"format": "aster-run/0"}), "this version reads 'aster-run/1'"),
    ]:
        file.write_text(text)
        with pytest.raises(BadInputError, match=message):
            read_report(tmp_path)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="is not a report"):
        read_report(file)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("summary",), [], "summary must be a table, was list"),
        (("summary", "strategy", "sharpe"), [1.0], "summary.strategy.sharpe must be one value"),
        (("summary", "strategy", "sharpe"), "high", "sharpe must be a number, was 'high'"),
        (("summary", "buy_and_hold", "cagr"), True, "cagr must be a number, was True"),
        (("waterfall", "fees"), "12", "waterfall.fees must be a number, was '12'"),
        (("by_symbol", "BTCUSDT"), 5, "by_symbol.BTCUSDT must be a table, was int"),
        (("waterfall", "net"), {}, "waterfall.net must be one value, was dict"),
        (("period", "bars"), "many", "period.bars must be a whole number"),
        (("data", "notes"), "none", "data.notes must be a list of texts"),
        (("data", "notes"), [1], "data.notes must be a list of texts"),
        (("session",), {"hops": {"feed": {"p50_ms": []}}}, "session.hops.feed.p50_ms must be one"),
        (("session",), {"exchange": {"missing": [[1]]}}, "session.exchange.missing must be one"),
        (("denials",), None, "denials must be a table, was NoneType"),
        (("risk",), "gone", "section risk is missing"),
    ],
)
def test_a_report_of_another_shape_is_refused_with_what_is_wrong(
    facts: RunFacts, tmp_path: Path, place: tuple[str, ...], value: object, told: str
) -> None:
    report = json.loads(to_json(build_report(facts)))
    owner = report
    for name in place[:-1]:
        owner = owner[name]
    owner[place[-1]] = value
    if value == "gone":
        del owner[place[-1]]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    with pytest.raises(BadInputError, match=r"report\.json is damaged") as caught:
        read_report(file)
    assert told in str(caught.value)


def test_a_session_may_list_what_it_found(facts: RunFacts, tmp_path: Path) -> None:
    report = json.loads(to_json(build_report(facts)))
    report["session"] = {
        "exchange": {"agrees": False, "missing": ["BTCUSDT/7"], "positions": []},
        "execution": {"all": {"orders": 1}, "orders": [{"symbol": "BTCUSDT", "bps": 1.5}]},
    }
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert read_report(tmp_path) == report


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_refused(
    facts: RunFacts, tmp_path: Path, number: str
) -> None:
    text = to_json(build_report(facts))
    capital = f'"capital": {json.dumps(facts.capital)}'
    assert capital in text
    (tmp_path / "report.json").write_text(text.replace(capital, f'"capital": {number}'))
    with pytest.raises(BadInputError, match=r"report\.json is (not a report|damaged)"):
        read_report(tmp_path)


def test_a_folder_of_a_sweep_is_ours_and_one_of_somebody_else_is_not(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"metric": "sharpe", "sets": 0, "rows": []}')
    check_run_folder(tmp_path)
    with pytest.raises(
        BadInputError, match=r"holds a sweep, which has no report: see .*sweep\.json"
    ):
        read_report(tmp_path)
    for text in ("{}", "[]", "{", "[" * 100_000):
        (tmp_path / "sweep.json").write_text(text)
        with pytest.raises(BadInputError, match="holds files that no run wrote"):
            check_run_folder(tmp_path)


def test_no_machine_path_and_no_wall_time_enter_the_report(facts: RunFacts, tmp_path: Path) -> None:
    write_run_files(build_report(facts), facts, tmp_path / "run")
    for name in ("report.json", "report.html"):
        assert str(tmp_path) not in (tmp_path / "run" / name).read_text()
