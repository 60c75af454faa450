"""Kill every actor at every place that matters, while orders go to the simulated exchange.

What the exchange's own ledger says is what the session's journals add up to, to the last cent, and
no order has left twice. `python -m tests.chaos --at-exchange` runs the same cases.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from actors.daemon import detach
from aster_ray import topology
from aster_ray.engine.failpoints import AFTER_ACK, VARIABLE, marker
from aster_ray.engine.journal import read_journal
from aster_ray.errors import EXIT_FAILED
from aster_ray.research.session import EXECUTOR_JOURNAL, VENUE_JOURNAL, create_session
from aster_ray.research.tenure import read_host
from tests.actors.sessions import is_alive
from tests.chaos.cases import AT_EXCHANGE, Case
from tests.chaos.suffer import Arena

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arena:
    plans = tmp_path / "plans"
    plans.mkdir()
    monkeypatch.setenv(VARIABLE, str(plans))
    return Arena(tmp_path, plans, at_exchange=True)


@pytest.mark.parametrize("case", AT_EXCHANGE, ids=lambda case: case.name.replace(" ", "-"))
def test_the_books_are_the_exchanges_whoever_dies(case: Case, arena: Arena) -> None:
    arena.suffer(case)


def test_an_executor_that_comes_back_without_its_records_ends_the_session(
    arena: Arena, tmp_path: Path
) -> None:
    """Its disk is gone with it, the risk desk's is not; then nothing may be sent again."""
    session = create_session(arena.request, tmp_path / "session", uuid.uuid4().hex[:8])
    plan = tmp_path / "plans" / session.token
    plan.with_suffix(".json").write_text(json.dumps({f"{topology.EXECUTOR}/{AFTER_ACK}": 100}))
    pid = detach(session).pid
    died = marker(plan, topology.EXECUTOR, AFTER_ACK)
    while not died.exists():
        assert is_alive(pid)
        time.sleep(0.001)
    for name in (VENUE_JOURNAL, EXECUTOR_JOURNAL):  # its successor takes a second to be there
        session.journal(name).unlink()
    while is_alive(pid):
        time.sleep(0.1)
    told = read_host(session.folder)
    assert told is not None
    assert told.exit_code == EXIT_FAILED
    assert "records that orders were sent by are missing, and nothing is sent" in told.failure
    assert "venue.external = adopt" in told.failure
    assert read_journal(session.journal(VENUE_JOURNAL)).records == []
