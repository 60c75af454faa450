"""How a session ends: at the end of data, when asked to, when an actor fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.display import headline, render
from actors.launch import View
from aster_ray.errors import AsterError
from aster_ray.research.replay import replay_session
from tests.actors.failing import failing
from tests.actors.sessions import a_request, backtest, run

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_node")]


def test_a_stop_finishes_the_close_under_way_and_writes_the_report(tmp_path: Path) -> None:
    views: list[View] = []
    request = a_request(speed=60)

    def stopped() -> bool:
        return bool(views) and views[-1].ledger.get("closes", 0) >= 50

    result = run(request, tmp_path / "session", views.append, stopped)
    closes = len(result.equity)
    assert 50 <= closes < 300
    assert result.report["session"]["stopped"] is True
    assert result.report["session"]["closes"] == closes
    whole = backtest(request)
    assert result.equity.tobytes() == whole.equity[:closes].tobytes()
    replayed = replay_session(tmp_path / "session")
    assert (replayed.closes, replayed.differences) == (closes, [])
    # What a person saw on the way.
    assert [view.state for view in views][-1] == "finished"
    last = views[-1]
    assert last.ledger["closes"] == closes
    assert last.ledger["equity"] == result.equity[-1]
    assert last.ledger["orders"] > 0
    assert f"{closes:,}" in headline(last)
    assert render(last).renderables
    assert headline(last._replace(ledger={})) == "finished: actors are coming up"


@pytest.mark.slow
def test_a_stop_before_the_first_close_ends_too(tmp_path: Path) -> None:
    result = run(a_request(28), tmp_path / "session", stopped=lambda: True)
    assert len(result.equity) < 200
    assert replay_session(tmp_path / "session").differences == []


@pytest.mark.slow
def test_a_paced_session_loses_no_close(tmp_path: Path) -> None:
    """Not how long it took: a busy machine may start its watch late."""
    result = run(a_request(2, ("momentum",), speed=20), tmp_path / "session")
    facts = result.report["session"]
    assert facts["closes"] == len(result.equity) == 48
    assert replay_session(tmp_path / "session").differences == []


def test_what_fails_in_an_actor_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "failing.py"
    file.write_text(failing("'my own mistake'"))
    with pytest.raises(AsterError, match=r"strategy: StrategyError: .*my own mistake"):
        run(a_request(5, (str(file),)), tmp_path / "session")
    log = (tmp_path / "session" / "logs" / "strategy.log").read_text()
    assert "actor_failed" in log
