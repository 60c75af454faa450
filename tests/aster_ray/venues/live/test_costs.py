"""What every netted order has cost, read from a log whose venue is the simulated exchange."""

from __future__ import annotations

import math

import pytest

from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.algos.shortfall import Shortfall
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.venues.live.costs import execution_section, order_costs
from tests.aster_ray.venues.live.lives import CAPITAL, LiveScene
from tests.aster_ray.venues.live.test_children import manner, played


def costs_of(scene: LiveScene) -> list[Shortfall]:
    """Read a scene's log from its beginning."""
    account = VenueAccount(scene.setup, CAPITAL, "scene")
    account.warm_up(scene.market)
    return order_costs(list(scene.disks[2].kept), account, scene.instruments)


@pytest.mark.parametrize("execution", [ExecutionConfig(), manner("twap", maker_first=True)])
def test_the_costs_are_the_venues_own_fills_beside_the_closes(execution: ExecutionConfig) -> None:
    scene = played(11, execution)
    found = costs_of(scene)
    kept = scene.disks[2].kept
    assert len(found) > 5
    trades = [record for record in kept if record["kind"] == "trade"]
    own = {one.parent_id for one in found}
    assert len(own) == len(found)
    lot = [float(one.lot) for one in scene.instruments]
    names = [one.symbol for one in scene.instruments]
    children = {
        record["child_id"]: record["parent_id"] for record in kept if record["kind"] == "algo_place"
    }
    for one in found:
        mine = [r for r in trades if children.get(r["id"], r["id"]) == one.parent_id]
        n = names.index(one.symbol)
        assert one.filled == sum(r["lots"] for r in mine)
        assert one.fees == pytest.approx(sum(r["fee"] for r in mine), abs=1e-9)
        real = sum(r["lots"] * (r["price"] - one.decision_price) for r in mine) * lot[n]
        parts = one.delay + one.spread + one.impact
        assert parts == pytest.approx(real, abs=1e-6)
        if mine:
            mean = sum(r["lots"] * r["price"] for r in mine) / one.filled
            assert one.average_price == pytest.approx(mean)
            assert one.bps() == pytest.approx(1e4 * one.total / one.notional)
        close = [r for r in kept if r["kind"] == "bars" and r["close_ms"] == one.decided_ms]
        assert len(close) == 1


def test_the_section_has_a_row_for_each_symbol_and_algorithm_and_one_for_all() -> None:
    scene = played(11, manner("maker_first"))
    found = costs_of(scene)
    section = execution_section(found)
    assert list(section)[-2:] == ["all", "orders"]
    assert section["all"]["orders"] == len(section["orders"]) == len(found)
    assert section["all"]["children"] == sum(one.children for one in found)
    mean = math.fsum(one.bps() for one in found) / len(found)
    assert section["all"]["mean_bps"] == pytest.approx(mean)
    assert section["all"]["mean_low_bps"] < mean < section["all"]["mean_high_bps"]
    assert 0.0 < section["all"]["maker"] <= 1.0
    assert execution_section([]) == {"orders": []}
