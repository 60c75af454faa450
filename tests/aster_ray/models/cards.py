"""A model card for tests, any field of it replaceable."""

from __future__ import annotations

import dataclasses
from typing import Any

from aster_ray.models.card import (
    Estimate,
    Inputs,
    Label,
    ModelCard,
    Origin,
    Span,
    definition_digest,
)

INPUTS = Inputs(names=("ret_1", "rsi_14"), digest=definition_digest(("ret_1", "rsi_14")))


def a_card(**changes: Any) -> ModelCard:
    card = ModelCard(
        kind="xgboost",
        name="direction-1h",
        symbols=("BTCUSDT",),
        timeframe="1h",
        inputs=INPUTS,
        label=Label(kind="log_return", horizon=4, parameters={"barrier": 1.5}),
        origin=Origin(data="d" * 32, sources="s" * 32, config="c" * 32, seed=7),
        training=Span(start_ms=0, end_ms=3_600_000, rows=2),
        held_out=Span(start_ms=7_200_000, end_ms=10_800_000, rows=2),
        metrics={"auc": Estimate(value=0.53, low=0.51, high=0.55), "ic": Estimate(value=None)},
        baselines={"climatology": {"auc": Estimate(value=0.5)}},
        verdict="no edge",
        parameters={"depth": 4, "weights": [0.5, 0.25], "calibrated": True},
        packages={"xgboost": "3.2.0"},
    )
    return dataclasses.replace(card, **changes)
