"""Where a paper session's orders go, by what was asked for and what is traded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.cli import runs
from aster_ray.cli.destination import FIRST_DAY, LAST_DAY
from aster_ray.engine.config import PAPER, SIMULATOR, VENUE
from aster_ray.research.request import RunRequest

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RunRequest]:
    """Put a session's host aside, in a folder without a configuration; return what it gets."""
    requests: list[RunRequest] = []

    def host(request: RunRequest, _out: Any, _as_json: bool) -> Any:
        requests.append(request)
        return SimpleNamespace(report={}, folder=tmp_path, exit_code=0)

    monkeypatch.setattr(runs, "_host", lambda _name: host)
    monkeypatch.chdir(tmp_path)
    return requests


@pytest.mark.parametrize(
    ("arguments", "orders"),
    [
        ((), SIMULATOR),
        (("--simulator",), SIMULATOR),
        (("--plain",), PAPER),
        (("--data", "."), PAPER),
        (("--data", ".", "--simulator"), SIMULATOR),
        (("--set", "session.orders=paper"), PAPER),
        (("--set", "session.orders=paper", "--plain"), PAPER),
        (("--set", "session.orders=venue"), VENUE),
        (("--set", "session.feed=live"), PAPER),
        (("--set", "session.feed=live", "--set", "venue.name=bybit"), PAPER),
        (("--plain", "--set", "venue.name=bybit"), PAPER),
    ],
)
def test_the_built_in_market_goes_to_the_simulator_and_others_to_paper(
    asked: list[RunRequest], arguments: tuple[str, ...], orders: str
) -> None:
    assert cli.main(["paper", "--json", *arguments]) == 0
    assert asked[0].settings.session.orders == orders


@pytest.mark.parametrize(
    ("arguments", "orders"),
    [((), PAPER), (("--simulator",), SIMULATOR)],
    ids=["a file goes before the verb", "a flag goes before a file"],
)
def test_a_configuration_decides_unless_a_flag_does(
    asked: list[RunRequest], tmp_path: Path, arguments: tuple[str, ...], orders: str
) -> None:
    (tmp_path / "aster.toml").write_text('[session]\norders = "paper"\n')
    assert cli.main(["paper", "--json", *arguments]) == 0
    assert asked[0].settings.session.orders == orders


@pytest.mark.parametrize(
    ("arguments", "period"),
    [
        ((), (FIRST_DAY, LAST_DAY)),
        (("--from", "2025-02-01"), ("2025-02-01", "")),
        (("--to", "2025-02-01"), ("", "2025-02-01")),
        (("--plain",), ("", "")),
        (("--data", ".", "--simulator"), ("", "")),
    ],
)
def test_only_the_default_market_has_a_default_period(
    asked: list[RunRequest], arguments: tuple[str, ...], period: tuple[str, str]
) -> None:
    assert cli.main(["paper", "--json", *arguments]) == 0
    data = asked[0].settings.data
    assert (data.start, data.end) == period


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--plain", "--simulator"), "--plain and --simulator contradict each other"),
        (("--plain", "--set", "session.orders=venue"), "--plain and --set session.orders=venue"),
        (("--simulator", "--set", "session.orders=paper"), "contradict each other: say one"),
        (("--simulator", "--set", "session.feed=live"), "session.feed = live takes its bars from"),
        (("--set", "venue.name=bybit"), "[venue] name: a session at the simulator brings"),
        (("--set", "venue.control=http://127.0.0.1:1/control"), "[venue] control: a session"),
    ],
)
def test_contradictions_are_one_message(
    asked: list[RunRequest], capsys: Capture, arguments: tuple[str, ...], said: str
) -> None:
    assert cli.main(["paper", "--json", *arguments]) == 2
    assert said in json.loads(capsys.readouterr().err)["error"]
    assert asked == []
