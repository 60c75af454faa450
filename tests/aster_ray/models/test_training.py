"""What is planted is found, what is not there is not, and the same run gives the same bytes."""

from __future__ import annotations

import builtins
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aster_ray.errors import ConfigError, ModelError
from aster_ray.features import catalogue
from aster_ray.models.artifact import Artifact, make_artifact, read_artifact, write_artifact
from aster_ray.models.boosted import BoostedModel
from aster_ray.models.card import Inputs
from aster_ray.models.dataset import Dataset
from aster_ray.models.training import (
    checked,
)
from tests.aster_ray.models.made import HOUR_MS, SMOKE, planted, trained


@pytest.fixture(scope="session")
def artifact(decisions: Dataset) -> Artifact:
    return trained(decisions)


def test_coins_teach_nothing_and_it_says_so(decisions: Dataset) -> None:
    cards = [trained(planted(decisions, 0.0, seed)).card for seed in range(100, 106)]
    areas = [card.metrics["auc"] for card in cards]
    # 19 of 20 intervals hold the coin's 0.5.
    assert sum((area.low or 1.0) < 0.5 < (area.high or 0.0) for area in areas) >= 5
    assert np.mean([area.value for area in areas]) == pytest.approx(0.5, abs=0.02)
    assert sum("nothing was learnt; do not trade" in card.verdict for card in cards) >= 5
    assert not any(card.verdict.startswith(("EDGE", "NOT")) for card in cards)


def test_a_planted_signal_is_found_and_pays_only_where_costs_allow(decisions: Dataset) -> None:
    told = planted(decisions, 0.6)
    free, dear = trained(told, cost=0.0).card, trained(told, cost=0.5).card
    area = free.metrics["auc"]
    assert area.low is not None
    assert area.low > 0.52
    assert free.verdict.startswith("EDGE ON THESE DECISIONS: AUC 0.")
    assert dear.verdict.startswith("NOT WORTH TRADING: direction was forecast (AUC 0.")
    assert "before costs of 5000.0, and one bar late -49" in dear.verdict
    weak = trained(planted(decisions, 0.35)).card
    assert weak.verdict.startswith("INCONCLUSIVE: the order of gains and losses was forecast")
    assert all(fold["auc"] > 0.5 for fold in free.parameters["folds"])
    # The rules that need no training are measured on the same decisions.
    assert set(free.baselines) == {"climatology", "last_return", "contrarian", "momentum"}
    assert free.baselines["climatology"]["auc"].value == 0.5


def test_intervals_hold_about_as_often_as_they_say(artifact: Artifact) -> None:
    assert artifact.card.metrics["coverage"].value == pytest.approx(0.9, abs=0.04)


def test_the_same_run_gives_the_same_bytes_and_another_seed_another_model(
    decisions: Dataset, artifact: Artifact
) -> None:
    again = trained(decisions)
    assert again == artifact
    assert trained(decisions, seed=8).payload != artifact.payload
    assert trained(decisions, config=dataclasses.replace(SMOKE, horizon=5)) != artifact


def test_learning_ends_before_judging_begins(artifact: Artifact) -> None:
    card = artifact.card
    assert card.training.end_ms + (4 + 4) * HOUR_MS <= card.held_out.start_ms
    assert card.training.rows > 3 * card.held_out.rows / 2


def test_what_is_read_from_disk_answers_with_the_same_bits(
    decisions: Dataset, artifact: Artifact, tmp_path: Path
) -> None:
    read = read_artifact(write_artifact(artifact, tmp_path / "m"))
    here, there = BoostedModel(artifact), BoostedModel(read)
    features = decisions.features[:500]
    for mine, yours in zip(here.predict(features), there.predict(features), strict=True):
        assert mine.tobytes() == yours.tobytes()


def test_a_row_has_the_same_bits_alone_and_in_any_batch(
    decisions: Dataset, artifact: Artifact
) -> None:
    model = BoostedModel(artifact)
    together = np.stack(model.predict(decisions.features[:300]))
    for size in (1, 7, 64):
        for begin in range(0, 300 - size, 41):
            part = np.stack(model.predict(decisions.features[begin : begin + size]))
            assert part.tobytes() == together[:, begin : begin + size].tobytes()


def test_a_model_of_other_features_is_refused(artifact: Artifact, monkeypatch) -> None:
    changed = dataclasses.replace(catalogue.FEATURES["rsi_14"], revision=2)
    monkeypatch.setattr(catalogue, "FEATURES", {**catalogue.FEATURES, "rsi_14": changed})
    with pytest.raises(ModelError, match="same names are defined differently; train it again"):
        BoostedModel(artifact)
    monkeypatch.undo()
    inputs = Inputs(names=("rsi_14", "moon_phase"), digest="x")
    card = dataclasses.replace(artifact.card, inputs=inputs)
    with pytest.raises(ModelError, match="do not share the feature moon_phase"):
        BoostedModel(make_artifact(card, artifact.payload))


@pytest.mark.parametrize(
    ("card", "payload", "message"),
    [
        ({"kind": "ppo"}, None, "is of kind 'ppo', not 'xgboost'"),
        ({"parameters": {}}, None, "has no calibration"),
        ({}, {}, r"has no model\.ubj"),
        ({}, {"model.ubj": b"not trees"}, "is not a model XGBoost can read"),
    ],
)
def test_an_artifact_that_holds_no_such_model_is_refused(
    artifact: Artifact, card, payload, message
) -> None:
    other = dataclasses.replace(artifact.card, **card)
    with pytest.raises(ModelError, match=message):
        BoostedModel(make_artifact(other, artifact.payload if payload is None else payload))


def test_without_the_library_the_extra_is_named(artifact: Artifact, monkeypatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest, **named):
        if name.split(".", maxsplit=1)[0] == "xgboost":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError, match=r"pip install 'aster-ray\[ml\]'"):
        BoostedModel(artifact)


def test_values_out_of_range_are_refused_together() -> None:
    with pytest.raises(ConfigError, match="preset must be one of smoke, standard, was 'fast'"):
        checked("fast", None, None)
    with pytest.raises(ConfigError, match="horizon must be at least 1 bar, was 0; label must be"):
        checked("smoke", 0, "sign")
    assert checked("smoke", 8, "triple_barrier").taught().parameters == {"width": 1.5}
