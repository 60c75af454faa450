"""Two executors on one account, each a process of its own: one sends, the other cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from aster_ray.errors import EXIT_BAD_INPUT
from aster_ray.model.enums import Side
from aster_ray.store.config import STATE_VARIABLE
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import to_units
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.tape import tape_of
from tests.aster_ray.venues.live.lives import NAMES, a_rough_market
from tests.aster_ray.venues.simulator.served import WALLET
from tests.chaos.exchange.contender import TTL_S, packaged_instruments
from tests.chaos.exchange.house import House, housed

ROOT = Path(__file__).parents[3]
_PATIENCE_S = 120.0


class Process:
    """A contender."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def begun(cls, house: House, name: str, state: Path) -> Process:
        environment = {**os.environ, STATE_VARIABLE: str(state), "PYTHONPATH": str(ROOT)}
        command = ("-m", "tests.chaos.exchange.contender", house.http, house.socket, name)
        pipe = asyncio.subprocess.PIPE
        made = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=pipe, stdout=pipe, env=environment, cwd=ROOT
        )
        return cls(made)

    async def says(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE_S):
            told: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return told

    async def buy(self, n: int, lots: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"buy {n} {lots}\n".encode())
        await self.process.stdin.drain()
        return await self.says()

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


def _protected(account: Account, name: str) -> int:
    """Return the lots of which a stop at the venue takes care."""
    stops = [one for one in account.resting(name) if one.request.kind.is_stop]
    return sum(one.left if one.request.side is Side.SELL else -one.left for one in stops)


@pytest.mark.slow
def test_of_two_executors_on_one_account_only_one_sends(tmp_path: Path) -> None:
    started: list[Process] = []

    async def begun(house: House, name: str) -> Process:
        started.append(await Process.begun(house, name, tmp_path))
        return started[-1]

    async def contend() -> None:
        market = a_rough_market(200)
        instruments = [packaged_instruments()[name] for name in NAMES]
        tape = tape_of(market, instruments, market.start)
        exchange = Exchange(tape, step_ms=15_000, deposit=to_units("10000"))
        account = exchange.account(WALLET)
        nobody = lambda *_: None  # noqa: E731
        async with housed(exchange, nobody, nobody) as house:
            try:
                await _contest(house, account, lambda name: begun(house, name))
            finally:
                for process in started:
                    await process.end()

    asyncio.run(contend())


async def _contest(house: House, account: Account, begun: Any) -> None:
    def ids() -> set[str]:
        return {order.request.client_id for order in account.orders.values()}

    btc, eth = NAMES
    first = await begun("first")
    epoch = (await first.says())["epoch"]
    assert await first.buy(0, 5) == {"sent": True, "held": 5}
    assert (account.position(btc).lots, _protected(account, btc)) == (5, 5)

    # The first lives: the second does not even ask the venue.
    before, asked = ids(), len(house.desk.requests)
    second = await begun("second")
    told = await second.says()
    assert told["refused"] == "LeaseHeldError"
    assert "traded by first" in told["why"]
    assert await second.process.wait() == EXIT_BAD_INPUT
    assert ids() == before
    assert asked <= len(house.desk.requests) <= asked + 50  # the first goes on comparing

    # The first is stopped beyond its time: the second takes over, and the first cannot go on.
    first.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(TTL_S + 2.0)
    third = await begun("third")
    higher = (await third.says())["epoch"]
    assert higher > epoch
    before = ids()
    first.process.send_signal(signal.SIGCONT)
    for _ in range(2):
        told = await first.buy(1, 3)
        assert told["refused"] == "LeaseHeldError", told
    assert ids() == before
    assert await third.buy(1, 4) == {"sent": True, "held": 4}
    assert (account.position(eth).lots, _protected(account, eth)) == (4, 4)

    # It is killed: the next need not wait, and has a higher epoch.
    third.process.kill()
    await third.process.wait()
    fourth = await begun("fourth")
    assert (await fourth.says())["epoch"] > higher
    told = await first.buy(1, 3)
    assert told["refused"] == "LeaseHeldError"
    ended = [order.request.client_id for order in account.orders.values()]
    assert len(ended) == len(set(ended))
    assert (account.position(btc).lots, account.position(eth).lots) == (5, 4)
    assert (_protected(account, btc), _protected(account, eth)) == (5, 4)
