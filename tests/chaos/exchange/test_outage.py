"""The exchange takes orders and then is not heard of for ten minutes of its own time."""

from __future__ import annotations

import pytest

from tests.chaos.exchange.verdict import verdict
from tests.chaos.exchange.world import World

EARLIEST, LASTS, LEAST = 4, 10, 2  # closes, a minute each; orders that rest when it begins


class Darkness(World):
    """A scenario with an outage of ten minutes, and nothing else."""

    shut = False
    out = 1 << 30  # the close after which nobody answers
    gone_s = back_s = 0.0
    accepted: frozenset[str] = frozenset()

    async def _between(self, seq: int) -> None:
        resting = self.theirs.open_orders.values()
        if not self.accepted and seq >= EARLIEST and len(resting) >= LEAST:
            self.accepted = frozenset(order.request.client_id for order in resting)
            self.out, self.gone_s = seq, self._now
            if self.shut:
                await self.house.shut()
            else:
                self.house.strike("outage", self.plot.draw)
        elif seq == self.out + LASTS:
            self.back_s = self._now
            if self.shut:
                await self.house.open(self.house.port)
            self.house.heal()
        await super()._between(seq)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 8, 14])
@pytest.mark.parametrize("shut", [False, True], ids=["every request is cut off", "nobody is there"])
def test_ten_minutes_of_outage_after_acceptance_fail_no_order(seed: int, *, shut: bool) -> None:
    world = Darkness(seed, rows=24)
    world.shut = shut
    world.live()
    assert world.back_s - world.gone_s == pytest.approx(600.0, abs=1.0)
    assert len(world.accepted) >= LEAST
    log = world.account.disks[0].kept
    failed = {r["id"] for r in log if r["kind"] == "rejected" or r.get("status") == "rejected"}
    # The exchange itself may refuse one: a stop whose level was passed in the dark.
    assert not failed & {order.request.client_id for order in world.theirs.orders.values()}
    given_up = {r["id"] for r in log if r["kind"] in ("unsent", "drop")}
    assert not given_up & world.accepted
    assert verdict(world) == []
    assert world.failures == []
