"""The environment is the kernel: its account is that of a simulation with the same actions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from aster_ray.errors import ConfigError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import ACCOUNT, POSITION
from aster_ray.kernel.simulator import Simulator
from aster_ray.model.enums import TradingState
from aster_ray.research import observation
from aster_ray.research.env import Arena, EpisodeConfig, TradingEnv, replayed
from tests.factories import CAPITAL, a_market, a_setup

COSTS = {"taker_fee": 0.0006, "maker_fee": 0.0002, "slippage": 0.0005}


def an_arena(rows: int = 900, symbols: int = 2, seed: int = 0, **fields: Any) -> Arena:
    market = a_market(rows, symbols, seed=seed, volatility=0.006, start=0)
    setup = a_setup(symbols, 1, **{**COSTS, **fields})
    return Arena(market, setup, CAPITAL)


def an_env(arena: Arena, envs: int = 6, steps: int = 150, seed: int = 1) -> TradingEnv:
    return TradingEnv(arena, EpisodeConfig(envs=envs, steps=steps, seed=seed))


def random_actions(env: TradingEnv, steps: int, seed: int = 0, stay: float = 0.8) -> np.ndarray:
    """Return i8[steps, E, N] of actions that mostly repeat the one before."""
    draw = np.random.default_rng(seed)
    shape = (steps, env.config.envs, len(env.arena.market.symbols))
    actions = draw.integers(0, env.actions, shape)
    for t in range(1, steps):
        actions[t] = np.where(draw.random(shape[1:]) < stay, actions[t - 1], actions[t])
    return actions


def simulated(arena: Arena, env: TradingEnv, first: int, actions: np.ndarray) -> Any:
    """Return (book, equity from ``first`` on) of a simulation of the same actions."""
    upto = first + len(actions) + 1
    market = dataclasses.replace(arena.market.rows(0, upto), start=first)
    columns = replayed(arena._replace(market=market), env.config, first, actions)
    book, trace = Simulator(market, arena.setup, arena.capital).trace(columns)
    return book, trace.equity[first:]


@pytest.mark.parametrize("symbols", [1, 2])
@pytest.mark.parametrize("hard", [0.2, 0.002])
def test_the_account_is_the_simulated_one_bit_for_bit(symbols: int, hard: float) -> None:
    arena = an_arena(symbols=symbols, soft_drawdown=hard, hard_drawdown=hard)
    env = an_env(arena)
    env.reset(seed=3)
    first = env.rows
    actions = random_actions(env, env.config.steps, seed=symbols)
    equity, alive = [env.equity], np.ones(env.config.envs, bool)
    lengths, finals = np.zeros(env.config.envs, int), {}
    ended_early = 0
    for t in range(env.config.steps):
        step = env.step(actions[t])
        equity.append(env.equity)
        over = alive & (step.terminated | step.truncated)
        ended_early += int((alive & step.terminated).sum())
        for e in np.flatnonzero(over):
            lengths[e] = t + 1
            finals[int(e)] = env.account(e).copy()
        alive &= ~over
        if not alive.any():
            break
    assert (ended_early > 0) is (hard < 0.1)
    path = np.array(equity)
    traded = 0
    for e in range(env.config.envs):
        count = lengths[e]
        book, expected = simulated(arena, env, int(first[e]), actions[:count, e])
        assert path[: count + 1, e].tobytes() == expected.tobytes()
        account = book.account[0]
        # Not how many rows of a close's buffers were used: calm bars skip those.
        same = set(ACCOUNT.names or ()) - {"fill_count", "intent_count"}
        assert [finals[e][name] for name in same] == [account[name] for name in same]
        traded += int(account["traded"] > 0.0)
    assert traded == env.config.envs


def test_an_altered_kernel_number_is_noticed() -> None:
    arena = an_arena()
    env = an_env(arena)
    env.reset(seed=3)
    first = int(env.rows[0])
    actions = random_actions(env, 100)
    for action in actions:
        env.step(action)
    altered = arena._replace(setup=a_setup(2, 1, **{**COSTS, "taker_fee": 0.0006 + 1e-9}))
    _, honest = simulated(arena, env, first, actions[:, 0])
    _, other = simulated(altered, env, first, actions[:, 0])
    assert env.equity[0] == honest[-1]
    assert env.equity[0] != other[-1]


def test_rewards_add_up_to_the_log_of_equity_net_of_costs() -> None:
    env = an_env(an_arena())
    env.reset(seed=5)
    total = np.zeros(env.config.envs)
    for action in random_actions(env, 120, seed=2):
        total += env.step(action).reward
    np.testing.assert_allclose(total, np.log(env.equity / CAPITAL), rtol=0.0, atol=1e-12)
    assert (env._books.account["fees"] > 0.0).all()


def test_doing_nothing_earns_nothing_and_trading_for_nothing_costs() -> None:
    env = an_env(an_arena(symbols=1))
    env.reset(seed=5)
    flat = np.full((env.config.envs, 1), observation.FLAT)
    assert all((env.step(flat).reward == 0.0).all() for _ in range(50))


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    arena = an_arena()
    runs = []
    for seed in (4, 4, 5):
        env = an_env(arena, steps=40)
        seen = [env.reset(seed=seed)]
        rewards = []
        for action in random_actions(env, 130):
            step = env.step(action)
            seen.append(step.observation)
            rewards.append(step.reward)
        runs.append((np.array(seen).tobytes(), np.array(rewards).tobytes()))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_how_many_run_side_by_side_changes_none_of_them() -> None:
    arena = an_arena()
    wide, narrow = an_env(arena, envs=6, steps=40), an_env(arena, envs=2, steps=40)
    wide.reset(seed=9)
    narrow.reset(seed=9)
    for action in random_actions(wide, 130):
        many, few = wide.step(action), narrow.step(action[:2])
        for one, other in zip(many, few, strict=True):
            assert one[:2].tobytes() == other.tobytes()


def test_the_step_after_an_end_begins_the_next_window() -> None:
    env = an_env(an_arena(), envs=3, steps=10)
    begun = env.reset(seed=1)
    first = env.rows
    for t in range(10):
        step = env.step(np.full((3, 2), 4))
        assert step.truncated.tolist() == [t == 9] * 3
    assert env.rows.tolist() == (first + 10).tolist()
    traded = env.equity
    step = env.step(np.full((3, 2), 4))
    assert step.reward.tolist() == [0.0] * 3
    assert not (step.terminated | step.truncated).any()
    assert env.equity.tolist() == [CAPITAL] * 3 != traded.tolist()
    assert env.rows.tolist() != first.tolist()
    assert step.observation.shape == begun.shape


def test_a_halted_account_ends_its_episode() -> None:
    env = an_env(an_arena(soft_drawdown=0.001, hard_drawdown=0.001), envs=4, steps=200)
    env.reset(seed=2)
    for _ in range(200):
        step = env.step(np.full((4, 2), 4))
        ended = np.flatnonzero(step.terminated)
        if len(ended):
            break
    assert len(ended)
    assert env.account(ended[0])["state"] == TradingState.HALTED
    assert not step.truncated[ended].any()


def poisoned(market: Market, t: int, seed: int) -> Market:
    """Return the market with every number after row ``t`` changed."""
    draw = np.random.default_rng(seed)
    factor = np.exp(draw.normal(0.0, 0.5, market.bars[t + 1 :, :, :1].shape))
    bars, volume = market.bars.copy(), market.volume.copy()
    funding = market.funding_rate.copy()
    bars[t + 1 :] *= factor
    volume[t + 1 :] *= 7.0
    funding[t + 1 :] += 0.01
    return dataclasses.replace(market, bars=bars, volume=volume, funding_rate=funding)


def test_bars_after_t_change_no_observation_at_t() -> None:
    arena = an_arena(rows=700)
    first = np.array([observation.lookback() + 20, observation.lookback() + 55])
    actions = random_actions(an_env(arena, envs=2, steps=150), 90)

    def seen(market: Market, upto: int) -> bytes:
        env = an_env(arena._replace(market=market), envs=2, steps=150)
        parts = [env.reset(first=first)]
        parts += [env.step(action).observation for action in actions[:upto]]
        return np.array(parts).tobytes()

    for steps in (0, 1, 40, 90):
        t = int(first.max()) + steps
        honest = seen(arena.market, steps)
        assert seen(poisoned(arena.market, t, steps), steps) == honest
        if steps:
            assert seen(poisoned(arena.market, t - 1, steps), steps) != honest


def test_observations_are_bounded_finite_and_named() -> None:
    env = an_env(an_arena(), envs=4, steps=60)
    parts = [env.reset(seed=0)]
    parts += [env.step(action).observation for action in random_actions(env, 300)]
    values = np.array(parts).reshape(-1, parts[0].shape[1])
    assert values.shape[1] == len(env.inputs.names) == 2 * (len(observation.FEATURES) + 3) + 3
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= 5.0
    # Every column says something: none is constant over varied trading.
    dull = [env.inputs.names[k] for k in np.flatnonzero(np.ptp(values, axis=0) == 0.0)]
    assert dull == []


def test_a_definition_or_another_symbol_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = observation.inputs(("BTCUSDT",)).digest
    assert observation.inputs(("ETHUSDT",)).digest != digest
    monkeypatch.setitem(observation.ACCOUNT, "drawdown", "another formula")
    assert observation.inputs(("BTCUSDT",)).digest != digest


def test_every_action_is_the_signal_it_says() -> None:
    code, units = observation.action_codes()
    assert code.tolist() == [2, 2, 12, 1, 1]
    assert units.tolist() == [1.0, 0.5, 1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (EpisodeConfig(envs=0), "envs must be at least 1"),
        (EpisodeConfig(steps=0), "steps must be at least 1"),
        (EpisodeConfig(stop_loss=0.0), "stop_loss must lie above 0"),
        (EpisodeConfig(steps=5_000), "the market has 900"),
    ],
)
def test_episodes_that_cannot_be_are_refused(config: EpisodeConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TradingEnv(an_arena(), config)


def test_windows_outside_the_market_are_refused() -> None:
    env = an_env(an_arena(), envs=1)
    with pytest.raises(ValueError, match="episodes begin within"):
        env.reset(first=np.array([0]))


def test_positions_are_those_of_the_account() -> None:
    env = an_env(an_arena(symbols=1), envs=1, steps=100)
    env.reset(seed=0)
    for _ in range(3):
        step = env.step(np.array([[4]]))
    position = env._books.positions[0]
    assert position.dtype.names == POSITION.names
    held = env.inputs.names.index(f"{env.arena.market.symbols[0]}.held")
    assert step.observation[0, held] == pytest.approx(1.0)
    assert position["lots"][0] > 0
