"""The trading environment as gymnasium and RLlib want it: E episodes behind one ``step``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import ray
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from aster_ray.kernel.episodes import LARGEST
from aster_ray.kernel.records import Setup
from aster_ray.research.env import Arena, EpisodeConfig, TradingEnv

# A reward is a log change of equity, a few basis points; a value network learns better from ones.
REWARD_SCALE = 100.0


class VectorTrading(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """``TradingEnv`` with spaces; the step after an end begins the next window (NEXT_STEP).

    ``config`` holds ``arena`` (an ``Arena``, or a reference to one in the object store),
    ``episodes`` (an ``EpisodeConfig``) and, from RLlib, ``num_envs`` and ``worker_index``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take the market from the object store: one copy serves every worker of a node."""
        arena: Any = config["arena"]
        if not isinstance(arena, Arena):
            arena = ray.get(arena)
            # From the object store arrays come read-only, another type to the compiler. The market
            # stays so, shared; the few rules are copied, or all would be compiled once more.
            setup = arena.setup
            own = (setup.rules.copy(), setup.brackets.copy(), setup.limits.copy())
            arena = arena._replace(setup=Setup(*own, setup.strategies))
        given: EpisodeConfig = config["episodes"]
        worker = int(getattr(config, "worker_index", 0))
        episodes = EpisodeConfig(
            envs=int(config.get("num_envs", given.envs)),
            steps=given.steps,
            stop_loss=given.stop_loss,
            seed=given.seed + 1_000_003 * worker,  # workers must not walk the same windows
        )
        self._env = TradingEnv(arena, episodes)
        symbols, actions = len(arena.market.symbols), self._env.actions
        self._shape = (episodes.envs, symbols)
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.spec = None
        self.render_mode = None
        self.num_envs = episodes.envs
        width = len(self._env.inputs.names)
        self.single_observation_space = gymnasium.spaces.Box(
            -LARGEST, LARGEST, (width,), np.float32
        )
        self.single_action_space = (
            gymnasium.spaces.Discrete(actions)
            if symbols == 1
            else gymnasium.spaces.MultiDiscrete([actions] * symbols)
        )
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin every episode; ``seed`` (the first one of a list) draws the windows anew."""
        first = seed[0] if isinstance(seed, list | tuple) else seed
        return self._env.reset(seed=None if first is None else int(first)), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one decision in every episode; rewards are log changes of equity times 100."""
        chosen = np.asarray(actions, np.int64).reshape(self._shape)
        step = self._env.step(chosen)
        reward = (REWARD_SCALE * step.reward).astype(np.float32)
        return step.observation, reward, step.terminated, step.truncated, {}
