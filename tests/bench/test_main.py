"""What the benchmark's exit code means; no test asserts a speed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from tests.bench import __main__ as bench
from tests.bench import engine, equality, floor, latency, load, sweep
from tests.bench.test_load import ROW as LOAD

EQUAL = equality.Equality("momentum", "somewhere", 3, 20, 21, [])
FAST = sweep.Row("momentum", "somewhere", 1_000, 100_000, 300.0, 5.0, 2.5, 60.0, 62.0, 80.0, 79.0)
SLOW = FAST._replace(ours=200.0, ratio=40.0)
HELD_BACK = FAST._replace(vectorbt=1.0, ratio=300.0)
ENGINE = engine.Row("somewhere", 10_000, 90_000.0, 50_000.0, 57_000.0, 50_000.0, 118, 118)
LATENCY = latency.Row(
    symbols=50,
    closes=1_000,
    with_orders=700,
    p50=3.0,
    p99=9.0,
    floor_p50=2.0,
    floor_p99=4.0,
    fsync_p50=0.2,
    machine_busy=1.0,
    session_busy=0.4,
    stolen=0.1,
    hops={"feed -> strategy": {"messages": 1_000, "p50_ms": 0.7, "p99_ms": 1.9}},
    stages={"strategy: signals": {"messages": 1_000, "p50_ms": 0.3, "p99_ms": 0.9}},
    load=floor.Load((4_000, 7_000, 500), 15_000),
    memory=(latency.Memory("feed", 250.0, 130.0, 140.0),),
)


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that fixes what each part finds; what is left out must not run."""

    def fix(
        compared: equality.Equality,
        row: sweep.Row | None = None,
        events: engine.Row | None = None,
        closes: latency.Row = LATENCY,
    ) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("this part must not run")

        monkeypatch.setattr(equality, "check", lambda *_: [compared])
        monkeypatch.setattr(sweep, "run", refuse if row is None else lambda *_: [row])
        monkeypatch.setattr(latency, "run", lambda *_: [closes])
        monkeypatch.setattr(load, "run", lambda *_: LOAD)
        monkeypatch.setattr(engine, "run", refuse if events is None else lambda *_: events)

    return fix


def test_everything_held_is_exit_code_0(
    outcome: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(EQUAL, FAST, ENGINE)
    assert bench.main([]) == 0
    text = capsys.readouterr().out
    assert "MISSED" not in text
    assert text.count("held") == 7


def test_broken_equality_is_exit_code_1_and_nothing_is_timed(
    outcome: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(EQUAL._replace(differences=["3 round trips against 2"]))
    assert bench.main([]) == 1
    text = capsys.readouterr().out
    assert "3 round trips against 2" in text
    assert "nothing is timed" in text


def test_a_peer_held_back_is_exit_code_1(
    outcome: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(EQUAL, HELD_BACK)
    assert bench.main([]) == 1
    assert "was held back" in capsys.readouterr().out
    outcome(EQUAL, HELD_BACK, ENGINE)
    assert bench.main(["--quick"]) == 0  # too short to tell


def test_a_missed_bar_is_said_and_is_no_failure(
    outcome: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(EQUAL, SLOW, ENGINE._replace(ours=59_000.0), LATENCY._replace(floor_p50=1.4))
    assert bench.main([]) == 0
    assert capsys.readouterr().out.count("MISSED") == 3


def test_latency_alone_needs_no_peer(
    outcome: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(EQUAL._replace(differences=["not looked at"]))
    assert bench.main(["--only", "latency", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (row,) = report["latency"]
    assert (row["times_floor"], row["held"]) == (1.5, True)
    assert row["memory"][0]["role"] == "feed"
    assert "equality" not in report
    assert report["history"] is True


def test_load_alone_needs_no_peer_and_says_what_was_streamed(
    outcome: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome(EQUAL._replace(differences=["not looked at"]))
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(load, "run", lambda *size: asked.append(size) or LOAD)
    assert bench.main(["--only", "load", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["load"]["held_p99"] is True
    assert "equality" not in report
    assert "latency" not in report
    assert bench.main(["--only", "load", "--quick", "--load-contracts", "7"]) == 0
    assert "updates a second" in capsys.readouterr().out
    assert bench.main(["--only", "load", "--load-closes", "3"]) == 0
    assert asked == [(50, 300), (7, 20), (50, 3)]


def test_latency_can_be_measured_without_a_history(
    outcome: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(bench.HISTORY, "true")
    outcome(EQUAL)
    assert bench.main(["--only", "latency", "--json", "--no-history"]) == 0
    assert json.loads(capsys.readouterr().out)["history"] is False
    assert os.environ[bench.HISTORY] == "false"


@pytest.mark.parametrize(
    ("part", "rows"), [("equality", ()), ("sweep", (FAST,)), ("engine", (None, ENGINE))]
)
def test_one_part_alone_still_compares_first(
    part: str, rows: tuple[object, ...], outcome: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    outcome(EQUAL, *rows)
    assert bench.main(["--only", part, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["equality"][0]["differences"] == []
    assert {"sweep", "engine"} & report.keys() == {part} - {"equality"}
    assert report["machine"]["cores"] >= 1
