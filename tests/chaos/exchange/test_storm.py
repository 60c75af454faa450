"""Whoever dies, whatever goes wrong between us and the exchange: its ledger and our records agree.

`python -m tests.chaos --exchange` lives through the same scenarios and prints the tables.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.exchange.cold import HOST, IDLE, JOURNALS, KINDS, REFUSED
from tests.chaos.exchange.plot import ACTORS, CELLS, PLACES, Cell
from tests.chaos.exchange.storm import SCENARIOS, lived_all, scenarios, table
from tests.chaos.exchange.verdict import verdict
from tests.chaos.exchange.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """Return a scenario with deaths, faults and fills in which nothing was broken."""
    wanted = [Cell(fault, "open", actor) for fault in ("lost ack", "drop") for actor in ACTORS]
    return World(3, tuple(wanted)).live()


def test_whoever_dies_the_books_agree(world: World) -> None:
    assert verdict(world) == []
    assert len(world.deaths) >= 3
    assert len(world.theirs.fills) > 5
    assert world.plot.toll.struck.keys() >= {"lost ack", "drop"}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=() if k in (JOURNALS, HOST) else pytest.mark.slow) for k in KINDS],
)
def test_who_lost_what_it_wrote_sends_nothing_and_a_new_session_takes_over(kind: str) -> None:
    cold = World(1, cold=kind, rows=8).live()
    assert verdict(cold) == []
    assert cold.cold.restarts == {(kind, REFUSED): 1}
    assert len(cold.sessions) == 2
    log = cold.account.disks[0].kept
    assert any(record["kind"] == "adopt" for record in log)
    assert any(record["kind"] == "trade" for record in log)


def _without(kind: str) -> Callable[[World], None]:
    def damage(world: World) -> None:
        log = world.account.disks[0].kept
        log.remove(next(record for record in log if record["kind"] == kind))

    return damage


def _otherwise(kind: str, **fields: Any) -> Callable[[World], None]:
    def damage(world: World) -> None:
        log = world.account.disks[0].kept
        record = next(record for record in log if record["kind"] == kind)
        record.update(fields)

    return damage


def _closed(world: World) -> None:
    for order in list(world.theirs.open_orders.values()):
        if order.request.kind.is_stop:
            world.exchange.cancel(order)


def _sent_twice(world: World) -> None:
    first = next(iter(world.theirs.orders.values()))
    world.theirs.orders[-1] = copy.copy(first)


def _fell_from_the_sky(world: World) -> None:
    world.account.disks[0].kept.append({"kind": "rejected", "id": _filled(world), "code": ""})


def _filled(world: World) -> str:
    orders = world.theirs.orders.values()
    return next(o.request.client_id for o in orders if o.status.name == "FILLED")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_without("trade"), "execution"),
        (_without("place"), "in no record"),
        (_otherwise("trade", fee=1.0), "execution"),
        (_otherwise("trade", lots=10_000), "lots at the venue"),
        (_sent_twice, "placed 2 times"),
        (_fell_from_the_sky, "counts as rejected, the venue has it"),
    ],
)
def test_the_verdict_sees_what_is_wrong(
    damage: Callable[[World], None], says: str, world: World
) -> None:
    log, orders = world.account.disks[0].kept, dict(world.theirs.orders)
    before = copy.deepcopy(log)
    try:
        damage(world)
        assert any(says in one for one in verdict(world))
    finally:
        log[:] = before
        world.theirs.orders.clear()
        world.theirs.orders.update(orders)
    assert verdict(world) == []


@pytest.mark.slow
@pytest.mark.long
def test_five_hundred_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    courses = list(lived_all(scenarios()))
    text, toll, broken = table(courses)
    with capsys.disabled():  # the table belongs into what CI prints
        print("\n" + text)
    assert [(course.scenario, course.broken) for course in broken] == []
    assert len(courses) >= SCENARIOS
    assert toll.missing() == []
    assert len(toll.cells) == len(CELLS)
    assert [place for place in PLACES if not toll.steps[place]] == []
    cold = sum((course.cold for course in courses), Counter())
    assert all(cold[kind, REFUSED] >= 10 for kind in KINDS)
    assert any(how == IDLE for _, how in cold)
