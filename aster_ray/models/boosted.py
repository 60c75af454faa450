"""Boosted trees that forecast the direction of the next bars (XGBoost)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aster_ray.errors import ModelError
from aster_ray.features.volatility import LOG_DEVIATION
from aster_ray.models.artifact import Artifact
from aster_ray.models.calibrate import Calibration, Predictions, apply_calibration
from aster_ray.models.dataset import catalogue_inputs

KIND = "xgboost"
PAYLOAD = "model.ubj"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreesConfig:
    """How trees are grown: shallow, slow and heavily restrained, for there is little to find.

    Attributes:
        trees: how many.
        depth: splits from root to leaf.
        rate: share of each tree that is kept.
        rows, columns: share of decisions and features each tree sees.
        leaf_weight: least weight of decisions in a leaf.
        restraint: L2 penalty on leaves.
        bins: distinct values a feature is cut into.
    """

    trees: int = 300
    depth: int = 4
    rate: float = 0.03
    rows: float = 0.5
    columns: float = 0.4
    leaf_weight: float = 50.0
    restraint: float = 20.0
    bins: int = 64


def grow_trees(features: np.ndarray, up: np.ndarray, config: TreesConfig, seed: int) -> bytes:
    """Return trees that score f8[M, F] features by the log odds of a gain; one thread, same bits.

    ``up`` is f8[M] of 0 and 1.
    """
    xgboost = _library()
    parameters = {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_depth": config.depth,
        "eta": config.rate,
        "subsample": config.rows,
        "colsample_bytree": config.columns,
        "min_child_weight": config.leaf_weight,
        "lambda": config.restraint,
        "max_bin": config.bins,
        "seed": seed,
        "nthread": 1,
    }
    table = xgboost.DMatrix(features.astype(np.float32), label=up, nthread=1)
    booster = xgboost.train(parameters, table, num_boost_round=config.trees)
    return bytes(booster.save_raw("ubj"))


class Trees:
    """Trees that were grown, ready to score."""

    def __init__(self, content: bytes) -> None:
        library = _library()
        self._booster = library.Booster()
        try:
            self._booster.load_model(bytearray(content))
        except library.core.XGBoostError:
            raise ModelError("a payload is not a model XGBoost can read; train again") from None
        # More threads cost more in waiting than one row has work.
        self._booster.set_param({"nthread": 1})

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return f8[M] log odds of a gain for f8[M, F]; a row has the same bits in any company."""
        table = np.ascontiguousarray(features, dtype=np.float32)
        margin = self._booster.inplace_predict(table, predict_type="margin")
        return np.asarray(margin, dtype=np.float64)


class BoostedModel:
    """A trained model of this kind, from its artifact."""

    def __init__(self, artifact: Artifact) -> None:
        """Load and check.

        Raises:
            ModelError: the artifact is of another kind, was made for features this version defines
                differently, or holds no such model.
        """
        self.card = artifact.card
        self.version = artifact.version
        artifact.require(KIND)
        artifact.require(KIND, catalogue_inputs(_known(artifact)))
        self._calibration = _calibration(artifact)
        self._trees = Trees(_content(artifact))
        self._column = self.card.inputs.names.index(LOG_DEVIATION)

    @property
    def level(self) -> float:
        """Return the share of intervals that shall hold the outcome."""
        return self._calibration.level

    def predict(self, features: np.ndarray) -> Predictions:
        """Return one answer per row of f8[M, F], in the order of the card's inputs."""
        return apply_calibration(
            self._calibration,
            self._trees.score(features),
            horizon_deviation(features[:, self._column], self.card.label.horizon),
        )


def horizon_deviation(log_deviation: np.ndarray, horizon: int) -> np.ndarray:
    """Return the standard deviation of a return over ``horizon`` bars from that of one bar."""
    root = math.sqrt(horizon)
    return np.array([math.exp(value) * root for value in log_deviation.tolist()])


def _known(artifact: Artifact) -> tuple[str, ...]:
    """Return the model's input names if this version's catalogue has them all."""
    from aster_ray.features import catalogue

    names = artifact.card.inputs.names
    gone = [name for name in names if name not in catalogue.FEATURES]
    if gone or LOG_DEVIATION not in names:
        missing = ", ".join(gone) or LOG_DEVIATION
        raise ModelError(
            f"model {artifact.card.name} and this version do not share the feature {missing}; "
            "train it again"
        )
    return names


def _calibration(artifact: Artifact) -> Calibration:
    found = artifact.card.parameters.get("calibration")
    if isinstance(found, dict) and found.keys() == set(Calibration._fields):
        values = Calibration(**found)
        if all(type(value) is float and math.isfinite(value) for value in values):
            return values
    raise ModelError(f"model {artifact.card.name} has no calibration; train it again")


def _content(artifact: Artifact) -> bytes:
    if PAYLOAD not in artifact.payload:
        raise ModelError(f"model {artifact.card.name} has no {PAYLOAD}; train it again")
    return artifact.payload[PAYLOAD]


def _library() -> Any:
    try:
        import xgboost
    except ImportError:
        raise ModelError(
            "boosted trees need XGBoost, which is not installed: pip install 'aster-ray[ml]'"
        ) from None
    return xgboost
