"""A trained agent without its trainer: the layers of its network give the likeliest action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aster_ray.errors import ModelError
from aster_ray.models.arrays import pack_arrays, unpack_arrays
from aster_ray.models.artifact import Artifact
from aster_ray.models.card import Inputs

KIND = "ppo"
PAYLOAD = "policy.npz"

Layer = tuple[np.ndarray, np.ndarray]  # weights [out, in], bias [out]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Tanh layers and a linear head that scores every action of every symbol.

    Attributes:
        layers: f4, from the observation to the head, head last.
        symbols: how many symbols share the head; each has an equal part of it.
    """

    layers: tuple[Layer, ...]
    symbols: int

    def __post_init__(self) -> None:
        if not self.layers:
            raise ModelError("a policy needs layers; train it again")
        width = self.layers[0][0].shape[-1]
        for weights, bias in self.layers:
            if weights.ndim != 2 or weights.shape[1] != width or bias.shape != weights.shape[:1]:
                raise ModelError("the layers of a policy do not fit together; train it again")
            width = weights.shape[0]
        if width % self.symbols:
            raise ModelError("the head of a policy does not fit its symbols; train it again")

    def scores(self, observation: np.ndarray) -> np.ndarray:
        """Return f4[E, N, A], the unnormalised log probability of every action."""
        values = observation
        for weights, bias in self.layers[:-1]:
            values = np.tanh(values @ weights.T + bias)
        weights, bias = self.layers[-1]
        scored: np.ndarray = values @ weights.T + bias
        return scored.reshape(len(observation), self.symbols, -1)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return i8[E, N], the likeliest action of every symbol."""
        chosen: np.ndarray = np.argmax(self.scores(observation), axis=2)
        return chosen.astype(np.int64)


def pack_policy(policy: Policy) -> dict[str, bytes]:
    """Return the payload of an artifact."""
    arrays = {"symbols": np.array(policy.symbols, np.int64)}
    for k, (weights, bias) in enumerate(policy.layers):
        arrays |= {f"weights_{k}": weights, f"bias_{k}": bias}
    return {PAYLOAD: pack_arrays(arrays)}


def load_policy(artifact: Artifact, inputs: Inputs | None = None) -> Policy:
    """Return the policy of an artifact.

    Raises:
        ModelError: it is another kind of model, or learnt from observations defined differently.
    """
    artifact.require(KIND, inputs)
    if PAYLOAD not in artifact.payload:
        raise ModelError(f"model {artifact.card.name} lacks {PAYLOAD}; train it again")
    arrays = unpack_arrays(artifact.payload[PAYLOAD])
    count = sum(name.startswith("weights_") for name in arrays)
    try:
        layers = tuple((arrays[f"weights_{k}"], arrays[f"bias_{k}"]) for k in range(count))
        symbols = int(arrays["symbols"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"model {artifact.card.name} is incomplete: {error}") from error
    return Policy(layers, max(1, symbols))


def layers_of(pairs: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers as contiguous f4 arrays of their own."""
    return tuple((np.array(w, np.float32), np.array(b, np.float32)) for w, b in pairs)
