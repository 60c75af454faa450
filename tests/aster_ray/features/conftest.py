"""Markets whose features are looked at: the built-in one and a rough one with holes."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.features.bars import SymbolBars, bars_of
from tests.aster_ray.features.columns import columns_of
from tests.factories import a_market


def pytest_itemcollected(item: pytest.Item) -> None:
    """Interpreted, the built-in market takes minutes to make."""
    if "btc" in getattr(item, "fixturenames", ()):
        item.add_marker("compiled")


@pytest.fixture(scope="session")
def btc() -> SymbolBars:
    """Return the hours of one symbol of the built-in market."""
    return bars_of(load_market(MarketRequest(symbols=("BTCUSDT",))), 0)[0]


@pytest.fixture(scope="session")
def rough() -> SymbolBars:
    """Return bars with jumps, open gaps, outages, still hours and hours without a trade."""
    market = a_market(900, 1, seed=3)
    draw = np.random.default_rng(3)
    market.volume[:, 0] = draw.lognormal(3.0, 2.0, 900) * (draw.random(900) > 0.1)
    bars, _ = bars_of(market, 0)
    columns = columns_of(bars)
    columns[:4, 300:330] = columns[3, 299]  # nothing moves
    return SymbolBars.of(bars.close_ms, columns)
