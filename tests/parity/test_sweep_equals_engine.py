"""The promise of the design: the compiled sweep and the event engine agree bit for bit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.kernel.market import simple_market
from aster_ray.kernel.records import LONG
from aster_ray.model.enums import Denial, ExitReason, FillKind
from tests.factories import a_setup, says
from tests.parity.scenarios import (
    REGIMES,
    Outcome,
    Scenario,
    a_scenario,
    by_engine,
    by_simulate,
    differences,
)

SHAPES = ((1, 1), (1, 3), (2, 2), (3, 1), (4, 3))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    regime=st.sampled_from(REGIMES),
    shape=st.sampled_from(SHAPES),
    ladders=st.booleans(),
)
def test_every_host_agrees_bit_for_bit(
    seed: int, regime: str, shape: tuple[int, int], ladders: bool
) -> None:
    scenario = a_scenario(seed, regime, shape, ladders=ladders)
    assert differences(by_simulate(scenario), by_engine(scenario)) == []


@pytest.fixture(scope="module")
def suite() -> list[tuple[Scenario, Outcome]]:
    """A fixed set of scenarios of every regime, shape and seed parity, each run once."""
    cases = [
        a_scenario(seed, regime, shape, ladders=seed % 2 == 0, rows=400)
        for regime in REGIMES
        for seed, shape in enumerate(SHAPES * 2)
    ]
    return [(scenario, by_simulate(scenario)) for scenario in cases]


def test_the_suite_agrees_and_is_not_silent(suite: list[tuple[Scenario, Outcome]]) -> None:
    for scenario, outcome in suite:
        assert differences(outcome, by_engine(scenario)) == []
    assert sum(len(outcome.fills) for _, outcome in suite) > 10_000


def test_the_suite_reaches_every_exit_and_every_kind_of_fill(
    suite: list[tuple[Scenario, Outcome]],
) -> None:
    reasons = Counter(int(r) for _, outcome in suite for r in outcome.fills["reason"])
    expected = set(ExitReason) - {ExitReason.NONE, ExitReason.OPERATOR}
    assert {r.name for r in expected if not reasons[r]} == set()
    kinds = Counter(int(k) for _, outcome in suite for k in outcome.fills["kind"])
    assert {kind.name for kind in FillKind if not kinds[kind]} == set()


def test_the_suite_reaches_every_denial_a_market_can_cause(
    suite: list[tuple[Scenario, Outcome]],
) -> None:
    counts = np.sum([outcome.denials for _, outcome in suite], axis=0)
    # No mark cannot happen once a bar was seen, an operator's REDUCING needs an operator: both
    # have tests of their own. A bracket's leverage binds only where a profile exceeds it.
    elsewhere = {Denial.NONE, Denial.NO_MARK_PRICE, Denial.REDUCING, Denial.BRACKET_LEVERAGE}
    assert {d.name for d in set(Denial) - elsewhere if not counts[d]} == set()


def test_the_suite_sees_both_funding_signs_gap_stops_and_recentres(
    suite: list[tuple[Scenario, Outcome]],
) -> None:
    paid = received = gapped = 0
    for scenario, outcome in suite:
        fills = outcome.fills
        funding = fills["fee"][fills["kind"] == FillKind.FUNDING]
        paid += int((funding > 0).sum())
        received += int((funding < 0).sum())
        opens = scenario.market.bars[:, :, 0]
        close_ms = scenario.market.close_ms
        for fill in fills[fills["kind"] == FillKind.STOP]:
            row = int(np.searchsorted(close_ms, fill["ms"]))
            cost = scenario.setup.rules["slippage"] + scenario.setup.rules["half_spread"]
            side = -1 if fill["lots"] < 0 else 1
            at_open = opens[row, fill["symbol"]] * (1 + side * cost[fill["symbol"]])
            gapped += abs(at_open - fill["price"]) <= 0.0101
    assert paid > 100
    assert received > 100
    assert gapped > 10
    moved = sum(int((np.diff(np.unique(o.sleeves["recentre_bar"])) > 0).any()) for _, o in suite)
    assert moved > 3


@pytest.mark.parametrize("seed", range(6))
def test_altering_one_host_by_1e_7_is_noticed(seed: int) -> None:
    scenario = a_scenario(seed, "standard", (2, 2), ladders=True, rows=400)
    honest = by_simulate(scenario)
    assert differences(honest, by_engine(scenario)) == []
    assert "equity" in differences(honest, by_engine(scenario, distort=1e-7))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("known", [False, True])
def test_the_short_ways_of_the_sweep_change_nothing(regime: str, known: bool) -> None:
    """Idle skipping, calm bars and gliding against the same run traced bar by bar."""
    from aster_ray.kernel.simulator import Simulator
    from tests.factories import CAPITAL

    for seed in range(8):
        scenario = a_scenario(seed, regime, (1, 1), ladders=False, rows=1500)
        busy = scenario.signals
        sparse = busy._replace(code=np.where(np.arange(1500)[:, None] % 40 == 7, busy.code, 0))
        signals = sparse._replace(
            code=np.ascontiguousarray(sparse.code, np.int8),
            target_units=np.ones((1, 1)),
            stop_loss=np.full((1, 1), 0.04),
            take_profit=np.full((1, 1), 0.2),
            confidence=np.full((1, 1), 0.9),
        )
        simulator = Simulator(scenario.market, scenario.setup, CAPITAL)
        if not known:
            timeline = simulator._timeline
            simulator._timeline = timeline._replace(covariance=timeline.covariance[:0])
        short, quick = simulator.run(signals)
        long, full = simulator.trace(signals)
        engine = by_engine(scenario._replace(signals=signals))
        for table in ("sleeves", "positions", "account"):
            a, b = np.asarray(getattr(short, table)), np.asarray(getattr(long, table))
            assert a.dtype.names is not None
            for name in a.dtype.names:
                if name not in ("fill_count", "intent_count"):
                    same = np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f")
                    assert same, (table, name)
        np.testing.assert_array_equal(quick.moments, full.moments)
        np.testing.assert_array_equal(short.denials, long.denials)
        np.testing.assert_array_equal(full.equity[scenario.market.start :], engine.equity)
        assert len(full.fills) == len(engine.fills)


def test_a_halt_closes_what_lacked_a_bar_when_it_came() -> None:
    """The second symbol has no bar while the first one ruins the day; it must not stay open."""
    prices = np.full((60, 2, 4), (100.0, 100.1, 99.9, 100.0))
    prices += np.sin(np.arange(60.0))[:, None, None]
    prices[20:, 0] *= 0.7
    market = simple_market(prices)
    market.bars[19:25, 1] = np.nan
    said = says(2, stop_loss=0.5)
    signals = said._replace(code=np.zeros((60, 2), np.int8))
    signals.code[12] = LONG
    fields = {"max_symbol": 0.5, "max_asset": 0.5, "max_position_risk": 1.0, "max_var": 10.0}
    setup = a_setup(2, sizing=0, fixed_fraction=0.2, hard_drawdown=0.03, **fields)
    scenario = Scenario(setup, replace(market, start=10), signals)
    swept = by_simulate(scenario)
    assert differences(swept, by_engine(scenario)) == []
    closing = swept.fills[swept.fills["reason"] == ExitReason.DRAWDOWN_HALT]
    assert closing["ms"].tolist() == [market.open_ms[21], market.open_ms[26]]
