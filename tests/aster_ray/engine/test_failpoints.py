"""A process dies where its plan says, once in a session, and nowhere without a plan."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from aster_ray import clock
from aster_ray.engine import failpoints
from aster_ray.engine.failpoints import (
    AFTER_JOURNAL,
    AFTER_SEND,
    BEFORE_JOURNAL,
    EVIDENCE_AFTER_SEND,
    VARIABLE,
    armed,
    marker,
    pass_by,
)
from aster_ray.errors import BadInputError

TOKEN = "session-1"


class Deaths:
    """What was done instead of dying and instead of waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.signals: list[tuple[int, int]] = []
        self.waits: list[float] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: self.signals.append((pid, number)))
        monkeypatch.setattr(clock, "wait", self.waits.append)


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch)


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def plan(folder: Path, **places: int) -> Path:
    """Write a plan; ``risk_after_journal=7`` is ``risk/after-journal`` at close 7."""
    named = {name.replace("_", "-").replace("-", "/", 1): seq for name, seq in places.items()}
    path = folder / f"{TOKEN}.json"
    path.write_text(json.dumps(named))
    return path


def test_without_both_keys_nobody_is_armed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: Deaths
) -> None:
    plan(tmp_path, risk_after_journal=0)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert armed("risk", TOKEN) is pass_by
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert armed("risk", "another-session") is pass_by
    assert armed("executor", TOKEN) is pass_by  # the plan is about somebody else
    pass_by(AFTER_JOURNAL, 7)
    assert deaths.signals == []
    assert armed("risk", TOKEN) is not pass_by


def test_it_dies_at_its_place_from_its_close_on_and_leaves_a_marker(
    plans: Path, deaths: Deaths
) -> None:
    path = plan(plans, risk_after_journal=7)
    reached = armed("risk", TOKEN)
    reached(AFTER_JOURNAL, 6)
    reached(BEFORE_JOURNAL, 7)
    assert deaths.signals == []
    reached(AFTER_JOURNAL, 9)
    assert deaths.signals == [(os.getpid(), signal.SIGKILL)]
    assert deaths.waits == []
    told = json.loads(marker(path.with_suffix(""), "risk", AFTER_JOURNAL).read_text())
    assert told.pop("wall_ns") > 0
    assert told == {"role": "risk", "point": AFTER_JOURNAL, "seq": 9, "pid": os.getpid()}


def test_a_place_fires_once_in_a_session_however_often_the_process_comes_back(
    plans: Path, deaths: Deaths
) -> None:
    plan(plans, risk_after_journal=7, risk_before_journal=8)
    first, second = armed("risk", TOKEN), armed("risk", TOKEN)
    first(AFTER_JOURNAL, 7)
    first(AFTER_JOURNAL, 8)
    second(AFTER_JOURNAL, 8)
    assert len(deaths.signals) == 1
    second(BEFORE_JOURNAL, 8)  # the other place still does
    assert len(deaths.signals) == 2


@pytest.mark.parametrize("point", [AFTER_SEND, EVIDENCE_AFTER_SEND])
def test_what_was_sent_is_given_time_to_leave(plans: Path, deaths: Deaths, point: str) -> None:
    (plans / f"{TOKEN}.json").write_text(json.dumps({f"executor/{point}": 0}))
    armed("executor", TOKEN)(point, 0)
    assert len(deaths.signals) == 1
    assert deaths.waits == [failpoints._ON_ITS_WAY_S]


@pytest.mark.parametrize("name", ["risk/after-lunch", "nobody/after-journal", "ledger", ""])
def test_a_place_that_there_is_not_is_refused_by_everybody(plans: Path, name: str) -> None:
    (plans / f"{TOKEN}.json").write_text(json.dumps({name: 3}))
    with pytest.raises(BadInputError, match=f"names the failpoint '{name}': there is none"):
        armed("feed", TOKEN)
