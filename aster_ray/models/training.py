"""Train boosted trees from decisions to artifact; the host decides where each part runs.

The period is cut into development, calibration and held-out parts. Walk-forward folds inside the
development part show how steady the result is; nothing is chosen by them. The held-out part is
looked at once, by ``conclude``.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np

from aster_ray.errors import ConfigError
from aster_ray.features import catalogue
from aster_ray.features.labels import FORWARD, KINDS
from aster_ray.features.volatility import LOG_DEVIATION
from aster_ray.model.ids import DAY_MS
from aster_ray.models.artifact import Artifact, make_artifact
from aster_ray.models.boosted import (
    KIND,
    PAYLOAD,
    BoostedModel,
    Trees,
    TreesConfig,
    grow_trees,
    horizon_deviation,
)
from aster_ray.models.calibrate import Calibration, fit_calibration
from aster_ray.models.card import Label, ModelCard, Origin
from aster_ray.models.dataset import Dataset, catalogue_inputs
from aster_ray.models.judge import Judgement, baseline_rules, confident_margin, judge
from aster_ray.models.measures import auc, block_weights, mean_of, rank_correlation, surprise
from aster_ray.models.splits import Parts, Split, divide, walk_forward


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Everything that changes what is trained, beside the market and the seed.

    Attributes:
        horizon: bars ahead.
        label: ``log_return`` or ``triple_barrier``; ``width`` is the half-width of the barriers.
        folds: walk-forward folds inside the development part.
        resamples: of the bootstrap.
        trees: how they are grown.
        features: names of the catalogue.
    """

    horizon: int = 4
    label: str = FORWARD
    width: float = 1.5
    folds: int = 5
    resamples: int = 1000
    trees: TreesConfig = field(default_factory=TreesConfig)
    features: tuple[str, ...] = catalogue.NAMES

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = []
        if self.horizon < 1:
            found.append(f"horizon must be at least 1 bar, was {self.horizon}")
        if self.label not in KINDS:
            found.append(f"label must be one of {', '.join(KINDS)}, was {self.label!r}")
        if not self.width > 0.0:
            found.append(f"width must be greater than 0, was {self.width}")
        return found

    def taught(self) -> Label:
        """Return the label definition."""
        barriers = {} if self.label == FORWARD else {"width": self.width}
        return Label(kind=self.label, horizon=self.horizon, parameters=barriers)

    def digest(self, surroundings: object) -> str:
        """Return a hash of this configuration and of JSON-ready ``surroundings``."""
        text = json.dumps([asdict(self), surroundings], sort_keys=True, allow_nan=False)
        return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


PRESETS: Mapping[str, TrainingConfig] = {
    "smoke": TrainingConfig(folds=3, resamples=200, trees=TreesConfig(trees=60, depth=3, rate=0.1)),
    "standard": TrainingConfig(),
}


class Plan(NamedTuple):
    """Which decisions serve for what."""

    parts: Parts
    folds: list[Split]  # row numbers of the whole dataset


