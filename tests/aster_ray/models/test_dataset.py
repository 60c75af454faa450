from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.errors import ModelError
from aster_ray.features import catalogue
from aster_ray.features.bars import bars_of
from aster_ray.models.card import Label
from aster_ray.models.dataset import Dataset, build_dataset, catalogue_inputs
from tests.aster_ray.models.made import LABEL
from tests.factories import a_market


def test_each_decision_stands_beside_what_became_of_it(decisions: Dataset) -> None:
    market = load_market(MarketRequest(symbols=("BTCUSDT", "ETHUSDT")))
    hour = market.timeframe_ms
    for n in (0, 1):
        bars, _ = bars_of(market, n)
        own = decisions.take(decisions.symbol == n)
        row = np.searchsorted(bars.close_ms, own.close_ms)
        assert np.array_equal(own.features, catalogue.matrix(bars, catalogue.NAMES)[row])
        later = np.log(bars.close[row + 4] / bars.close[row])
        np.testing.assert_allclose(own.log_return, later, rtol=1e-12)
        late = np.log(bars.close[row + 5] / bars.close[row + 1])
        np.testing.assert_allclose(own.delayed, late, rtol=1e-12)
        assert np.array_equal(own.end_ms, own.close_ms + 4 * hour)
        # 256 bars before the first, and the last five have no answer yet.
        assert len(own) == len(bars) - (catalogue.lookback(catalogue.NAMES) - 1) - 5


def test_decisions_stand_in_the_order_of_time_then_symbol(decisions: Dataset) -> None:
    keys = list(zip(decisions.close_ms.tolist(), decisions.symbol.tolist(), strict=True))
    assert keys == sorted(keys)
    assert decisions.span.rows == len(keys)
    assert (decisions.span.start_ms, decisions.span.end_ms) == (keys[0][0], keys[-1][0])


def test_warm_up_gives_no_decision() -> None:
    market = a_market(600, 2, seed=2, start=400)
    early = dataclasses.replace(market, start=0)
    some, all_ = (build_dataset(one, catalogue.NAMES, LABEL) for one in (market, early))
    assert some.close_ms.min() >= market.close_ms[400]
    kept = all_.take(all_.close_ms >= market.close_ms[400])
    assert kept.features.tobytes() == some.features.tobytes()


def test_an_outage_makes_the_answer_later() -> None:
    dataset = build_dataset(a_market(900, 2, seed=4, gaps=0.1), catalogue.NAMES, LABEL)
    bars_later = (dataset.end_ms - dataset.close_ms) // 3_600_000
    assert bars_later.min() == 4
    assert bars_later.max() > 4


def test_too_short_a_market_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(ModelError, match="its 256 bars before it and its 4 bars after"):
        build_dataset(a_market(250, 1), catalogue.NAMES, LABEL)


def test_inputs_are_told_apart_by_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("rsi_14", "return_1")
    before = catalogue_inputs(names)
    assert before.names == names
    changed = dataclasses.replace(catalogue.FEATURES["rsi_14"], revision=2)
    monkeypatch.setattr(catalogue, "FEATURES", {**catalogue.FEATURES, "rsi_14": changed})
    assert catalogue_inputs(names).digest != before.digest


def test_barriers_settle_before_the_horizon() -> None:
    market = a_market(900, 1, seed=4, gaps=0.0)
    label = Label(kind="triple_barrier", horizon=24, parameters={"width": 1.0})
    dataset = build_dataset(market, catalogue.NAMES, label)
    waited = (dataset.end_ms - dataset.close_ms) // 3_600_000
    assert waited.min() < 12
    assert waited.max() == 24
