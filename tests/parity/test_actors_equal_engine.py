"""Four processes over replay and one engine: the same orders, fills and equity, bit for bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from aster_ray.research.replay import replay_session
from aster_ray.research.request import RunRequest
from tests.actors.sessions import a_request, assert_same_trading, backtest, run, sent_ids

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_node")]


def test_all_strategies_over_the_built_in_market(tmp_path: Path) -> None:
    request = a_request()
    session, alone = run(request, tmp_path / "session"), backtest(request)
    assert len(alone.fills) > 100
    assert_same_trading(session, alone)
    ids = sent_ids(tmp_path / "session")
    assert len(ids) == len(set(ids)) > 50
    replayed = replay_session(tmp_path / "session")
    assert (replayed.closes, replayed.differences) == (len(alone.equity), [])
    facts = session.report["session"]
    hops = facts["hops"]
    assert {hop: row["messages"] for hop, row in hops.items()} == dict.fromkeys(
        hops, len(alone.equity)
    )
    assert len({row["pid"] for row in facts["actors"].values()}) == 5


@pytest.mark.slow
def test_closes_that_come_by_the_clock_give_the_same_orders(tmp_path: Path) -> None:
    request = a_request(4, ("momentum",), speed=100)
    session = dataclasses.replace(request.settings.session, lock_step=False)
    free = RunRequest(dataclasses.replace(request.settings, session=session), request.strategies)
    loose, alone = run(free, tmp_path / "session"), backtest(request)
    assert_same_trading(loose, alone)
    assert len(alone.equity) == 4 * 24
    facts = loose.report["session"]
    assert {row["messages"] for row in facts["hops"].values()} == {4 * 24}
    assert facts["stages"]["strategy: signals"]["messages"] == 4 * 24


@pytest.mark.slow
def test_recorded_bars_with_funding_and_marks(recorded_data: Path, tmp_path: Path) -> None:
    request = a_request(
        data=str(recorded_data), symbols="BTC,ETH,SOL", start="2024-03-01", end="2024-03-31"
    )
    session, alone = run(request, tmp_path / "session"), backtest(request)
    assert len(alone.equity) == 31 * 24
    assert_same_trading(session, alone)
    assert replay_session(tmp_path / "session").differences == []
