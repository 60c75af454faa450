from __future__ import annotations

from aster_ray import topology


def test_an_actor_is_named_by_its_role_and_part() -> None:
    assert topology.actor_name(topology.RISK) == "risk"
    assert topology.actor_name(topology.FEED, "binance") == "feed:binance"
    assert len(set(topology.PIPELINE)) == 4
