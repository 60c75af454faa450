"""Whether a session is well, from what its actors say or from its journals alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray.engine.chronicle import fold_execution
from aster_ray.engine.journal import read_journal
from aster_ray.model.enums import TradingState
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    FILE,
    RISK_JOURNAL,
    conclude,
    load_session,
)
from aster_ray.research.standing import read_ledger, standing
from aster_ray.research.tenure import HOST_FILE, Tenure
from aster_ray.research.view import view_from_files
from tests.aster_ray.research.test_replay import traded

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("standing") / "session"
    session = traded(place, {100: TradingState.REDUCING})
    conclude(session, {})
    return place


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "session")
    return tmp_path / "session"


def told(**changes: Any) -> dict[str, Any]:
    """Return what a supervisor says of a session that is well."""
    row = {
        "pid": 7,
        "ready": True,
        "progress": 119,
        "restarts": 0,
        "messages": 120,
        "heard_ms": 300.0,
        "failure": "",
    }
    pulses = {role: dict(row) for role in ("feed", "risk")}
    return {"state": "running", "failure": "", "last": 500, "pulses": pulses, **changes}


def test_the_journals_alone_tell_how_the_account_stands(folder: Path) -> None:
    found = read_ledger(folder)
    assert (found["closes"], found["state"]) == (120, "reducing")
    assert found["equity"] > 0.0
    assert found["positions"]
    assert all(row["stop"] is not None for row in found["positions"])
    assert {row["kind"] for row in found["open_orders"]} >= {"stop"}
    assert all(row["client_order_id"].startswith("ar-") for row in found["open_orders"])
    (command,) = found["commands"]
    assert (command["close"], command["state"], command["who"]) == (100, "reducing", "a test")
    assert any(row["reason"] == "reducing" for row in found["last_denials"])


def test_every_position_of_one_sleeve_has_its_stop_among_the_open_orders(folder: Path) -> None:
    found = read_ledger(folder)
    stops = {
        (row["symbol"], row["strategy"]): row
        for row in found["open_orders"]
        if row["kind"] == "stop" and row["strategy"] != "grid"
    }
    for position in found["positions"]:
        if position["strategy"] != "grid":
            stop = stops.pop((position["symbol"], position["strategy"]))
            assert stop["qty"] == pytest.approx(-position["qty"])
            assert stop["price"] == position["stop"]
    assert not stops


def test_the_open_orders_are_those_of_the_whole_journal_and_no_others_are_kept(
    folder: Path,
) -> None:
    session = load_session(folder)
    desk = session.prepare().execution_desk()
    fold_execution(desk, read_journal(session.folder / EXECUTOR_JOURNAL).records)
    view = view_from_files(session)
    assert view is not None
    view.catch_up()
    shown = [row["client_order_id"] for row in view.snapshot()["open_orders"]]
    assert shown == [order.request.client_order_id for order in desk.open_orders()]
    assert len(shown) <= len(view._desk.orders) < len(desk.orders) / 5


def test_a_session_that_is_well_is_healthy(copy: Path) -> None:
    tenure = Tenure(copy)
    tenure.trades()
    found = standing(copy, told(), read_ledger(copy))
    assert (found["healthy"], found["problems"]) == (True, [])
    assert found["source"] == "actors"
    assert found["process"]["state"] == "running"
    assert found["trading_state"] == "reducing"  # a pause is somebody's wish, no illness
    assert found["lag"]["closes"] == 0
    assert found["lag"]["recorded_ms"] > 0.0
    assert found["last_close"] == 500
    tenure.end(0)


def _silent(answer: dict[str, Any]) -> None:
    answer["pulses"]["risk"]["heard_ms"] = 7_400.0


def _failed(answer: dict[str, Any]) -> None:
    answer["state"], answer["failure"] = "failed", "risk: disk full"
    answer["pulses"]["risk"]["failure"] = "disk full"


def _starting(answer: dict[str, Any]) -> None:
    answer["pulses"]["feed"]["ready"] = False


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_silent, "risk was last heard 7 s ago"),
        (_failed, "session is failed: risk: disk full"),
        (_failed, "risk: disk full"),
        (_starting, "feed is not ready"),
    ],
)
def test_what_is_wrong_is_said(copy: Path, change: Change, problem: str) -> None:
    tenure, answer = Tenure(copy), told()
    change(answer)
    found = standing(copy, answer, read_ledger(copy))
    assert not found["healthy"]
    assert problem in found["problems"]
    tenure.end(0)


def test_a_halted_account_is_a_problem_with_its_remedy(copy: Path) -> None:
    tenure = Tenure(copy)
    found = standing(copy, told(), {**read_ledger(copy), "state": "halted"})
    assert found["problems"] == ["account is halted: `aster resume`"]
    tenure.end(0)


def test_silence_of_the_actors_is_said_and_the_journals_are_read(copy: Path) -> None:
    tenure = Tenure(copy)
    found = standing(copy, None, read_ledger(copy), "nothing listens at 127.0.0.1:1")
    assert found["problems"] == ["the actors do not answer: nothing listens at 127.0.0.1:1"]
    assert found["source"] == "journals"
    assert found["account"]["closes"] == 120
    tenure.end(0)


def test_a_finished_session_tells_its_end(copy: Path) -> None:
    Tenure(copy).end(0)
    found = standing(copy, None, read_ledger(copy))
    assert not found["healthy"]
    assert found["problems"] == ["ended with exit code 0"]
    assert found["report"] == str(copy / "report.json")
    Tenure(copy).end(1, "a disk was full")
    (copy / "report.json").unlink()
    found = standing(copy, None, read_ledger(copy))
    assert found["problems"] == ["ended with exit code 1: a disk was full"]
    assert found["report"] is None


def test_a_killed_session_is_told_from_one_that_ended(copy: Path) -> None:
    Tenure(copy)._lock.close()
    (problem,) = standing(copy, None, read_ledger(copy))["problems"]
    assert "is gone and had no time to say why" in problem
    (copy / HOST_FILE).unlink()
    assert standing(copy, None, read_ledger(copy))["problems"] == ["was never run"]


def test_a_session_without_a_record_has_no_account(copy: Path) -> None:
    (copy / RISK_JOURNAL).unlink()
    assert (copy / FILE).exists()
    assert read_ledger(copy) == {}
    found = standing(copy, None, {})
    assert found["account"] == {}
    assert found["close_ms"] is None


def test_a_silent_venue_and_one_that_stands_in_are_problems(copy: Path) -> None:
    well = told()
    well["pulses"]["feed"]["says"] = {
        "source": "aster",
        "alive": {"aster": True, "binanceusdm": True},
    }
    troubled = told()
    troubled["pulses"]["feed"]["says"] = {
        "source": "binanceusdm",
        "alive": {"aster": False, "binanceusdm": True},
    }
    tenure = Tenure(copy)
    try:
        assert standing(copy, well, {})["problems"] == []
        assert standing(copy, troubled, {})["problems"] == [
            "aster is silent",
            "bars come from binanceusdm, which stands in",
        ]
    finally:
        tenure.end(0)


def test_a_silent_account_and_positions_of_others_are_problems(copy: Path) -> None:
    found = told()
    found["pulses"]["executor"] = dict(found["pulses"]["risk"])
    venue: dict[str, Any] = {"silence": "keys?", "external": "leave"}
    found["pulses"]["executor"]["says"] = {
        "venue": {**venue, "external_positions": {"BTCUSDT": -0.5}}
    }
    tenure = Tenure(copy)
    try:
        shown = standing(copy, found, {})
        assert shown["problems"] == [
            "nothing is sent, the stops rest on: keys?",
            "BTCUSDT: -0.5 at the venue beyond ours is left alone; the symbol is not traded",
        ]
        assert shown["venue"]["silence"] == "keys?"
        venue |= {"silence": "", "external": "adopt", "external_positions": {"BTCUSDT": 1.0}}
        found["pulses"]["executor"]["says"] = {"venue": venue}
        assert "is being adopted" in standing(copy, found, {})["problems"][0]
    finally:
        tenure.end(0)
