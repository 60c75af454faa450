from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.data.instruments import packaged_instruments
from aster_ray.model.enums import Side
from aster_ray.venues.simulator.book import MARKET, Book, Entry, cross
from aster_ray.venues.simulator.contract import contract_of
from aster_ray.venues.simulator.liquidity import Liquidity
from aster_ray.venues.simulator.path import Print, TickBar, bar_prints

BTC = contract_of(packaged_instruments()["BTCUSDT"])
MID = 1_000_000


class Scene:
    """A book, the market that quotes in it, and what was traded."""

    def __init__(self, volume: int = 60_000) -> None:
        self.book = Book()
        self.market = Liquidity(BTC, self.book, seed=7)
        for _ in range(3):
            self.market.begin_bar(MID, volume)
        self.trades: list[tuple[Side, int, int, int]] = []  # taker's side, owner, ticks, lots

    def print(self, ticks: int, side: Side, lots: int) -> None:
        self.market.step(Print(ticks, side, lots), self.report)

    def report(self, side: Side, entry: Entry, lots: int) -> None:
        self.trades.append((side, entry.owner, entry.ticks, lots))

    def mine(self) -> list[tuple[Side, int, int, int]]:
        return [trade for trade in self.trades if trade[1] != MARKET]


def ours(side: Side, ticks: int, lots: int) -> Entry:
    return Entry(1, 1, side, ticks, lots)


@given(
    st.lists(
        st.tuples(st.integers(-40, 40), st.sampled_from(list(Side)), st.integers(0, 5_000)),
        min_size=1,
        max_size=40,
    )
)
def test_without_accounts_every_print_trades_whole_at_its_price(
    prints: list[tuple[int, Side, int]],
) -> None:
    scene = Scene()
    for offset, side, lots in prints:
        before = len(scene.trades)
        scene.print(MID + offset, side, lots)
        traded = scene.trades[before:]
        assert sum(trade[3] for trade in traded) == lots
        assert all(trade[0] is side and trade[2] == MID + offset for trade in traded)
        bid, ask = scene.book.best(Side.BUY), scene.book.best(Side.SELL)
        assert bid is not None
        assert ask is not None
        assert bid < ask


@given(
    st.lists(
        st.tuples(
            st.integers(-30, 30),
            st.sampled_from(list(Side)),
            st.integers(0, 900),
            st.integers(-30, 30),
            st.integers(0, 2_000),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_with_accounts_in_it_the_book_stays_whole(
    steps: list[tuple[int, Side, int, int, int]],
) -> None:
    scene = Scene()
    rested = 0
    for offset, side, lots, place, mine in steps:
        scene.print(MID + offset, side, lots)
        if mine and not scene.book.reaches(side, MID + place):
            scene.book.add(ours(side, MID + place, mine))
            rested += mine
        bid, ask = scene.book.best(Side.BUY), scene.book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
    left = sum(
        entry.lots for side in Side for entry in scene.book.entries(side) if entry.owner != MARKET
    )
    assert rested == left + sum(trade[3] for trade in scene.mine())


def test_an_order_waits_behind_those_that_were_there_before() -> None:
    scene = Scene()
    scene.print(MID, Side.SELL, 0)
    ahead = scene.book.levels(Side.BUY, 1)[0][1]
    scene.book.add(ours(Side.BUY, MID, 500))
    scene.print(MID, Side.SELL, ahead)
    assert scene.mine() == []
    # The market tops its quote up behind us, so the next seller meets us first.
    scene.print(MID, Side.SELL, 200)
    assert scene.mine() == [(Side.SELL, 1, MID, 200)]


def test_a_better_price_is_served_first() -> None:
    scene = Scene()
    scene.print(MID, Side.SELL, 0)
    ask = scene.book.best(Side.SELL)
    assert ask is not None
    assert ask - MID > 1
    scene.book.add(ours(Side.BUY, MID + 1, 50))
    scene.print(MID, Side.SELL, 80)
    assert scene.trades[0] == (Side.SELL, 1, MID + 1, 50)
    assert sum(trade[3] for trade in scene.trades) == 80


def test_what_the_market_runs_through_is_filled_whole() -> None:
    scene = Scene()
    scene.print(MID, Side.BUY, 10)
    scene.book.add(ours(Side.SELL, MID + 5, 10_000_000))
    scene.print(MID + 100, Side.BUY, 1)
    assert scene.mine() == [(Side.BUY, 1, MID + 5, 10_000_000)]


def test_a_large_order_at_the_price_stands_in_the_way() -> None:
    scene = Scene()
    scene.print(MID, Side.BUY, 10)
    scene.book.add(ours(Side.SELL, MID + 5, 10_000_000))
    scene.print(MID + 5, Side.SELL, 1)  # the best bid would be where we sell
    assert 0 < sum(trade[3] for trade in scene.mine()) < 10_000_000
    assert scene.book.best(Side.SELL) == MID + 5
    bid = scene.book.best(Side.BUY)
    assert bid is not None
    assert bid < MID + 5


def test_liquidity_that_was_taken_comes_back_step_by_step() -> None:
    scene = Scene()
    scene.print(MID, Side.SELL, 0)
    full = scene.book.lots_within(Side.BUY, None)
    cross(scene.book, Side.BUY, full // 2, None, lambda _entry, _lots: None)
    depths = []
    for _ in range(6):
        depths.append(scene.book.lots_within(Side.BUY, None))
        scene.print(MID, Side.SELL, 0)
    assert depths[0] < 0.6 * full
    assert depths == sorted(depths)
    assert depths[1] < 0.99 * full
    assert depths[-1] > 0.8 * full


def test_wild_markets_are_thin_and_wide_and_calm_ones_deep_and_tight() -> None:
    calm, wild = Scene(), Scene()
    rng = random.Random(5)
    close = MID
    for bar in range(400):
        # A long usual time, then quiet for the one and turmoil for the other.
        close += rng.randint(-300, 300)
        for scene, factor in ((calm, 0.2), (wild, 5.0)):
            moved = close if bar < 300 else MID + int(factor * rng.randint(-1000, 1000))
            scene.market.begin_bar(moved, 60_000)
    assert wild.market.wildness > 1.5
    assert calm.market.wildness < 1.0
    assert wild.market.spread > calm.market.spread
    for scene in (calm, wild):
        scene.print(MID, Side.BUY, 0)
    assert wild.book.lots_within(Side.BUY, None) < 0.6 * calm.book.lots_within(Side.BUY, None)


def test_the_same_seed_gives_the_same_book() -> None:
    books = []
    for _ in range(2):
        scene = Scene()
        bar = TickBar(MID, MID + 60, MID - 30, MID + 20, 5_000)
        for trade in bar_prints(bar, 40, random.Random(2)):
            scene.print(*trade)
        books.append([scene.book.levels(side, 100) for side in Side])
    assert books[0] == books[1]


@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_prices_next_to_zero_have_no_bids_below_zero(ticks: int) -> None:
    scene = Scene()
    scene.print(ticks, Side.BUY, 1)
    assert all(price > 0 for price, _ in scene.book.levels(Side.BUY, 100))
