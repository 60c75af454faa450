"""The verbs about a session, as far as they need no Ray."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.cli import operate, output, status_tables
from aster_ray.model.enums import TradingState
from aster_ray.research.standing import standing
from aster_ray.research.tenure import Tenure

Capture = pytest.CaptureFixture[str]
LINE = {"event": "command", "level": "info", "number": 1, "timestamp": "2025-01-01T00:00:00.5Z"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside runs/ with one session that has logged."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "runs" / "paper-1"
    (place / "logs").mkdir(parents=True)
    (place / "session.json").write_text("{}")
    (place / "logs" / "risk.log").write_text(json.dumps(LINE) + "\n")
    (place / "logs" / "feed.log").write_text('{"event": "x", "exception": "Traceback"}\n')
    Tenure(place).end(0)
    return place


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], list[tuple[Any, ...]]]:
    """Put a function in the place of the host of a verb; return the calls it gets."""

    def replace(name: str, answer: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []

        def host(wanted: str) -> Callable[..., Any]:
            assert wanted == name
            return lambda *arguments: (calls.append(arguments), answer)[1]

        monkeypatch.setattr(operate, "_host", host)
        return calls

    return replace


@pytest.mark.usefixtures("folder")
def test_logs_are_results_and_go_to_standard_output(capsys: Capture) -> None:
    assert cli.main(["logs", "--actor", "risk", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {**LINE, "process": "risk"}
    assert cli.main(["logs", "paper-1"]) == 0
    out, _ = capsys.readouterr()
    assert "info    risk       command number=1" in out
    assert "Traceback" in out
    assert cli.main(["logs", "--actor", "nobody"]) == 2


@pytest.mark.usefixtures("folder")
def test_logs_that_are_followed_are_shown_as_they_come(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aster_ray.research import log_lines

    _, follow_from = log_lines.last_lines(Path("runs/paper-1"), None, 5)
    asked: list[Any] = []

    def follow(_folder: Path, actor: str | None, cursor: Any) -> Iterator[dict[str, Any]]:
        asked.append((actor, cursor))
        yield {**LINE, "process": "feed", "number": 2}

    monkeypatch.setattr(log_lines, "follow_lines", follow)
    assert cli.main(["logs", "--follow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["number"] == 2
    assert asked == [(None, follow_from)]


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("pause", TradingState.REDUCING),
        ("reduce", TradingState.REDUCING),
        ("halt", TradingState.HALTED),
        ("resume", TradingState.ACTIVE),
    ],
)
def test_a_word_names_what_it_changed(
    folder: Path, answers: Any, capsys: Capture, verb: str, state: TradingState
) -> None:
    answer = {"session": "paper-1", "before": "active", "state": "reducing", "number": 3, "seq": 70}
    calls = answers("state", answer)
    assert cli.main([verb, "--reason", "news"]) == 0
    assert calls == [(folder.relative_to(Path.cwd()), state, "news")]
    assert "command 3: active -> reducing, in force from close 70 on" in capsys.readouterr().out
    answers("state", {**answer, "number": None})
    assert cli.main([verb]) == 0
    assert "nothing to change: the account is reducing" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_stop_tells_whether_there_was_something_to_stop(answers: Any, capsys: Capture) -> None:
    answer = {"session": "paper-1", "folder": "runs/paper-1", "stopped": True, "phase": "ended"}
    calls = answers("stop", answer)
    assert cli.main(["stop", "--timeout", "5"]) == 0
    assert calls[0][1] == 5.0
    assert "has ended and written its report" in capsys.readouterr().out
    answers("stop", {**answer, "stopped": False})
    assert cli.main(["stop"]) == 0
    assert "was not running: it has ended" in capsys.readouterr().out


def test_without_a_session_the_folder_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("status", "pause", "resume", "stop", "logs"):
        assert cli.main([verb]) == 2
        assert "no session below runs/" in capsys.readouterr().err


def test_brackets_in_a_reason_or_a_name_are_text(folder: Path, capsys: Capture) -> None:
    # As markup, "[/oops]" would end the verb with a traceback, and "[bold]" would not be seen.
    reason, name = "no [/oops] and [bold]news", "runs/[/x]"
    options = operate.Which()
    payload = {
        **standing(folder, None, {}),
        "account": {
            "positions": [],
            "open_orders": [],
            "last_denials": [],
            "commands": [
                {
                    "number": 1,
                    "asked_ms": 0,
                    "close": 3,
                    "state": "reducing",
                    "who": "me",
                    "reason": reason,
                }
            ],
            "closes": 4,
            **dict.fromkeys(
                (
                    "equity",
                    "day_profit",
                    "day_return",
                    "drawdown",
                    "max_drawdown",
                    "gross",
                    "orders",
                    "fills",
                ),
                0,
            ),
        },
    }
    output.emit(options, payload, status_tables.status_table(payload))
    assert reason in capsys.readouterr().out
    started = {"session": "x", "folder": name, "pid": 7, "stop": f"aster stop {name}"}
    output.emit(options, started, status_tables.detached_table(started))
    assert capsys.readouterr().out.count(name) == 3
