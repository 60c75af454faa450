"""RLlib's PPO as this project uses it: built for the compiled environment, read without it."""

from __future__ import annotations

import logging
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from aster_ray.errors import AsterError
from aster_ray.models.policy import Policy, layers_of
from aster_ray.research.env import EpisodeConfig
from tune.vector_env import VectorTrading

if TYPE_CHECKING:
    from tune.ppo import Preset

_MODULE = "default_policy"
# What an iteration reports, by the names RLlib gives them.
_LOSSES = ("policy_loss", "vf_loss", "entropy", "mean_kl_loss")


def build(preset: Preset, episodes: EpisodeConfig, arena: Any) -> Any:
    """Return PPO ready to train; ``arena`` is a reference to an ``Arena`` in the object store.

    Sampling and learning take turns in this process: with the environment compiled, a second
    process would only wait for the first.
    """
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    untyped: Any = PPOConfig
    config = (
        untyped()
        .environment(VectorTrading, env_config={"arena": arena, "episodes": episodes})
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=preset.envs,
            gym_env_vectorize_mode="vector_entry_point",
        )
        .learners(num_learners=0)
        .training(
            train_batch_size_per_learner=preset.batch,
            minibatch_size=preset.minibatch,
            num_epochs=preset.epochs,
            lr=preset.learning_rate,
            gamma=preset.discount,
            lambda_=0.95,
            entropy_coeff=preset.entropy,
            grad_clip=0.5,
            grad_clip_by="global_norm",
        )
        .rl_module(
            model_config=DefaultModelConfig(
                fcnet_hiddens=list(preset.hidden), fcnet_activation="tanh", vf_share_layers=False
            )
        )
        .debugging(seed=episodes.seed, log_level="ERROR")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its advice is about stacks this code does not use
        algorithm: Any = config.build_algo()
    return algorithm


def losses_of(result: dict[str, Any]) -> dict[str, float]:
    """Return what is worth keeping of an iteration's report: finite numbers only.

    RLlib's own episode lengths and returns are left out: with a local runner it counts them wrong.
    """
    learner = result.get("learners", {}).get(_MODULE, {})
    found = {name: float(learner[name]) for name in _LOSSES if name in learner}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def extracted(algorithm: Any, symbols: int) -> Policy:
    """Return the trained network as a ``Policy``, after comparing the two on random observations.

    Raises:
        AsterError: the network is not the one this code knows how to read.
    """
    module: Any = algorithm.get_module(_MODULE)
    encoder, head = "encoder.actor_encoder.", "pi."
    state = {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}
    names = [name for name in state if name.startswith((encoder, head)) and name.endswith("weight")]
    layers = layers_of([(state[name], state[f"{name[:-6]}bias"]) for name in names])
    policy = Policy(layers, symbols)
    draw = np.random.default_rng(0).uniform(-5.0, 5.0, (256, layers[0][0].shape[1]))
    seen = draw.astype(np.float32)
    with torch.no_grad():
        out = module.forward_inference({"obs": torch.from_numpy(seen)})
    expected = out["action_dist_inputs"].cpu().numpy()
    if not np.allclose(policy.scores(seen).reshape(len(seen), -1), expected, atol=1e-4):
        raise AsterError("RLlib's network is not the one that was expected: pin ray's version")
    return policy
