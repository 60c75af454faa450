"""The verbs whose work is done elsewhere pass on what was asked for, and end as it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.cli import operate, runs
from aster_ray.research import replay
from aster_ray.research.tenure import Tenure

Capture = pytest.CaptureFixture[str]
Hosts = Callable[[str, Any], list[tuple[Any, ...]]]


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Put an answer in the place of the host of a verb; return the calls it gets."""

    def replace(name: str, answer: Any) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []

        def host(wanted: str) -> Callable[..., Any]:
            assert wanted == name
            return lambda *arguments: (calls.append(arguments), answer)[1]

        for module in (runs, operate):
            monkeypatch.setattr(module, "_host", host)
        return calls

    return replace


@pytest.mark.parametrize("code", [0, 1])
def test_paper_ends_as_its_session_ended(
    tmp_path: Path, hosts: Hosts, capsys: Capture, code: int
) -> None:
    out = tmp_path / "session"
    report = {"run": {"run_id": "paper-1"}}
    calls = hosts("paper", SimpleNamespace(report=report, folder=out, exit_code=code))
    arguments = ["paper", "--symbols", "BTC", "--speed", "7", "--out", str(out)]
    assert cli.main(arguments) == code
    assert "run paper-1" in capsys.readouterr().out
    ((request, folder, as_json),) = calls
    assert (folder, as_json) == (out, False)
    assert request.settings.session.speed == 7.0
    assert request.settings.data.symbols == ("BTC",)


def test_a_detached_session_is_named_with_how_to_stop_it(hosts: Hosts, capsys: Capture) -> None:
    calls = hosts("paper --detach", SimpleNamespace(folder=Path("runs/paper-3"), pid=99))
    assert cli.main(["paper", "--detach", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "session": "paper-3",
        "folder": "runs/paper-3",
        "pid": 99,
        "stop": "aster stop runs/paper-3",
    }
    assert calls[0][1:] == (None, True)


@pytest.mark.parametrize("verb", ["paper", "backtest"])
def test_a_folder_that_holds_something_else_is_refused_before_any_work(
    tmp_path: Path, hosts: Hosts, capsys: Capture, verb: str
) -> None:
    calls = hosts("paper", None)
    file = tmp_path / "file"
    file.touch()
    assert cli.main([verb, "--out", str(file)]) == 2
    assert "file" in capsys.readouterr().err
    assert calls == []


@pytest.mark.parametrize(("differences", "code"), [([], 0), (["order 3: lots 5, was 4"], 1)])
def test_a_replay_fails_where_an_order_differs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    differences: list[str],
    code: int,
) -> None:
    found = SimpleNamespace(
        orders=12,
        closes=3,
        unfinished=0,
        differences=differences,
        dropped={"risk.journal": 5},
        drift={},
    )
    (tmp_path / "session.json").write_text("{}")
    asked: list[Path] = []
    monkeypatch.setattr(replay, "replay_session", lambda folder: (asked.append(folder), found)[1])
    assert cli.main(["replay", str(tmp_path), "--json"]) == code
    assert asked == [tmp_path]
    assert json.loads(capsys.readouterr().out) == {
        "orders": 12,
        "closes": 3,
        "unfinished": 0,
        "differences": differences,
        "dropped_bytes": {"risk.journal": 5},
        "drift": {},
    }


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 1)])
def test_a_status_that_is_not_healthy_is_a_failure(
    tmp_path: Path, hosts: Hosts, capsys: Capture, healthy: bool, code: int
) -> None:
    place = tmp_path / "runs" / "paper-1"
    place.mkdir(parents=True)
    (place / "session.json").write_text("{}")
    Tenure(place).end(0)
    answer = {"session": "paper-1", "healthy": healthy}
    calls = hosts("status", answer)
    assert cli.main(["status", "paper-1", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == answer
    assert [folder.name for (folder,) in calls] == ["paper-1"]
