"""Decisions to learn from: the built-in market, and one in which something can be learnt."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.features import catalogue
from aster_ray.models.card import Label
from aster_ray.models.dataset import Dataset, build_dataset

LABEL = Label(kind="log_return", horizon=4)


@pytest.fixture(scope="session")
def decisions() -> Dataset:
    """Return the decisions of two symbols of the built-in market."""
    market = load_market(MarketRequest(symbols=("BTCUSDT", "ETHUSDT")))
    return build_dataset(market, catalogue.NAMES, LABEL)


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
