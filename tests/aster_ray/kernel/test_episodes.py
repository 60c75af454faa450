"""Episodes step through the market as a simulation does; what is over waits."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.books import new_book
from aster_ray.kernel.covariance import covariance_path
from aster_ray.kernel.episodes import (
    LARGEST,
    Run,
    World,
    begin_episodes,
    step_episodes,
)
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, LONG, MARK_CLOSE, SHORT, Book, Setup, SignalColumns
from tests.factories import (
    CAPITAL,
    a_bar,
    a_market,
    an_open_setup,
    market_of,
    no_bar,
    says,
    simulated,
)

WIDTH = 1  # of what is seen of the market here: the number of the row
WEEK_BARS = 7 * 24
FIRST = 3


def stacked(fresh: Book, count: int) -> Book:
    """Return the tables of ``count`` accounts, to be filled by a beginning."""
    tables: list[Any] = []
    for index, table in enumerate(fresh):
        shape = (count,) if index == 0 else (count, *table.shape)
        wide = np.zeros(shape, table.dtype)
        tables.append(wide.view(np.recarray) if table.dtype.names else wide)
    return Book(*tables)


class Stage:
    """Episodes over one market, one long signal for everybody unless told."""

    def __init__(self, market: Market, setup: Setup, first: list[int], steps: int) -> None:
        rows, symbols = market.bars.shape[:2]
        count = len(first)
        covariance = np.zeros((rows, symbols, symbols))
        marks = np.ascontiguousarray(market.bars[:, :, MARK_CLOSE])
        scratch = np.full(symbols, np.nan), np.zeros((symbols, symbols))
        covariance_path(marks, float(setup.limits["covariance_decay"][0]), *scratch, covariance)
        here = np.where(np.isnan(market.bars[:, :, CLOSE]), -1, np.arange(rows)[:, None])
        upto = np.maximum.accumulate(here, axis=0)
        self.setup = setup
        self.fresh = new_book(symbols, 1, CAPITAL, ladders=False)
        self.books = stacked(self.fresh, count)
        self.world = World(
            bars=market.bars,
            open_ms=market.open_ms,
            timeframe_ms=market.timeframe_ms,
            covariance=covariance,
            seen=np.vstack([np.full((1, symbols), -1), upto[:-1]]),
            features=np.arange(rows, dtype=np.float32)[:, None],
        )
        self.run = Run(
            row=np.array(first),
            until=np.array(first) + steps,
            over=np.ones(count, np.bool_),
            reward=np.ones(count),
            terminated=np.ones(count, np.bool_),
            truncated=np.ones(count, np.bool_),
            observation=np.zeros((count, WIDTH + 3 * symbols + 3), np.float32),
        )
        self.begin(np.arange(count))

    def begin(self, chosen: np.ndarray) -> None:
        begin_episodes(self.books, self.fresh, self.setup, self.world, self.run, chosen)

    def step(self, code: int = LONG, units: float = 1.0) -> None:
        count, symbols = len(self.run.row), len(self.setup.rules)
        row = says(symbols, stop_loss=0.5)
        signals = SignalColumns(
            np.full((count, symbols), code, np.int8),
            *row[1:4],
            target_units=np.full((count, symbols), units),
            ladder=row.ladder,
        )
        step_episodes(self.books, self.setup, self.world, signals, self.run)


def after_a_history(*prices: float, symbols: int = 1) -> Market:
    """Return a market whose row ``FIRST`` closes at the first price, after some risk to see."""
    closes = (100.0, 101.0, 99.0, *prices)
    return market_of(np.array([[a_bar(price)] * symbols for price in closes], np.float64))


def test_an_episode_is_a_simulation_from_its_first_row() -> None:
    market = a_market(120, 2, seed=4, gaps=0.1)
    setup = an_open_setup(2, taker_fee=0.0006, slippage=0.0005)
    first = [20, 37, 60]
    stage = Stage(market, setup, first, 40)
    draw = np.random.default_rng(1)
    codes = draw.choice([0, LONG, SHORT], 40, p=[0.8, 0.1, 0.1])
    path = [stage.books.account["equity"].copy()]
    for code in codes:
        stage.step(int(code))
        path.append(stage.books.account["equity"].copy())
    for e, begin in enumerate(first):
        upto = dataclasses.replace(market.rows(0, begin + 41), start=begin)
        said = says(2, stop_loss=0.5)._replace(code=np.zeros((len(upto), 2), np.int8))
        said.code[begin : begin + 40] = codes[:, None]
        expected = simulated(setup, upto, said, ladders=False)
        assert np.array(path)[:, e].tobytes() == expected.equity[begin:].tobytes()
        assert stage.books.account[e]["traded"] == expected.book.account[0]["traded"] > 0.0


def test_a_window_that_has_ended_waits_until_it_begins_anew() -> None:
    market = after_a_history(*[100.0] * 20)
    stage = Stage(market, an_open_setup(taker_fee=0.001), [FIRST, FIRST], 3)
    stage.run.until[1] = 12
    assert not stage.run.over.any()
    for _ in range(3):
        stage.step()
    assert stage.run.truncated.tolist() == [True, False]
    assert stage.run.terminated.tolist() == [False, False]
    held = stage.books.account[0].copy()
    stage.step(SHORT)
    assert stage.run.row.tolist() == [FIRST + 3, FIRST + 4]
    assert stage.books.account[0] == held
    stage.run.row[0], stage.run.until[0] = 8, 15
    stage.begin(np.array([0]))
    assert not stage.run.over[0]
    assert stage.run.reward[0] == 0.0
    assert stage.books.account[0]["equity"] == CAPITAL
    assert stage.books.sleeves[0, 0]["lots"] == 0
    assert stage.books.sleeves[1, 0]["lots"] != 0
    assert not stage.books.denials[0].any()


def test_the_reward_is_the_log_change_of_equity() -> None:
    market = after_a_history(100, 100, 110, 121)
    stage = Stage(market, an_open_setup(fixed_fraction=0.5), [FIRST], 3)
    before = stage.books.account["equity"][0]
    for _ in range(3):
        stage.step()
        after = stage.books.account["equity"][0]
        assert stage.run.reward[0] == pytest.approx(np.log(after / before), abs=1e-12)
        before = after
    assert before > 1.05 * CAPITAL


def test_a_halt_and_a_ruin_end_an_episode_for_good() -> None:
    market = after_a_history(100, 100, 80, 80, 1, 1)
    halted = Stage(market, an_open_setup(hard_drawdown=0.05, fixed_fraction=0.5), [FIRST], 5)
    steps = 0
    while not halted.run.over[0]:
        halted.step()
        steps += 1
    assert halted.run.terminated[0]
    assert not halted.run.truncated[0]
    assert steps < 5

    ruined = Stage(
        market,
        an_open_setup(leverage=50.0, fixed_fraction=20.0, liquidation_fee=1.0, enabled=0),
        [FIRST],
        5,
    )
    while not ruined.run.over[0]:
        ruined.step()
    assert ruined.run.terminated[0]
    assert ruined.run.reward[0] == pytest.approx(np.log(1e-6))  # not of zero


def test_what_is_seen_is_the_market_then_each_position_then_the_account() -> None:
    market = after_a_history(100, 100, 101, 101, symbols=2)
    market.bars[FIRST:, 1] = a_bar(50)
    setup = an_open_setup(2, fixed_fraction=0.2, hard_drawdown=0.2, max_daily_opens=4)
    stage = Stage(market, setup, [FIRST], 3)
    assert stage.run.observation[0].tolist() == [FIRST] + [0.0] * 9
    stage.step(SHORT, 0.5)
    seen = stage.run.observation[0]
    assert seen[0] == FIRST + 1
    assert seen[1:7] == pytest.approx([-0.5, 0.0, 1 / WEEK_BARS] * 2)  # held, gain %, age
    assert seen[9] == 0.5  # two of the day's four opening fills
    stage.step(SHORT, 0.5)
    seen = stage.run.observation[0]
    assert seen[2] == pytest.approx(-1.0)  # the short loses one percent
    assert seen[5] == 0.0
    drawdown = 1.0 - stage.books.account["equity"][0] / CAPITAL
    assert seen[7] == pytest.approx(drawdown / 0.2)
    assert seen[8] == pytest.approx(-drawdown / setup.limits["daily_loss"][0])


def test_age_is_a_share_of_the_holding_limit_and_no_observation_leaves_its_range() -> None:
    market = after_a_history(100, 100, 120)
    stage = Stage(market, an_open_setup(holding_ms=10 * 3_600_000), [FIRST], 2)
    stage.step()
    assert stage.run.observation[0, 3] == pytest.approx(0.1)
    stage.step()
    assert stage.run.observation[0, 2] == LARGEST  # a gain of twenty percent


def test_a_beginning_knows_the_last_mark_before_it_and_none_that_is_still_to_come() -> None:
    bars = np.array([[a_bar(90), no_bar()]] + [[no_bar(), no_bar()]] * 3, np.float64)
    bars[3] = a_bar(100)
    stage = Stage(market_of(bars), an_open_setup(2), [2], 1)
    np.testing.assert_array_equal(stage.books.positions[0]["mark"], [90.0, np.nan])
