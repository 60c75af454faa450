"""A guided search does not depend on who answers first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from aster_ray.errors import ConfigError
from aster_ray.kernel.simulator import Outcome
from tune.guided import GenerationSearch

GRID = {"fast": tuple(range(1, 31)), "slow": tuple(range(10, 60))}


def settle(values: Sequence[float]) -> Any:
    if values[0] >= values[1]:
        raise ConfigError(["fast must be below slow"])
    return ()


def an_outcome(values: Sequence[float]) -> Outcome:
    """Return an outcome whose best place is fast 20, slow 40."""
    score = -((values[0] - 20.0) ** 2) - (values[1] - 40.0) ** 2
    return Outcome(0.0, score, 0.0, 1, None, None, 0.0, 0.0, 0.0, 0.0, 0, 0, None)


def drive(search: GenerationSearch, workers: int, *, last_first: bool) -> list[list[Any]]:
    """Run a search with some workers that answer in one order or the other."""
    handed, running = [], []
    for number in range(10_000):
        config = search.suggest(f"t{number}") if len(running) < workers else None
        if config == GenerationSearch.FINISHED:
            break
        if config is not None:
            handed.append(config["values"])
            running.append((f"t{number}", config["values"]))
            continue
        trial, values = running.pop(-1 if last_first else 0)
        rows = [dataclasses.astuple(an_outcome(own)) for own in values]
        search.on_trial_complete(trial, {"outcomes": rows})
    assert not running
    return handed


def a_search(count: int = 96, seed: int = 3) -> GenerationSearch:
    return GenerationSearch(GRID, settle, count, seed, "sharpe")


def test_the_sets_are_the_same_however_many_workers_answer_in_whatever_order() -> None:
    alone = drive(a_search(), 1, last_first=False)
    assert drive(a_search(), 4, last_first=True) == alone
    assert drive(a_search(), 3, last_first=False) == alone
    assert drive(a_search(seed=4), 1, last_first=False) != alone


def test_every_wanted_set_is_drawn_once_and_allowed() -> None:
    search = a_search()
    sets = [tuple(own) for block in drive(search, 2, last_first=False) for own in block]
    assert len(sets) == len(set(sets)) == 96
    assert all(fast < slow for fast, slow in sets)
    assert search.is_over
    assert search.order == sets
    assert set(search.found) == set(sets)


def test_it_learns_where_the_good_sets_are() -> None:
    blocks = drive(a_search(), 2, last_first=False)
    sets = [own for block in blocks for own in block]

    def mean(part: list[Any]) -> float:
        return sum(an_outcome(own).sharpe or 0.0 for own in part) / len(part)

    assert mean(sets[-32:]) > mean(sets[:32]) / 2


def test_a_space_with_fewer_sets_than_wanted_ends() -> None:
    search = GenerationSearch({"fast": (1.0, 2.0), "slow": (2.0, 3.0)}, settle, 100, 0, "sharpe")
    sets = [tuple(own) for block in drive(search, 2, last_first=False) for own in block]
    assert sorted(sets) == [(1.0, 2.0), (1.0, 3.0), (2.0, 3.0)]
    assert search.is_over


def test_a_block_that_failed_is_told_and_the_search_goes_on() -> None:
    search = a_search(count=40)
    config = search.suggest("a")
    search.on_trial_complete("a", None, error=True)
    assert all(tuple(own) not in search.found for own in config["values"])
    assert search.suggest("b") is not None


@pytest.mark.parametrize("metric", ["max_drawdown", "total_return"])
def test_it_heads_for_what_the_metric_calls_better(metric: str) -> None:
    more = metric == "total_return"
    search = GenerationSearch(GRID, settle, 100, 1, metric)
    assert (search._study.direction.name == "MAXIMIZE") is more
