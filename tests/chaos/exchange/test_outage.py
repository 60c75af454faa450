"""The exchange takes orders and then is not heard of for ten minutes of its own time."""

from __future__ import annotations

import pytest

from tests.chaos.exchange.verdict import verdict
from tests.chaos.exchange.world import World

OUT, BACK = 6, 16  # closes, a minute each


class Darkness(World):
    """A scenario with an outage of ten minutes, and nothing else."""

    shut = False

    async def _between(self, seq: int) -> None:
        if seq == OUT:
            self.accepted = {order.request.client_id for order in self.theirs.open_orders.values()}
            self.gone_s = self._now
            if self.shut:
                await self.house.shut()
            else:
                self.house.strike("outage", self.plot.draw)
        elif seq == BACK:
            self.back_s = self._now
            if self.shut:
                await self.house.open(self.house.port)
            self.house.heal()
        await super()._between(seq)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4, 8])
@pytest.mark.parametrize("shut", [False, True], ids=["every request is cut off", "nobody is there"])
def test_ten_minutes_of_outage_after_acceptance_fail_no_order(seed: int, *, shut: bool) -> None:
    world = Darkness(seed, rows=24)
    world.shut = shut
    world.live()
    assert world.back_s - world.gone_s == pytest.approx(600.0, abs=1.0)
    assert len(world.accepted) >= 2
    log = world.account.disks[0].kept
    failed = [r for r in log if r["kind"] == "rejected" or r.get("status") == "rejected"]
    assert failed == []
    given_up = {r["id"] for r in log if r["kind"] in ("unsent", "drop")}
    assert not given_up & world.accepted
    assert verdict(world) == []
    assert world.failures == []
