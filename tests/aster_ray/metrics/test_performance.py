from __future__ import annotations

import math
import warnings
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics import performance as p
from tests.aster_ray.metrics.accounts import DAY, HOUR

CURVE = np.array([100.0, 110.0, 99.0, 121.0])
GROWTH = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=40)


def curve_of(growth: list[float]) -> np.ndarray:
    return 1_000.0 * np.cumprod([1.0, *growth])


def test_returns_are_simple_and_start_from_the_capital() -> None:
    assert p.returns(CURVE) == pytest.approx([0.1, -0.1, 121 / 99 - 1])
    assert len(p.returns(np.array([100.0]))) == 0


@pytest.mark.parametrize("last", [0.0, -5.0])
def test_ruin_leaves_ratios_undefined_but_not_the_loss(last: float) -> None:
    ruined = np.array([100.0, 110.0, last])
    assert len(p.returns(ruined)) == 0
    assert p.sharpe(p.returns(ruined), 365) is None
    assert p.cagr(ruined, 1.0) is None
    assert p.calmar(ruined, 1.0) is None
    assert p.turnover(1_000.0, ruined, 1.0) is None
    assert p.mean_leverage(np.array([1.0, 1.0]), ruined[1:]) is None
    assert p.total_return(ruined) == last / 100 - 1
    assert p.max_drawdown(ruined) == 1 - last / 110


def test_total_return_and_growth_of_a_hand_worked_curve() -> None:
    assert p.total_return(CURVE) == pytest.approx(0.21)
    assert p.cagr(CURVE, 2.0) == pytest.approx(0.1)
    assert p.cagr(CURVE, 0.0) is None


def test_growth_of_a_few_minutes_is_undefined_rather_than_infinite() -> None:
    assert p.cagr(np.array([1.0, 2.0]), 1e-6) is None


def test_sharpe_of_a_hand_worked_series() -> None:
    # mean 0.02, deviations -0.01, 0, 0.01: standard deviation 0.01; 2 x sqrt(365)
    assert p.sharpe(np.array([0.01, 0.02, 0.03]), 365) == pytest.approx(2 * math.sqrt(365))


def test_sortino_counts_every_bar_in_the_downside() -> None:
    # mean 0.01; downside sqrt(0.02^2 / 4) = 0.01
    assert p.sortino(np.array([0.03, -0.02, 0.03, 0.0]), 1) == pytest.approx(1.0)


def test_ratios_without_deviation_are_undefined() -> None:
    constant = p.returns(100.0 * 1.01 ** np.arange(20))  # equal up to rounding
    assert p.sharpe(constant, 365) is None
    assert p.sharpe(np.zeros(10), 365) is None
    assert p.sortino(constant, 365) is None
    assert p.volatility(np.zeros(10), 365) == 0.0
    assert p.calmar(np.array([1.0, 2.0]), 1.0) is None


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_returns_define_nothing(count: int) -> None:
    few = np.full(count, 0.1)
    assert p.sharpe(few, 365) is p.sortino(few, 365) is p.volatility(few, 365) is None


def test_drawdown_of_a_hand_worked_curve() -> None:
    equity = np.array([100.0, 120.0, 120.0, 90.0, 100.0, 120.0, 119.0])
    ms = np.arange(7) * HOUR
    assert p.max_drawdown(equity) == 0.25
    assert p.deepest_drawdown(ms, equity) == (0.25, 2 * HOUR, 3 * HOUR, 5 * HOUR)
    assert p.longest_drawdown_ms(ms, equity) == 3 * HOUR


def test_drawdown_that_never_recovers_lasts_to_the_end() -> None:
    equity, ms = np.array([100.0, 90.0, 95.0]), np.arange(3) * HOUR
    assert p.deepest_drawdown(ms, equity) == (pytest.approx(0.1), 0, HOUR, None)
    assert p.longest_drawdown_ms(ms, equity) == 2 * HOUR


def test_rising_curve_has_no_drawdown() -> None:
    equity, ms = np.array([1.0, 2.0, 2.0, 3.0]), np.arange(4) * HOUR
    assert p.max_drawdown(equity) == 0.0
    assert p.deepest_drawdown(ms, equity) is None
    assert p.longest_drawdown_ms(ms, equity) == 0


def test_exposure_and_turnover_of_a_hand_worked_run() -> None:
    gross, equity = np.array([0.0, 50.0, 150.0, 0.0]), np.array([100.0, 100.0, 100.0, 100.0])
    assert p.time_in_market(gross) == 0.5
    assert p.mean_leverage(gross, equity) == 0.5
    assert p.turnover(400.0, equity, 2.0) == 2.0


def test_a_bar_that_closes_at_midnight_belongs_to_the_day_it_ends() -> None:
    ms = np.array([0, DAY // 2, DAY, DAY + DAY // 2])
    assert p.daily_equity(ms, np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [1.0, 3.0, 4.0]


def test_months_multiply_to_the_total_return() -> None:
    ms = np.arange(0, 100 * DAY, DAY)
    equity = 100.0 * np.exp(np.random.default_rng(0).normal(0, 0.02, 100).cumsum())
    months = p.monthly_returns(ms, equity)
    assert list(months) == ["1970-01", "1970-02", "1970-03", "1970-04"]
    assert np.prod([1 + value for value in months.values()]) == pytest.approx(
        equity[-1] / equity[0]
    )


@given(GROWTH)
def test_drawdown_stays_a_fraction_and_scale_does_not_matter(growth: list[float]) -> None:
    equity = curve_of(growth)
    depth = p.max_drawdown(equity)
    assert depth is not None
    assert 0.0 <= depth < 1.0
    assert p.max_drawdown(equity * 8.0) == depth


@pytest.fixture(scope="module")
def quantstats() -> ModuleType:
    """The independent judge; its import warns about matters of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("quantstats_lumi.stats")


@pytest.mark.parametrize("seed", range(5))
def test_same_numbers_as_quantstats(quantstats: ModuleType, seed: int) -> None:
    """Conventions that match: zero risk-free rate, sample deviation (n - 1), downside over all
    bars, drawdown negative there and positive here. Its year has 365.25 days and its span runs
    from the first to the last return, one bar short of ours: the index is stretched accordingly.
    """
    pandas = pytest.importorskip("pandas")
    change = np.random.default_rng(seed).standard_t(4, 2_000) * 0.004 + 1e-4
    equity = 10_000.0 * np.cumprod(np.concatenate([[1.0], 1.0 + change]))
    annual = p.bars_per_year(HOUR)
    years = len(change) / annual
    end_ms = years * 365.25 * DAY
    index = pandas.to_datetime(np.linspace(0.0, end_ms, len(change)), unit="ms")
    theirs = pandas.Series(change, index=index)
    ours = p.returns(equity)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "sharpe": quantstats.sharpe(theirs, periods=annual),
            "sortino": quantstats.sortino(theirs, periods=annual),
            "volatility": quantstats.volatility(theirs, periods=annual),
            "max_drawdown": -quantstats.max_drawdown(theirs),
            "cagr": quantstats.cagr(theirs),
            "calmar": quantstats.calmar(theirs),
        }
    assert {
        "sharpe": p.sharpe(ours, annual),
        "sortino": p.sortino(ours, annual),
        "volatility": p.volatility(ours, annual),
        "max_drawdown": p.max_drawdown(equity),
        "cagr": p.cagr(equity, years),
        "calmar": p.calmar(equity, years),
    } == pytest.approx(expected, rel=1e-9)
