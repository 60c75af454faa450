"""How much the simulator streams: a figure, and that nobody is forgotten under load."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from aster_ray import clock
from aster_ray.model.ids import MINUTE_MS
from tests.aster_ray.venues.simulator.processes import Process, simulator

CONTRACTS, SECONDS = 50, 10
START_MS = 1_735_689_600_000


def recording(folder: Path) -> list[str]:
    """Write two hours of fifty contracts and return their names."""
    names = [f"C{n:02d}USDT" for n in range(CONTRACTS)]
    for n, name in enumerate(names):
        lines, close = ["ts,open,high,low,close,volume"], 100.0 + n
        for minute in range(120):
            opened, close = close, round(close + (minute % 7 - 3) * 0.05, 2)
            high, low = max(opened, close) + 0.06, min(opened, close) - 0.06
            prices = f"{opened:.2f},{high:.2f},{low:.2f},{close:.2f}"
            lines.append(f"{START_MS + MINUTE_MS * minute},{prices},{5_000 + n}")
        (folder / f"venue_um_{name}_1m.csv").write_text("\n".join(lines) + "\n")
    return names


async def count(process: Process, names: list[str]) -> Counter[str]:
    """Return how many frames of each contract arrive in a while, without repetitions."""
    streams = "/".join(f"{name.lower()}@depth20@100ms" for name in names)
    heard: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        address = f"{process.socket}/stream?streams={streams}"
        async with session.ws_connect(address, max_msg_size=0) as stream:
            first = clock.monotonic_ns()
            while clock.monotonic_ns() - first < SECONDS * 10**9:
                data = (await asyncio.wait_for(stream.receive_json(), 10))["data"]
                heard[data["s"]] += 1
    return heard


@pytest.mark.slow
def test_fifty_contracts_are_streamed_and_each_is_heard(tmp_path: Path) -> None:
    names = recording(tmp_path)
    with simulator("--replay", str(tmp_path)) as process:
        before = process.cpu_seconds()
        heard = asyncio.run(count(process, names))
        used = process.cpu_seconds() - before
        size = process.rss() / 2**20
    total = sum(heard.values())
    print(
        f"\n{total / SECONDS:,.0f} frames/s to one client, {total / SECONDS / CONTRACTS:.1f} a "
        f"contract and second, {used / SECONDS:.0%} of a core, {size:.0f} MiB"
    )
    assert set(heard) == set(names)
    # None is served at the cost of another.
    assert max(heard.values()) - min(heard.values()) <= 2
