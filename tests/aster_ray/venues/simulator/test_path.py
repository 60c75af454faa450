from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.path import FEWEST_STEPS, TickBar, bar_prints


@st.composite
def bars(draw: st.DrawFn, least: int = 0) -> TickBar:
    low = draw(st.integers(100, 1_000_000))
    high = draw(st.integers(low, low + 5_000))
    inside = st.integers(low, high)
    return TickBar(draw(inside), high, low, draw(inside), draw(st.integers(least, 10_000)))


@given(bars(least=4), st.integers(FEWEST_STEPS, 80), st.integers(0, 99))
def test_the_prints_of_a_bar_are_the_bar(bar: TickBar, steps: int, seed: int) -> None:
    prints = bar_prints(bar, steps, random.Random(seed))
    traded = [trade.ticks for trade in prints if trade.lots]
    assert len(prints) == steps
    assert (traded[0], max(traded), min(traded), traded[-1]) == bar[:4]
    assert sum(trade.lots for trade in prints) == bar.lots
    assert all(bar.low <= trade.ticks <= bar.high and trade.lots >= 0 for trade in prints)


@given(bars(), st.integers(FEWEST_STEPS, 20))
def test_the_taker_pushes_the_price(bar: TickBar, steps: int) -> None:
    prints = bar_prints(bar, steps, random.Random(1))
    for before, after in itertools.pairwise(prints):
        if after.ticks != before.ticks:
            assert after.side is (Side.BUY if after.ticks > before.ticks else Side.SELL)


def test_a_bar_without_volume_trades_nothing() -> None:
    prints = bar_prints(TickBar(100, 100, 100, 100, 0), 10, random.Random(1))
    assert [trade.lots for trade in prints] == [0] * 10


def test_a_bar_of_too_little_volume_still_shows_its_prices() -> None:
    prints = bar_prints(TickBar(100, 120, 90, 110, 1), 30, random.Random(1))
    traded = [trade.ticks for trade in prints if trade.lots]
    assert traded == [100, 90, 120, 110]


def test_a_rising_bar_visits_its_low_first_and_a_falling_one_its_high() -> None:
    for bar, order in (
        (TickBar(100, 120, 90, 110, 4), [100, 90, 120, 110]),
        (TickBar(110, 120, 90, 100, 4), [110, 120, 90, 100]),
    ):
        prints = bar_prints(bar, FEWEST_STEPS, random.Random(1))
        assert [trade.ticks for trade in prints] == order


def test_the_same_seed_gives_the_same_prints() -> None:
    bar = TickBar(100, 120, 90, 110, 500)
    assert bar_prints(bar, 50, random.Random(3)) == bar_prints(bar, 50, random.Random(3))
    assert bar_prints(bar, 50, random.Random(3)) != bar_prints(bar, 50, random.Random(4))


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        bar_prints(TickBar(1, 1, 1, 1, 1), 3, random.Random(1))
