"""A sweep is many backtests: the fast way, the plain way and the engine give the same numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from aster_ray import settings
from aster_ray.config import read_assignments
from aster_ray.errors import ConfigError
from aster_ray.kernel.market import Market
from aster_ray.metrics import performance
from aster_ray.model.enums import FillKind
from aster_ray.research import sweep
from aster_ray.research.backtest import run_prepared
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import RunRequest, build_request
from aster_ray.research.sweep import (
    combinations_of,
    run_sweep,
    sweep_sets,
    widest_request,
)
from aster_ray.strategies.contract import Panel, Params, Signals
from aster_ray.strategies.momentum import Momentum
from tests.factories import a_market

GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "momentum": {"fast": (4, 12), "slow": (10, 30), "adx_min": (0, 25), "stop_loss": (0.01, 0.04)},
    "mean_reversion": {"window": (10, 20), "oversold": (30, 45), "take_profit": (0, 0.02)},
}


def a_request(*strategies: str, **options: Any) -> RunRequest:
    texts = [f"{name.replace('__', '.')}={value}" for name, value in options.items()]
    return build_request(settings.load(None, {}, read_assignments(texts)), strategies)


def a_prepared(strategy: str, market: Market) -> tuple[Prepared, list[sweep.Sets]]:
    request = a_request(strategy)
    _, found = combinations_of(request, GRIDS[strategy])
    sets = [own for _, own in found]
    return prepare(widest_request(request, sets), market), sets


def a_holey_market(symbols: int = 2) -> Market:
    """Return bars of which some are missing, of prices that the built-in rules can trade."""
    return a_market(1_500, symbols, seed=3, volatility=0.004, gaps=0.03, start=120)


@pytest.mark.parametrize("strategy", sorted(GRIDS))
@pytest.mark.parametrize("symbols", [1, 2])
def test_the_fused_way_gives_what_the_strategy_itself_says(
    strategy: str, symbols: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, sets = a_prepared(strategy, a_holey_market(symbols))
    fast = sweep_sets(prepared, sets)
    assert sum(outcome.round_trips for outcome in fast) > 20 * symbols
    assert len({outcome.total_return for outcome in fast}) > len(sets) // 2
    monkeypatch.setattr(sweep, "Fused", type("Nothing", (), {}))
    assert sweep_sets(prepared, sets) == fast


def test_a_strategy_that_rewrites_signals_is_not_swept_by_the_rule_it_inherits() -> None:
    class Quiet(Momentum):
        name = "quiet"

        def signals(self, panel: Panel, params: Params) -> Signals:
            return Signals(np.zeros(panel.close.shape, np.int8), stop_loss=0.1)

    class Renamed(Momentum):
        name = "renamed"

    prepared, sets = a_prepared("momentum", a_holey_market(1))
    for strategy, trades in ((Quiet(), False), (Renamed(), True)):
        own = dataclasses.replace(prepared, strategies=((strategy, prepared.strategies[0][1]),))
        assert any(o.round_trips for o in sweep_sets(own, sets[:4])) == trades


@pytest.mark.parametrize("strategy", sorted(GRIDS))
def test_every_set_equals_the_engine_with_the_same_parameters(strategy: str) -> None:
    prepared, sets = a_prepared(strategy, a_holey_market())
    for own, outcome in list(zip(sets, sweep_sets(prepared, sets), strict=True))[::3]:
        ((loaded, _),) = prepared.strategies
        alone = dataclasses.replace(prepared, strategies=((loaded, own[0]),))
        result = run_prepared(alone)
        equity = np.concatenate([[prepared.capital], result.equity])
        fills, trips = result.fills, result.report["round_trips"]["all"]
        settled = fills["kind"] == FillKind.FUNDING
        assert outcome.total_return == equity[-1] / prepared.capital - 1.0
        assert outcome.fees == pytest.approx(fills["fee"][~settled].sum(), rel=1e-12)
        assert outcome.funding == pytest.approx(fills["fee"][settled].sum(), rel=1e-12, abs=1e-12)
        assert outcome.slippage == pytest.approx(fills["slippage"].sum(), rel=1e-12)
        assert outcome.denials == sum(result.denials.values())
        assert outcome.round_trips == trips["round_trips"] > 0
        assert outcome.win_rate == trips["win_rate"]
        assert outcome.profit_factor == pytest.approx(trips["profit_factor"], rel=1e-9)
        assert outcome.max_drawdown == performance.max_drawdown(equity)
        per_year = performance.bars_per_year(prepared.market.timeframe_ms)
        judged = performance.sharpe(performance.returns(equity), per_year)
        assert outcome.sharpe == pytest.approx(judged, rel=1e-9)


def test_the_order_of_sets_is_kept_however_many_threads_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared, sets = a_prepared("momentum", a_holey_market())
    many = sets * 12  # several chunks for each thread
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = sweep_sets(prepared, many)
    assert alone[: len(sets)] == sweep_sets(prepared, sets)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert sweep_sets(prepared, many) == alone
    assert sweep_sets(prepared, many[::-1]) == alone[::-1]


def test_columns_computed_in_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, sets = a_prepared("momentum", a_holey_market())
    whole = sweep_sets(prepared, sets)
    made = []
    monkeypatch.setattr(
        sweep, "blocks", lambda params, *_: made.append(1) or [(0, 3), (3, 4), (4, len(params))]
    )
    assert sweep_sets(prepared, sets) == whole
    assert made


def test_progress_counts_up_to_all_sets() -> None:
    prepared, sets = a_prepared("mean_reversion", a_holey_market(1))
    seen: list[tuple[int, int]] = []
    sweep_sets(prepared, sets, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(sets), len(sets))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_no_sets_is_no_outcome() -> None:
    prepared, _ = a_prepared("momentum", a_holey_market(1))
    assert sweep_sets(prepared, []) == []


def test_several_strategies_share_one_account() -> None:
    request = a_request("momentum", "mean_reversion")
    grid = {"momentum.fast": (4, 8), "mean_reversion.stop_loss": (0.01, 0.02)}
    _, found = combinations_of(request, grid)
    prepared = prepare(widest_request(request, [own for _, own in found]), a_holey_market())
    outcomes = sweep_sets(prepared, [own for _, own in found])
    strategies = [strategy for strategy, _ in prepared.strategies]
    for (_, own), outcome in zip(found, outcomes, strict=True):
        pairs = tuple(zip(strategies, own, strict=True))
        result = run_prepared(dataclasses.replace(prepared, strategies=pairs))
        assert outcome.total_return == result.equity[-1] / prepared.capital - 1.0


def test_a_combination_the_strategy_rules_out_is_left_out() -> None:
    names, found = combinations_of(a_request("momentum"), {"fast": (5, 20), "slow": (10, 20, 30)})
    assert names == ["fast", "slow"]
    assert [values for values, _ in found] == [(5, 10), (5, 20), (5, 30), (20, 30)]


def test_a_grid_without_any_allowed_combination_says_why() -> None:
    with pytest.raises(ConfigError, match="fast must be below slow"):
        combinations_of(a_request("momentum"), {"fast": (50, 60), "slow": (20,)})


def test_a_grid_name_of_no_strategy_is_refused() -> None:
    with pytest.raises(ConfigError, match="'width' belongs to no strategy"):
        combinations_of(a_request("momentum"), {"width": (1.0,)})


def test_all_sets_trade_the_bars_the_slowest_needs_no_warm_up_for() -> None:
    request = a_request("momentum")
    _, found = combinations_of(request, {"slow": (40, 90), "adx_period": (5, 70)})
    (_, params), *_ = widest_request(request, [own for _, own in found]).strategies
    assert (params["slow"], params["adx_period"]) == (40.0, 70.0)  # 6 x 70 bars: the longest


def test_rows_come_best_first_with_their_parameters_and_undefined_last() -> None:
    request = a_request("momentum", data__symbols="BTC", data__timeframe="4h")
    # An ADX of 60 is never reached on these bars: no trade, no Sharpe ratio.
    result = run_sweep(request, {"fast": (5, 9), "slow": (12, 30), "adx_min": (15, 60)})
    sharpes = [row["sharpe"] for row in result.rows]
    assert len(sharpes) == 8
    defined = [value for value in sharpes if value is not None]
    assert defined == sorted(defined, reverse=True)
    assert sharpes == defined + [None] * (len(sharpes) - len(defined))
    assert {"fast", "slow", "adx_min", "total_return"} <= result.rows[0].keys()


@pytest.mark.parametrize(("metric", "rising"), [("total_return", False), ("max_drawdown", True)])
def test_rows_are_ranked_by_the_metric_asked_for(metric: str, rising: bool) -> None:
    request = a_request("momentum", data__symbols="BTC", data__timeframe="4h")
    result = run_sweep(request, {"fast": (5, 9), "slow": (12, 30)}, metric=metric)
    values = [row[metric] for row in result.rows]
    assert values == sorted(values, reverse=not rising)
    assert len(set(values)) == 4
    assert result.metric == metric


def test_an_unknown_metric_is_refused_before_any_work() -> None:
    with pytest.raises(ConfigError, match="'beauty' must be one of sharpe"):
        run_sweep(a_request("momentum"), {"fast": (5,)}, metric="beauty")
