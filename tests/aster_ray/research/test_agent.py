"""An agent is measured by what measures a strategy, and praised for nothing it has not shown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aster_ray.cli import api
from aster_ray.kernel.simulator import Simulator
from aster_ray.models.card import Estimate
from aster_ray.research import observation
from aster_ray.research.agent import judge_agent, verdict_of, walk_through
from aster_ray.research.env import Arena, EpisodeConfig, replayed
from aster_ray.research.holdout import split
from aster_ray.research.prepare import Prepared, prepare


@pytest.fixture(scope="module")
def held_out() -> Prepared:
    given = {"symbols": "BTC", "start": "2025-01-01", "end": "2025-02-20"}
    prepared = prepare(api.request_run(("momentum",), (), api.load_settings(None, given)))
    return dataclasses.replace(prepared, market=split(prepared.market, 0.4).held_out)


def by_column(seen: np.ndarray) -> np.ndarray:
    """Follow the day's return: long above, short below, flat between."""
    move = seen[:, observation.FEATURES.index("return_24")]
    target = np.where(move > 0.5, 4, np.where(move < -0.5, 0, observation.FLAT))
    return target[:, None].astype(np.int64)


def test_the_walk_is_the_simulation_of_its_actions(held_out: Prepared) -> None:
    arena = Arena(held_out.market, held_out.setup, held_out.capital)
    walk = walk_through(arena, 0.05, by_column)
    assert walk.first == held_out.market.start
    assert len(walk.actions) == len(held_out.market) - 1 - walk.first
    assert len(np.unique(walk.actions)) == 3
    columns = replayed(arena, EpisodeConfig(stop_loss=0.05), walk.first, walk.actions)
    simulator = Simulator(held_out.market, held_out.setup, held_out.capital)
    book, trace = simulator.trace(columns)
    assert trace.equity[walk.first :].tobytes() == walk.equity.tobytes()
    judged = judge_agent(held_out, 0.05, by_column)
    outcome = simulator.outcome(book, trace)
    assert judged.metrics["sharpe"].value == outcome.sharpe
    assert judged.metrics["fees"].value == outcome.fees > 0.0
    assert set(judged.baselines) == {"flat", "always_long", "momentum", "buy_and_hold"}
    assert judged.baselines["flat"]["total_return"].value == 0.0
    assert judged.baselines["flat"]["fees"].value == 0.0


def test_an_agent_that_does_a_baseline_s_deeds_has_its_numbers(held_out: Prepared) -> None:
    judged = judge_agent(held_out, 0.05, lambda seen: np.full((len(seen), 1), 4))
    assert judged.metrics == judged.baselines["always_long"]
    idle = judge_agent(held_out, 0.05, lambda seen: np.full((len(seen), 1), observation.FLAT))
    assert idle.metrics == idle.baselines["flat"]
    assert "shown nothing" in idle.verdict


BASELINES = {"flat": {"sharpe": Estimate(value=None)}, "held": {"sharpe": Estimate(value=1.0)}}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (Estimate(value=None), "it has shown nothing"),
        (Estimate(value=0.9, low=0.1, high=2.0), "held did at least as well"),
        (Estimate(value=2.0, low=-0.5, high=4.0), "within what luck alone would show"),
        (Estimate(value=2.0), "within what luck alone would show"),
        (Estimate(value=5.0, low=2.0, high=8.0), "no evidence of profit to come"),
    ],
)
def test_the_verdict_claims_no_more_than_was_shown(own: Estimate, words: str) -> None:
    assert words in verdict_of({"sharpe": own}, BASELINES, 500)
