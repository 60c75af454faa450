"""kill -9 of each actor in the middle of a session: it ends as if nothing had happened.

CI strikes the same actors at more places, with the table of test_chaos; these are longer sessions.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from aster_ray import topology
from aster_ray.research.record import RunResult
from aster_ray.research.replay import replay_session
from tests.actors.sessions import Killer, a_request, assert_same_trading, backtest, run, sent_ids

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.usefixtures("ray_node"),
]


@cache
def undisturbed() -> RunResult:
    return backtest(a_request())


@pytest.mark.parametrize("role", topology.PIPELINE)
def test_an_actor_that_dies_comes_back_and_nothing_is_sent_twice(role: str, tmp_path: Path) -> None:
    killer = Killer({role: 80})
    result = run(a_request(speed=150), tmp_path / "session", killer)
    actor = result.report["session"]["actors"][role]
    assert actor["restarts"] >= 1
    assert actor["pid"] != killer.killed[role]
    ids = sent_ids(tmp_path / "session")
    assert len(ids) == len(set(ids)) > 50
    assert_same_trading(result, undisturbed())
    assert replay_session(tmp_path / "session").differences == []


def test_one_after_the_other_and_two_at_once(tmp_path: Path) -> None:
    killer = Killer(
        {
            topology.STRATEGY: 40,
            topology.RISK: 100,
            topology.EXECUTOR: 100,
            topology.FEED: 200,
            topology.LEDGER: 250,
        }
    )
    result = run(a_request(speed=100), tmp_path / "session", killer)
    assert set(killer.killed) == {*topology.PIPELINE, topology.LEDGER}
    ids = sent_ids(tmp_path / "session")
    assert len(ids) == len(set(ids))
    assert_same_trading(result, undisturbed())


@pytest.mark.parametrize("times", range(3))
@pytest.mark.parametrize("role", topology.PIPELINE)
def test_whenever_it_dies(role: str, times: int, tmp_path: Path) -> None:
    result = run(a_request(), tmp_path / "session", Killer({role: 30 + 55 * times}))
    ids = sent_ids(tmp_path / "session")
    assert len(ids) == len(set(ids))
    assert_same_trading(result, undisturbed())
