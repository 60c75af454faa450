"""A policy is its layers: packed, read and refused without Ray or torch."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.errors import ModelError
from aster_ray.models.arrays import pack_arrays
from aster_ray.models.artifact import Artifact, make_artifact
from aster_ray.models.card import Estimate, Inputs, Label, ModelCard, Origin, Span
from aster_ray.models.policy import KIND, PAYLOAD, Policy, load_policy, pack_policy

INPUTS = Inputs(names=("a", "b", "c"), digest="d" * 32)


def a_policy(symbols: int = 2, actions: int = 5) -> Policy:
    draw = np.random.default_rng(0)
    shapes = ((8, 3), (4, 8), (symbols * actions, 4))
    layers = [
        (draw.normal(size=s).astype(np.float32), draw.normal(size=s[0]).astype(np.float32))
        for s in shapes
    ]
    return Policy(tuple(layers), symbols)


def an_artifact(payload: dict[str, bytes], kind: str = KIND) -> Artifact:
    span = Span(start_ms=0, end_ms=1, rows=1)
    card = ModelCard(
        kind=kind,
        name="agent",
        symbols=("BTCUSDT",),
        timeframe="1h",
        inputs=INPUTS,
        label=Label(kind="policy", horizon=1),
        origin=Origin(data="x", sources="y", config="z", seed=0),
        training=span,
        held_out=span,
        metrics={"sharpe": Estimate(value=None)},
        baselines={},
        verdict="nothing",
        parameters={},
        packages={},
    )
    return make_artifact(card, payload)


def test_scores_are_those_of_tanh_layers() -> None:
    policy = a_policy()
    seen = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    (w0, b0), (w1, b1), (w2, b2) = policy.layers
    for e, one in enumerate(seen):
        hidden = np.tanh(w1 @ np.tanh(w0 @ one + b0) + b1)
        expected = (w2 @ hidden + b2).reshape(2, 5)
        np.testing.assert_allclose(policy.scores(seen)[e], expected, rtol=1e-5)
        assert policy.act(seen)[e].tolist() == expected.argmax(axis=1).tolist()


def test_what_was_packed_is_read_bit_for_bit() -> None:
    policy = a_policy()
    read = load_policy(an_artifact(pack_policy(policy)), INPUTS)
    assert read.symbols == 2
    for (w, b), (x, y) in zip(policy.layers, read.layers, strict=True):
        assert w.tobytes() == x.tobytes()
        assert b.tobytes() == y.tobytes()


def test_observations_defined_differently_are_refused() -> None:
    artifact = an_artifact(pack_policy(a_policy()))
    with pytest.raises(ModelError, match="train it again"):
        load_policy(artifact, Inputs(names=INPUTS.names, digest="e" * 32))


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ({"policy.json": b"{}"}, KIND, "lacks policy.npz"),
        ({PAYLOAD: pack_arrays({"symbols": np.array(1)})}, KIND, "needs layers"),
        ({PAYLOAD: pack_arrays({"weights_0": np.zeros((2, 3))})}, KIND, "incomplete"),
        (pack_policy(a_policy()), "xgboost", "not 'ppo'"),
    ],
)
def test_what_is_no_policy_is_refused(payload: dict[str, bytes], kind: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_policy(an_artifact(payload, kind))


def test_layers_that_do_not_fit_are_refused() -> None:
    (first, _, last) = a_policy().layers
    with pytest.raises(ModelError, match="do not fit together"):
        Policy((first, last), 2)
    with pytest.raises(ModelError, match="does not fit its symbols"):
        Policy(a_policy().layers, 3)
