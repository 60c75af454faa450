"""Orders carried out in pieces: whatever goes wrong, the books agree and the stop covers it all."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.venues.live.parents import CROSSED
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


@pytest.mark.parametrize("seed", range(5, 10))
def test_whatever_goes_wrong_the_books_agree(seed: int) -> None:
    assert problems(lived(seed)) == []


@pytest.mark.slow
@pytest.mark.long
def test_sixty_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    struck: Counter[tuple[str, str]] = Counter()
    killed: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    broken = {}
    for seed in range(10, 70):
        scene = lived(seed, rows=16)
        struck += scene.wire.struck
        killed.update(kind for disk in scene.disks for kind in disk.killed)
        ended.update(r["why"] for r in scene.disks[2].kept if r["kind"] == "algo_end")
        if found := problems(scene):
            broken[seed] = found
    with capsys.disabled():
        print(f"\n60 scenarios, orders in pieces ended {dict(ended)}, {len(broken)} failures")
        print("killed before this was on disk:", dict(sorted(killed.items())))
    assert not broken
    assert not {"filled", "deadline", CROSSED} - ended.keys()
    assert not {"algo_parent", "algo_place", "algo_update", "algo_cancel"} - killed.keys()
    assert struck["dies after", "place market"]
    assert struck["lost ack", "place limit"]