class Grown(NamedTuple):
    """The model before it is judged."""

    trees: bytes
    calibration: Calibration
    margin: float  # distance from one half of the most confident tenth, before the held-out part


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a training run is called and made from."""

    name: str
    symbols: tuple[str, ...]
    timeframe: str
    timeframe_ms: int
    origin: Origin
    cost: float  # of a round trip, as a fraction of notional


def checked(preset: str, horizon: int | None, label: str | None) -> TrainingConfig:
    """Return a preset with what was asked for instead.

    Raises:
        ConfigError: the preset is unknown or a value out of range.
    """
    if preset not in PRESETS:
        raise ConfigError([f"preset must be one of {', '.join(PRESETS)}, was {preset!r}"])
    config = PRESETS[preset]
    config = config if horizon is None else replace(config, horizon=horizon)
    config = config if label is None else replace(config, label=label)
    if config.problems():
        raise ConfigError(config.problems())
    return config


def plan_training(dataset: Dataset, config: TrainingConfig, timeframe_ms: int) -> Plan:
    """Cut the period; the embargo is the horizon.

    Raises:
        ModelError: there are too few decisions.
    """
    embargo_ms = config.horizon * timeframe_ms
    parts = divide(dataset.close_ms, dataset.end_ms, embargo_ms)
    inner = dataset.take(parts.development)
    folds = [
        Split(parts.development[split.train], parts.development[split.test])
        for split in walk_forward(inner.close_ms, inner.end_ms, config.folds, embargo_ms)
    ]
    return Plan(parts, folds)


def run_fold(dataset: Dataset, split: Split, config: TrainingConfig, seed: int) -> dict[str, float]:
    """Train on one fold and return what its test block says of the raw score."""
    past, later = dataset.take(split.train), dataset.take(split.test)
    trees = Trees(grow_trees(past.features, past.up, config.trees, seed))
    score = trees.score(later.features)
    every = np.ones(len(later))
    usual = surprise(np.full(len(later), float(np.mean(past.up))), later.up)
    own = surprise(1.0 / (1.0 + np.exp(-score)), later.up)
    found = {
        "auc": auc(score, later.up)(every),
        "rank_correlation": rank_correlation(score, later.log_return)(every),
        "skill": mean_of(usual - own)(every),
    }
    return {"rows": float(len(later)), **{k: v for k, v in found.items() if v is not None}}


def grow(dataset: Dataset, parts: Parts, config: TrainingConfig, seed: int) -> Grown:
    """Train on the development part and calibrate on the next."""
    past, middle = dataset.take(parts.development), dataset.take(parts.calibration)
    content = grow_trees(past.features, past.up, config.trees, seed)
    column = config.features.index(LOG_DEVIATION)
    deviation = horizon_deviation(middle.features[:, column], config.horizon)
    score = Trees(content).score(middle.features)
    calibration = fit_calibration(score, deviation, middle.log_return)
    odds = calibration.slope * score + calibration.intercept
    return Grown(content, calibration, confident_margin(1.0 / (1.0 + np.exp(-odds))))


def conclude(
    dataset: Dataset,
    plan: Plan,
    config: TrainingConfig,
    grown: Grown,
    folds: list[dict[str, float]],
    setting: Setting,
) -> Artifact:
    """Judge the model on the held-out part, once, and return it as an artifact."""
    learnt = np.concatenate([plan.parts.development, plan.parts.calibration])
    past, later = dataset.take(learnt), dataset.take(plan.parts.held_out)
    inputs = catalogue_inputs(config.features)
    card = ModelCard(
        kind=KIND,
        name=setting.name,
        symbols=setting.symbols,
        timeframe=setting.timeframe,
        inputs=inputs,
        label=config.taught(),
        origin=setting.origin,
        training=past.span,
        held_out=later.span,
        metrics={},
        baselines={},
        verdict="",
        parameters={
            "trees": asdict(config.trees),
            "calibration": grown.calibration._asdict(),
            "seen": _seen(past, config.features),
            "folds": folds,
            "resamples": config.resamples,
            "confident_margin": grown.margin,
            "round_trip_cost": setting.cost,
        },
        packages=_packages(),
    )
    payload = {PAYLOAD: grown.trees}
    model = BoostedModel(make_artifact(card, payload))
    judgement = _judged(model, past, later, config, grown, setting)
    return make_artifact(
        replace(
            card,
            metrics=judgement.metrics,
            baselines=judgement.baselines,
            verdict=judgement.verdict,
        ),
        payload,
    )


def _judged(
    model: BoostedModel,
    past: Dataset,
    later: Dataset,
    config: TrainingConfig,
    grown: Grown,
    setting: Setting,
) -> Judgement:
    block_ms = max(DAY_MS, 2 * config.horizon * setting.timeframe_ms)
    seed = setting.origin.seed
    weights = block_weights(later.close_ms, block_ms, config.resamples, seed)
    rules = baseline_rules(past, later, config.features)
    return judge(later, model.predict(later.features), rules, grown.margin, setting.cost, weights)


def _seen(past: Dataset, names: tuple[str, ...]) -> dict[str, list[float]]:
    """Return the range of each feature in training: beyond it a tree only repeats its edge."""
    low, high = past.features.min(axis=0), past.features.max(axis=0)
    return {name: [float(low[i]), float(high[i])] for i, name in enumerate(names)}


def _packages() -> dict[str, str]:
    import xgboost

    import aster_ray

    return {
        "aster-ray": aster_ray.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "xgboost": str(xgboost.__version__),
    }
