"""Sets drawn from a grid too large to list."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from aster_ray.errors import ConfigError
from aster_ray.research.draw import at, draw_sets


def settle(values: Sequence[float]) -> Any:
    if values[0] >= values[1]:
        raise ConfigError(["fast must be below slow"])
    return (dict(zip(("fast", "slow"), values, strict=True)),)


def test_every_combination_has_its_place() -> None:
    columns = [(1.0, 2.0), (3.0, 4.0, 5.0), (6.0,)]
    listed = [at(columns, place) for place in range(6)]
    assert listed == list(itertools.product(*columns))


def test_a_draw_is_distinct_allowed_and_the_same_for_its_seed() -> None:
    huge = {"fast": tuple(map(float, range(10**5))), "slow": tuple(map(float, range(10**5)))}
    found = draw_sets(huge, settle, 50, seed=7)
    values = [own for own, _ in found]
    assert len(set(values)) == 50
    assert all(fast < slow for fast, slow in values)
    assert found[0][1] == ({"fast": values[0][0], "slow": values[0][1]},)
    assert draw_sets(huge, settle, 50, seed=7) == found
    assert draw_sets(huge, settle, 50, seed=8) != found


def test_a_grid_with_fewer_allowed_sets_gives_all_of_them() -> None:
    small = {"fast": (1.0, 2.0, 3.0), "slow": (2.0, 3.0)}
    found = {own for own, _ in draw_sets(small, settle, 100, seed=0)}
    assert found == {(1.0, 2.0), (1.0, 3.0), (2.0, 3.0)}


def test_a_grid_without_an_allowed_set_says_why() -> None:
    with pytest.raises(ConfigError, match="fast must be below slow"):
        draw_sets({"fast": (5.0,), "slow": (2.0, 3.0)}, settle, 4, seed=0)
