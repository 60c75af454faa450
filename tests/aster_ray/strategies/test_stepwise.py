"""Carried on bar by bar, a strategy says bit for bit what it says over all bars at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.errors import StrategyError
from aster_ray.kernel.market import simple_market
from aster_ray.strategies.contract import Panel, Params, Signals, Stepwise, Strategy
from aster_ray.strategies.encode import ask, encode
from aster_ray.strategies.indicators import carried, column, inputs_of
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import resolve_params
from aster_ray.strategies.registry import load, names
from aster_ray.strategies.series import cut, series_of
from aster_ray.strategies.stepwise import CarriedColumns, Steps, newest_row

PRICES = ("open", "high", "low", "close", "volume", "mark", "funding_rate")
KEYS = [
    ("close", ()),
    *((name, (float(period),)) for name in ("ema", "rsi", "adx", "atr") for period in (2, 3, 14)),
    *((name, (float(period),)) for name in ("sma", "stddev") for period in (2, 20)),
]


def row_at(panel: Panel, t: int) -> Panel:
    columns = {name: getattr(panel, name)[t : t + 1] for name in (*PRICES, "open_ms")}
    return replace(panel, **columns)


def assert_carried_equals_whole(
    strategies: Sequence[tuple[Strategy, Params]], panel: Panel, start: int
) -> int:
    """Compare every bit of every row from ``start`` on; return how many signals there were."""
    kinds = [strategy.name for strategy, _ in strategies]
    whole = encode([ask(one, panel, params) for one, params in strategies], panel, kinds)
    steps = Steps(strategies, cut(panel, start))
    for t in range(start, len(panel.open_ms)):
        row = row_at(panel, t)
        said = encode(steps.add(row), row, kinds)
        for name, one, many in zip(said._fields, said, whole, strict=True):
            expected = many[min(t, len(many) - 1)]
            assert one[0].tobytes() == expected.tobytes(), f"{name} at row {t}"
    return int((whole.code[start:] != 0).sum() + (~np.isnan(whole.ladder[start:, :, 0])).sum())


def test_every_built_in_strategy_offers_it() -> None:
    assert all(hasattr(load(name), "stepwise") for name in names())


@pytest.mark.parametrize("name", names())
def test_anywhere_in_the_box_on_markets_with_holes_and_late_listings(
    name: str, box, markets
) -> None:
    strategy = load(name)
    said = []

    @settings(max_examples=8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        panel, params = data.draw(markets), data.draw(box(strategy))
        start = data.draw(st.sampled_from([0, 1, 40, 300, 560]))
        said.append(assert_carried_equals_whole([(strategy, params)], panel, start))

    check()
    assert sum(count > 0 for count in said) > len(said) // 4  # not silence against silence


def test_all_strategies_share_columns_and_stay_themselves(walk) -> None:
    strategies = [(load(name), resolve_params(load(name), {})) for name in names()]
    assert assert_carried_equals_whole(strategies, walk(500, 3, seed=5, gaps=0.05), 0) > 300


def test_recorded_bars(recorded) -> None:
    strategies = [(load(name), resolve_params(load(name), {})) for name in names()]
    assert assert_carried_equals_whole(strategies, cut(recorded, 1_500), 400) > 500


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0]}{key[1]}")
@pytest.mark.parametrize("flat", [False, True], ids=["moving", "flat"])
def test_a_carried_column_is_the_column_from_any_beginning(walk, key, flat: bool) -> None:
    panel = walk(200, 1, seed=8)
    if flat:  # no range, no change: the divisions by zero that an indicator must survive
        panel = replace(panel, **{name: np.full_like(panel.close, 7.0) for name in PRICES})
    series, _ = series_of(panel, 0)
    whole = column(key, series)
    for begin in (0, 1, 2, 13, 14, 15, 27, 28, 29, 150):
        update = carried(key, series_of(cut(panel, begin), 0)[0])
        inputs = [getattr(series, name)[begin:].tolist() for name in inputs_of(key)]
        values = np.array([update(*prices) for prices in zip(*inputs, strict=True)])
        assert values.tobytes() == whole[begin:].tobytes(), begin


@given(
    st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=60),
    st.sampled_from([key for key in KEYS if key[0] != "close"]),
    st.integers(0, 60),
)
def test_a_carried_column_survives_prices_of_any_size(closes, key, begin: int) -> None:
    close = np.array(closes)
    prices = np.stack([close, close * 1.5, close * 0.5, close], axis=1)
    panel = Panel.of(simple_market(prices[:, None, :]))
    series, _ = series_of(panel, 0)
    begin = min(begin, len(closes))
    update = carried(key, series_of(cut(panel, begin), 0)[0])
    inputs = [getattr(series, name)[begin:].tolist() for name in inputs_of(key)]
    values = np.array([update(*prices) for prices in zip(*inputs, strict=True)])
    np.testing.assert_array_equal(values, column(key, series)[begin:])


def test_a_symbol_without_a_bar_keeps_its_columns_as_they_are(walk) -> None:
    panel = walk(60, 2)
    columns = CarriedColumns({("ema", (5.0,)): 3}, cut(panel, 50))
    before = columns.newest(("ema", (5.0,)), 3).copy()
    gone = {name: getattr(panel, name).copy() for name in PRICES}
    gone["high"][50, 1] = np.inf  # no bar either
    there = columns.add(row_at(replace(panel, **gone), 50))
    assert there.tolist() == [True, False]
    after = columns.newest(("ema", (5.0,)), 3)
    assert after[:, 1].tobytes() == before[:, 1].tobytes()
    assert after[:-1, 0].tobytes() == before[1:, 0].tobytes()


def test_a_mistake_in_a_rule_is_told_in_one_line(walk) -> None:
    class Wrong(Momentum):
        name = "wrong"
        stepwise = Stepwise(Momentum.stepwise.keys, lambda _: 2, lambda *_: 1 / 0)  # type: ignore[arg-type,return-value]

    panel = walk(20)
    steps = Steps([(Wrong(), resolve_params(Momentum(), {}))], cut(panel, 10))
    with pytest.raises(
        StrategyError, match=r"strategy wrong: stepwise.opinion\(\) failed at .*Zero"
    ):
        steps.add(row_at(panel, 10))


def test_the_newest_row_of_an_answer_of_the_wrong_shape_is_refused(walk) -> None:
    panel = walk(20)
    answer = Signals(np.zeros((19, 2), np.int8))
    with pytest.raises(StrategyError, match=r"direction must have shape \(20, 2\)"):
        newest_row(answer, panel, "mine")
