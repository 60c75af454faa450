from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest

from aster_ray.engine.strategy_desk import PreparedSignals, StrategyDesk
from aster_ray.errors import StrategyError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import LONG, SHORT, SignalColumns
from aster_ray.strategies.contract import Panel, Parameter, Signals, Stepwise, Strategy
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import resolve_params
from aster_ray.venues.replay import ReplayFeed
from tests.factories import a_market


class AboveItsMean:
    """Long above the mean of everything since the anchor: a memory that never forgets."""

    name: ClassVar[str] = "above_its_mean"
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def warmup(self, params: Mapping[str, float]) -> int:
        return 1

    def signals(self, panel: Panel, params: Mapping[str, float]) -> Signals:
        known = ~np.isnan(panel.close)
        total = np.cumsum(np.where(known, panel.close, 0.0), axis=0)
        mean = total / np.maximum(np.cumsum(known, axis=0), 1)
        above = np.where(known, np.sign(panel.close - mean), 0.0)
        return Signals(direction=above.astype(np.int8), confidence=0.9, stop_loss=0.05)


def test_bar_by_bar_it_says_what_one_pass_over_everything_says() -> None:
    market = a_market(300, 2, 4, start=20)  # long enough for its store to grow twice
    feed = ReplayFeed(market)
    strategies = [(AboveItsMean(), {})]
    live, known = StrategyDesk(strategies, feed.history), PreparedSignals(strategies, market)
    said = 0
    for batch in feed.batches():
        one, other = live.on_bars(batch), known.on_bars(batch)
        assert one.at == 0
        for column, whole in zip(one.signals, other.signals, strict=True):
            row = min(other.at, len(whole) - 1)
            assert column[0].tobytes() == whole[row].tobytes()
        said += int(np.any(one.signals.code))
    assert said > 200


def test_a_desk_that_restarts_from_the_anchor_says_the_same() -> None:
    market = a_market(120, 2, 4, start=20)
    feed = ReplayFeed(market)
    strategies = [(AboveItsMean(), {})]
    first, second = StrategyDesk(strategies, feed.history), None
    for batch in feed.batches():
        if batch.seq == 50:
            second = StrategyDesk(strategies, feed.history_until(50))
        one = first.on_bars(batch)
        if second is not None:
            assert second.on_bars(batch).signals.code.tobytes() == one.signals.code.tobytes()


def test_bars_out_of_order_are_refused() -> None:
    feed = ReplayFeed(a_market(30, 1, start=10))
    desk = StrategyDesk([(AboveItsMean(), {})], feed.history)
    desk.on_bars(feed.batch(0))
    with pytest.raises(ValueError, match="came after"):
        desk.on_bars(feed.batch(0))


def crosses(market: Market, strategy: Strategy) -> SignalColumns:
    """Return what a session would hear: one row per close."""
    feed = ReplayFeed(market)
    desk = StrategyDesk(
        [(strategy, resolve_params(strategy, {"fast": 3, "slow": 8}))], feed.history
    )
    rows = [desk.on_bars(batch).signals for batch in feed.batches()]
    return SignalColumns(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))


class Mirrored(Momentum):
    """Another rule than the one whose step-wise form it inherits."""

    name: ClassVar[str] = "mirrored"

    def signals(self, panel: Panel, params: Mapping[str, float]) -> Signals:
        found = Momentum().signals(panel, params)
        return dataclasses.replace(found, direction=-found.direction)


class Forgetful(Momentum):
    """A person's own step-wise form that remembers too little."""

    name: ClassVar[str] = "forgetful"
    stepwise: ClassVar[Stepwise] = dataclasses.replace(Momentum.stepwise, memory=lambda _: 1)


def test_whoever_writes_signals_anew_is_asked_for_them() -> None:
    market = a_market(300, 2, 4, start=100)
    ours, mirrored = crosses(market, Momentum()).code, crosses(market, Mirrored()).code
    entries = LONG | SHORT
    assert ((ours & entries) != 0).sum() > 5
    assert np.array_equal((ours & LONG) != 0, (mirrored & SHORT) != 0)


def test_a_step_wise_form_of_another_opinion_is_refused_before_it_trades() -> None:
    market = a_market(300, 2, 4, start=200)
    with pytest.raises(
        StrategyError, match=r"forgetful: stepwise and signals\(\) disagree about code"
    ):
        crosses(market, Forgetful())
