from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics.attribution import by_sleeve, by_strategy, by_symbol, extremes
from aster_ray.metrics.facts import RunFacts, no_fills
from aster_ray.metrics.round_trips import pair_fills
from tests.aster_ray.metrics.accounts import STEP, random_book

MONEY = ("fees", "funding", "slippage", "traded", "realized", "unrealized", "net", "fills")


@given(st.lists(STEP, min_size=1, max_size=40))
def test_every_cut_adds_up_to_the_account(steps: list[tuple[int, str, int, float, int, float]]):
    book = random_book(steps)
    facts = book.facts()
    trips = pair_fills(facts)
    sleeves = by_sleeve(facts, trips)
    change = facts.equity[-1] - facts.capital
    assert sum(row["net"] for row in sleeves) == pytest.approx(change, abs=1e-6)
    for cut, name in ((by_symbol(facts, trips), "symbol"), (by_strategy(facts, trips), "strategy")):
        for key, row in cut.items():
            part = [sleeve for sleeve in sleeves if sleeve[name] == key]
            for column in MONEY:
                total = sum(sleeve[column] for sleeve in part)
                assert row[column] == pytest.approx(total, abs=1e-6)
            assert row["round_trips"] == sum(sleeve["round_trips"] for sleeve in part)


def test_sleeves_come_by_strategy_then_symbol_and_idle_ones_are_listed(facts: RunFacts) -> None:
    rows = by_sleeve(facts, pair_fills(facts))
    names = [(row["strategy"], row["symbol"]) for row in rows]
    assert names == [
        ("grid", "BTCUSDT"),
        ("grid", "ETHUSDT"),
        ("momentum", "BTCUSDT"),
        ("momentum", "ETHUSDT"),
    ]
    assert [row["fills"] for row in rows] == [0, 1, 58, 0]
    assert rows[3]["win_rate"] is None


def test_extremes_are_the_ends_of_the_list_and_what_is_left_without_the_best(
    facts: RunFacts,
) -> None:
    trips = pair_fills(facts)
    nets = sorted(trip.net for trip in trips if not trip.is_open)
    found = extremes(trips)
    assert [row["net"] for row in found["worst"]] == nets[:6]
    assert [row["net"] for row in found["best"]] == nets[:-7:-1]
    assert found["net_without_best"] == pytest.approx(sum(nets[:-6]))
    nothing = extremes(pair_fills(replace(facts, fills=no_fills())))
    assert nothing == {"best": [], "worst": [], "net_without_best": None}
