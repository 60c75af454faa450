"""Orders carried out in pieces: whatever goes wrong, the books agree and the stop covers it all."""

from __future__ import annotations

import asyncio

import pytest

from aster_ray.engine.algos.config import ExecutionConfig
from tests.aster_ray.venues.live.checks import problems
from tests.aster_ray.venues.live.lives import LiveScene
from tests.aster_ray.venues.live.test_lives import RATES

ALGORITHMS = ("twap", "vwap", "pov", "adaptive", "maker_first")


def manner(algorithm: str, **how: object) -> ExecutionConfig:
    """Return how a minute is used: three looks at the market, ten seconds left at the end."""
    fields = {"slice_ms": 5_000, "deadline_ms": 10_000, "rest_ms": 10_000, "window": 0.8, **how}
    return ExecutionConfig(algorithm=algorithm, reduce_algorithm=algorithm, **fields)  # type: ignore[arg-type]


def lived(seed: int, *, faults: bool = True, deaths: float = 0.25, rows: int = 24) -> LiveScene:
    """Play one scenario to its end."""
    algorithm = ALGORITHMS[seed % len(ALGORITHMS)]
    scene = LiveScene(
        seed,
        rows,
        RATES if faults else {},
        strategies=1 + seed % 3,
        ladders=seed % 6 == 4,
        execution=manner(algorithm, maker_first=seed % 3 == 0, participation=0.002),
    )
    asyncio.run(scene.play(deaths=deaths, outages=0.1 * (seed % 4 == 3)))
    return scene


def played(seed: int, execution: ExecutionConfig, rows: int = 24) -> LiveScene:
    """Play a scenario in which nothing goes wrong."""
    scene = LiveScene(seed, rows, strategies=2, ladders=False, execution=execution)
    asyncio.run(scene.play())
    return scene


@pytest.mark.parametrize("seed", range(5))
def test_nothing_goes_wrong(seed: int) -> None:
    scene = lived(seed, faults=False, deaths=0.0)
    assert problems(scene) == []
    assert scene.lives == 1
    kinds = [record["kind"] for record in scene.disks[2].kept]
    assert kinds.count("algo_place") > kinds.count("algo_end") - kinds.count("algo_stop") > 5


@pytest.mark.parametrize("seed", range(5, 25))
def test_whatever_goes_wrong_the_books_agree(seed: int) -> None:
    assert problems(lived(seed)) == []
