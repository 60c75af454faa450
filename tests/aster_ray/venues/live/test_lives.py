"""However much goes wrong on the way to the venue, the books agree in the end."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.aster_ray.venues.live.checks import problems
from tests.aster_ray.venues.live.lives import LiveScene
from tests.aster_ray.venues.live.wireless import REQUEST_FAULTS, STREAM_FAULTS

RATES = {
    "unreachable": 0.05,
    "lost": 0.05,
    "lost ack": 0.08,
    "slow ack": 0.1,
    "429": 0.05,
    "dies before": 0.01,
    "dies after": 0.02,
    "dropped": 0.1,
    "duplicated": 0.1,
    "reordered": 0.2,
    "stalled": 0.1,
}
OPERATIONS = (
    "place market",
    "place stop_market",
    "place limit",
    "cancel",
    "order",
    "trades",
    "open orders",
    "positions",
    "funding",
)
# Every kind of record that must be on disk before something else happens.
WRITTEN = ("bars", "orders", "send", "place", "close", "report", "accepted")


def lived(seed: int, *, rows: int = 24, deaths: float = 0.25, outages: float = 0.1) -> LiveScene:
    """Play one scenario to its end."""
    scene = LiveScene(
        seed, rows, RATES if seed % 4 else {}, strategies=1 + seed % 3, ladders=seed % 2 == 0
    )
    asyncio.run(scene.play(deaths=deaths * (seed % 3 > 0), outages=outages * (seed % 5 == 0)))
    return scene


def test_nothing_goes_wrong() -> None:
    scene = lived(0, rows=40, deaths=0.0, outages=0.0)
    assert problems(scene) == []
    assert scene.lives == 1
    assert len(scene.life.client.account.fills) > 5


@pytest.mark.parametrize("seed", range(1, 13))
def test_whatever_goes_wrong_the_books_agree(seed: int) -> None:
    assert problems(lived(seed)) == []


def test_ten_minutes_of_outage_lose_nothing() -> None:
    """The venue takes orders and then is not heard of for ten closes."""

    async def outage() -> LiveScene:
        scene = LiveScene(3, rows=30, strategies=2, ladders=False)
        await scene.play(darkness=range(12, 22))
        return scene

    scene = asyncio.run(outage())
    assert problems(scene) == []
    ended = scene.life.venue.account.finished.values()
    assert not [how for how in ended if how == "rejected"]
    assert scene.wire.struck["unreachable", "open orders"] > 0


@pytest.mark.slow
@pytest.mark.long
def test_scenarios_until_everything_went_wrong_once(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 120 of them; tests/chaos/exchange plays five hundred of whole sessions."""
    struck: Counter[tuple[str, str]] = Counter()
    killed: Counter[str] = Counter()
    broken: dict[int, list[str]] = {}
    seed = fills = lives = 0
    while seed < 120 or (missing(struck, killed) and seed < 500):
        scene = lived(seed, rows=16)
        struck += scene.wire.struck
        killed.update(kind for disk in scene.disks for kind in disk.killed)
        fills += len(scene.life.client.account.fills)
        lives += scene.lives
        found = problems(scene)
        if found:
            broken[seed] = found
        seed += 1
    with capsys.disabled():
        print(f"\n{seed} scenarios, {lives} lives, {fills} fills, {len(broken)} failures")
        print_matrix(struck, killed)
    assert not broken
    assert missing(struck, killed) == []


def missing(struck: Counter[tuple[str, str]], killed: Counter[str]) -> list[object]:
    """Return what has not gone wrong yet."""
    never: list[object] = [cell for cell in cells() if not struck[cell]]
    return never + [kind for kind in WRITTEN if not killed[kind]]


def cells() -> list[tuple[str, str]]:
    """Return every (fault, operation) that must have struck."""
    requests = [(fault, operation) for fault in REQUEST_FAULTS for operation in OPERATIONS]
    return requests + [(fault, "stream") for fault in STREAM_FAULTS]


def print_matrix(struck: Counter[tuple[str, str]], killed: Counter[str]) -> None:
    """Show what struck what, how often."""
    print("fault".ljust(12), *(operation.rjust(17) for operation in OPERATIONS))
    for fault in REQUEST_FAULTS:
        print(fault.ljust(12), *(str(struck[fault, name]).rjust(17) for name in OPERATIONS))
    print("stream:", {fault: struck[fault, "stream"] for fault in STREAM_FAULTS})
    print("killed before this was on disk:", dict(sorted(killed.items())))
