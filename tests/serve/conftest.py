"""A model small enough for tests, on disk, with the bars it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.features import catalogue
from aster_ray.features.bars import SymbolBars, bars_of
from aster_ray.models.artifact import read_artifact, write_artifact
from aster_ray.models.boosted import BoostedModel
from aster_ray.models.dataset import build_dataset
from tests.aster_ray.models.made import LABEL, trained


class Served(NamedTuple):
    """What a test needs to ask a question and to know the answer."""

    folder: Path
    model: BoostedModel
    bars: SymbolBars
    features: np.ndarray  # f8[R, F], as training saw them

    def rows(self, end: int, count: int = 256) -> list[list[float]]:
        """Return the ``count`` bars before row ``end`` as a request holds them."""
        part = slice(end - count, end)
        columns = (self.bars.open, self.bars.high, self.bars.low, self.bars.close)
        columns += (self.bars.volume, self.bars.funding_rate)
        times = self.bars.close_ms[part] - 3_600_000
        cells = (column[part].tolist() for column in columns)
        return [list(row) for row in zip(times.tolist(), *cells, strict=True)]

    def question(self, end: int, **changes: Any) -> dict[str, Any]:
        """Return a request about the bar before row ``end``."""
        asked = {"instrument": "BTCUSDT", "timeframe": "1h", "bars": self.rows(end)}
        return asked | changes


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Return a model trained on the built-in market."""
    market = load_market(MarketRequest(symbols=("BTCUSDT", "ETHUSDT")))
    artifact = trained(build_dataset(market, catalogue.NAMES, LABEL))
    folder = write_artifact(artifact, tmp_path_factory.mktemp("models") / "one")
    bars, _ = bars_of(market, 0)
    features = catalogue.matrix(bars, catalogue.NAMES)
    return Served(folder, BoostedModel(read_artifact(folder)), bars, features)
