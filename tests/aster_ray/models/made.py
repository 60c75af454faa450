"""Small trained models, and decisions in which something can be learnt."""

from __future__ import annotations

import numpy as np

from aster_ray.features import catalogue
from aster_ray.models.artifact import Artifact
from aster_ray.models.card import Label, Origin
from aster_ray.models.dataset import Dataset
from aster_ray.models.training import (
    PRESETS,
    Setting,
    TrainingConfig,
    conclude,
    grow,
    plan_training,
    run_fold,
)

LABEL = Label(kind="log_return", horizon=4)
SMOKE = PRESETS["smoke"]
HOUR_MS = 3_600_000


def trained(
    dataset: Dataset, seed: int = 7, config: TrainingConfig = SMOKE, cost: float = 0.0022
) -> Artifact:
    plan = plan_training(dataset, config, HOUR_MS)
    folds = [run_fold(dataset, split, config, seed) for split in plan.folds]
    setting = Setting(
        name="direction",
        symbols=("BTCUSDT", "ETHUSDT"),
        timeframe="1h",
        timeframe_ms=HOUR_MS,
        origin=Origin(data="d", sources="s", config=config.digest({}), seed=seed),
        cost=cost,
    )
    grown = grow(dataset, plan.parts, config, seed)
    return conclude(dataset, plan, config, grown, folds, setting)


def planted(dataset: Dataset, strength: float, seed: int = 1) -> Dataset:
    """Return the same decisions with returns drawn anew, ``strength`` of them told by the RSI.

    With 0 nothing can be learnt: direction is a coin whatever the features say.
    """
    draw = np.random.default_rng(seed)
    told = np.tanh(2.0 * dataset.features[:, catalogue.NAMES.index("rsi_14")])
    up = draw.random(len(dataset)) < 0.5 + 0.5 * strength * told
    size = np.abs(dataset.log_return) + 1e-6
    moved = np.where(up, size, -size)
    return Dataset(dataset.features, moved, moved, dataset.close_ms, dataset.end_ms, dataset.symbol)
