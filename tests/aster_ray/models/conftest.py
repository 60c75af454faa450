"""Decisions to learn from: those of the built-in market."""

from __future__ import annotations

import pytest

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.features import catalogue
from aster_ray.models.dataset import Dataset, build_dataset
from tests.aster_ray.models.made import LABEL


@pytest.fixture(scope="session")
def decisions() -> Dataset:
    """Return the decisions of two symbols of the built-in market."""
    market = load_market(MarketRequest(symbols=("BTCUSDT", "ETHUSDT")))
    return build_dataset(market, catalogue.NAMES, LABEL)
