"""An agent judged on bars it never saw, beside rules that need no training, all costs paid.

The agent walks through the environment once, with its likeliest action at every close; its account
is then the simulation of those actions, so it is measured by exactly what measures a strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import SignalColumns
from aster_ray.kernel.simulator import Outcome, Simulator
from aster_ray.metrics.benchmark import buy_and_hold
from aster_ray.metrics.facts import RunFacts, no_fills, no_orders
from aster_ray.metrics.performance import bars_per_year, max_drawdown, returns, sharpe
from aster_ray.metrics.significance import confidence
from aster_ray.models.card import Estimate
from aster_ray.research import observation
from aster_ray.research.env import Arena, EpisodeConfig, TradingEnv, replayed
from aster_ray.research.prepare import Prepared
from aster_ray.strategies.contract import Panel
from aster_ray.strategies.encode import signal_columns

Estimates = Mapping[str, Estimate]
Act = Callable[[np.ndarray], np.ndarray]  # f4[1, D] -> i8[1, N]
MEASURES = ("sharpe", "total_return", "max_drawdown", "exposure", "round_trips", "fees")


class Walk(NamedTuple):
    """What an agent did on the held-out rows."""

    first: int
    actions: np.ndarray  # i8[R, N]
    equity: np.ndarray  # f8[R + 1], the environment's own account


class Judgement(NamedTuple):
    """An agent beside the rules it must beat."""

    metrics: Estimates
    baselines: Mapping[str, Estimates]
    verdict: str
    walk: Walk


def walk_through(arena: Arena, stop_loss: float, act: Act) -> Walk:
    """Let an agent trade every tradable row of a market in one episode."""
    first = max(arena.market.start, observation.lookback() - 1)
    steps = len(arena.market) - 1 - first
    env = TradingEnv(arena, EpisodeConfig(envs=1, steps=steps, stop_loss=stop_loss))
    seen = env.reset(first=np.array([first]))
    actions, equity = [], [float(env.equity[0])]
    for _ in range(steps):
        chosen = act(seen)
        step = env.step(chosen)
        seen = step.observation
        actions.append(chosen[0])
        equity.append(float(env.equity[0]))
        if step.terminated[0]:
            break
    return Walk(first, np.array(actions), np.array(equity))


def judge_agent(prepared: Prepared, stop_loss: float, act: Act) -> Judgement:
    """Judge an agent on the tradable rows of ``prepared``, whose own strategy is a baseline."""
    market = prepared.market
    arena = Arena(market, prepared.setup, prepared.capital)
    walk = walk_through(arena, stop_loss, act)
    market = _from(market, walk.first)
    arena = arena._replace(market=market)
    simulator = Simulator(market, prepared.setup, prepared.capital)
    config = EpisodeConfig(stop_loss=stop_loss)

    def says(actions: np.ndarray) -> SignalColumns:
        return replayed(arena, config, walk.first, actions)

    shape = (len(market) - walk.first, len(market.symbols))
    own = ((strategy, params) for strategy, params in prepared.strategies)
    asked = signal_columns(list(own), Panel.of(market))
    seed = prepared.request.settings.session.seed
    metrics = _measured(simulator, says(walk.actions), prepared.capital, seed)
    baselines = {
        "flat": _measured(
            simulator, says(np.full(shape, observation.FLAT)), prepared.capital, seed
        ),
        "always_long": _measured(
            simulator, says(np.full(shape, len(observation.TARGETS) - 1)), prepared.capital, seed
        ),
        prepared.strategies[0][0].name: _measured(simulator, asked, prepared.capital, seed),
        "buy_and_hold": _passive(prepared, market, seed),
    }
    return Judgement(metrics, baselines, verdict_of(metrics, baselines, shape[0]), walk)


def verdict_of(metrics: Estimates, baselines: Mapping[str, Estimates], rows: int) -> str:
    """Return one honest sentence about a held-out period."""
    own = metrics["sharpe"]
    if own.value is None:
        return f"On {rows:,} held-out bars the agent never traded: it has shown nothing."
    known = {name: base["sharpe"].value for name, base in baselines.items()}
    ahead = [name for name, value in known.items() if value is not None and value >= own.value]
    text = f"On {rows:,} held-out bars, costs paid, the agent's Sharpe ratio is {own.value:.2f}"
    if own.low is not None and own.high is not None:
        text += f" (95 % interval {own.low:.2f} to {own.high:.2f})"
    if ahead:
        return f"{text}; {' and '.join(ahead)} did at least as well: it has shown no skill."
    if own.low is None or own.low <= 0.0:
        return f"{text}, ahead of every baseline, but within what luck alone would show."
    return (
        f"{text}, ahead of every baseline on this one period; one period and one seed are no "
        "evidence of profit to come."
    )


def _from(market: Market, first: int) -> Market:
    """Return the market with ``first`` as its first tradable row."""
    from dataclasses import replace

    return replace(market, start=first)


def _measured(simulator: Simulator, columns: SignalColumns, capital: float, seed: int) -> Estimates:
    book, trace = simulator.trace(columns)
    outcome: Outcome = simulator.outcome(book, trace)
    market = simulator.market
    equity = np.concatenate([[capital], trace.equity[market.start :]])
    luck = confidence(returns(equity), market.timeframe_ms, seed)
    found = {name: Estimate(value=_number(getattr(outcome, name))) for name in MEASURES}
    for name, interval in (("sharpe", luck.sharpe), ("total_return", luck.total_return)):
        if interval is not None and found[name].value is not None:
            found[name] = Estimate(value=found[name].value, low=interval.low, high=interval.high)
    return found


def _passive(prepared: Prepared, market: Market, seed: int) -> Estimates:
    """Measure buy and hold of the whole capital."""
    rules, rows = prepared.setup.rules, len(market) - market.start
    facts = RunFacts(
        market=market,
        capital=prepared.capital,
        close_ms=np.array(market.close_ms[market.start :]),
        equity=np.full(rows, prepared.capital),
        gross=np.zeros(rows),
        fills=no_fills(),
        sleeves=tuple(("buy_and_hold", n) for n in range(len(market.symbols))),
        lots=np.array(rules["lot"]),
        taker_fee=np.array(rules["taker_fee"]),
        market_cost=np.array(rules["half_spread"] + rules["slippage"]),
        denials={},
        orders=no_orders(),
        provenance={},
        config={},
    )
    held = buy_and_hold(facts)
    equity = np.concatenate([[prepared.capital], held.equity])
    change = returns(equity)
    luck = confidence(change, market.timeframe_ms, seed)
    ratio = sharpe(change, bars_per_year(market.timeframe_ms))
    low_high = {} if luck.sharpe is None else luck.sharpe._asdict()
    return {
        "sharpe": Estimate(value=ratio, **low_high),
        "total_return": Estimate(value=float(equity[-1] / prepared.capital - 1.0)),
        "max_drawdown": Estimate(value=max_drawdown(equity)),
        "fees": Estimate(value=held.fees),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
